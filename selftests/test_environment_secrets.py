"""Secrets and variables in environment files: what must not be there, and what must have a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from postflight.environment import load
from selftests.environment_files import MINIMAL, SECRET, complaint, line_of


@pytest.mark.parametrize(
    "text",
    [
        f"vpc:\n  vpc: x\n  password: {SECRET}\n",
        "vpc:\n  vpc: x\n  password: 12345\n",
        f"description: x\nca: postgresql://admin:{SECRET}@db:5432/saleordb\n",
        f"services:\n  s: {{namespace: x, required: {{\n    DB_PASSWORD: {{value: {SECRET}}}}}}}\n",
        f"services:\n  s: {{namespace: x, required: {{\n    DB_PASSWORD: {{value: '${{X:-{SECRET}}}'}}}}}}\n",
        f"variables: {{p: {SECRET}}}\nbring_up:\n  command: {{token: '${{p}}'}}\n",
        f"variables:\n  x: y\n  db_password: {SECRET}\n",
        f"bring_up:\n  command:\n    - 'redis://:{SECRET}@cache:6379/0'\n",
    ],
    ids=["key", "number", "url", "required", "default", "variable", "variables", "list"],
)
def test_secret_in_plain_text_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    """Environment files are kept in Git, and complaints in logs."""
    message = complaint(tmp_path, MINIMAL + text)
    assert "holds a secret in plain text" in message
    assert line_of(message) in {5, 6}


def test_secret_from_the_process_environment_is_welcome_and_not_shown(tmp_path: Path) -> None:
    """That is where secrets come from; a complaint about another key must not tell them."""
    text = MINIMAL + "services: {s: {namespace: x, required: {DB_PASSWORD: {value: '${PW}'}}}}\n"
    (tmp_path / "good.yaml").write_text(text)
    services = load(tmp_path / "good.yaml", {"PW": SECRET}).services
    assert services["s"].required["DB_PASSWORD"].value == SECRET
    wrong = MINIMAL + "services: {s: {namespace: x, required: {DB_PASSWORD: '${PW}'}}}\n"
    assert "not shown" in complaint(tmp_path, wrong, {"PW": SECRET})


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("description: ${NOT_SET}\n", 4, "${NOT_SET} has no value. Set it in the process environment"),
        ("jobs:\n  defaults:\n    namespace: ${NOT_SET}\n  j:\n", 6, "${NOT_SET} has no value"),
        ("description: ${not-a-name}\n", 4, "holds a `${` that is no variable"),
        ("variables:\n  a: ${b}\n  b: ${a}\ndescription: ${a}\n", 5, "made of itself: ${a} -> ${b} -> ${a}."),
        ("variables: [a]\n", 4, "`variables` is a mapping of names to text."),
        ("variables:\n  a: [b]\n", 5, "the variable `a` must be text"),
    ],
    ids=["unset", "unset-default", "malformed", "itself", "list", "not-text"],
)
def test_variable_without_a_value_is_answered_with_where_it_is_used(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    """An empty text in its place would make checks of nothing."""
    message = complaint(tmp_path, MINIMAL + text)
    assert said in message
    assert line_of(message) == line


@pytest.mark.parametrize("name", ["VAULT_SECRET_ID", "DBPASS", "STRIPE_SK", "LICENSE"])
@pytest.mark.parametrize("text", ["vpc: {vpc: x, nat_gateway_per_zone: '${%s}'}\n", "'${%s}': x\n"])
def test_a_complaint_names_a_variable_and_shows_no_value(tmp_path: Path, name: str, text: str) -> None:
    """Whatever a variable is called, its value may be a secret."""
    message = complaint(tmp_path, MINIMAL + text % name, {name: "Zq8vLm2xTrY77p"})

    assert "Zq8vLm2xTrY77p" not in message
    assert f"${{{name}}}" in message
