"""The JSON Schema that editors complete and check environment files by."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from postflight.environment.schema import schema, schema_text

FOLDER = Path(__file__).parent.parent / "environments"
FILES = sorted(FOLDER.glob("*.yaml"))


def complaints(content: Any) -> list[str]:
    """Return what the schema has against the content of a file."""
    return [error.json_path for error in Draft202012Validator(schema()).iter_errors(content)]


def test_checked_in_schema_is_current() -> None:
    """Editors read the file; `postflight schema > environments/schema.json` writes it."""
    assert (FOLDER / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_schema_is_a_schema() -> None:
    """Draft 2020-12, as it says itself."""
    Draft202012Validator.check_schema(schema())


def test_there_are_files_to_check() -> None:
    """Five environments and KYEOL's base."""
    assert len(FILES) == 6


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_file_satisfies_the_schema_it_names(file: Path) -> None:
    """A red line in an editor under something right would teach people to ignore red lines."""
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert complaints(yaml.safe_load(text)) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize(
    "path", [("aws",), ("services", "defaults"), ("services", "some"), ("vpc",), ()], ids=".".join
)
def test_unknown_key_does_not_satisfy_the_schema(file: Path, path: tuple[str, ...]) -> None:
    """Wherever it is: at the top, in a mapping, in an entry, in a section's defaults."""
    content = copy.deepcopy(yaml.safe_load(file.read_text(encoding="utf-8")))
    inner = content
    for key in path:
        inner = inner.setdefault(key, {})
    inner["no_such_key"] = "x"
    assert complaints(content)


@pytest.mark.parametrize(
    "content",
    [
        {
            "services": {
                "s": None,
                "defaults": {"replicas": "${REPLICAS:-2}", "health": {"limit_s": "${limit}"}},
            }
        },
        {"services": {"s": {"required": {"*": None, "A": {}}, "tag_policy": "${tags}", "port": "http"}}},
        {"caches": {"c": {"tls": "${TLS}", "port": "${PORT}", "auth": {"key": "k"}}}},
        {"apis": {"a": {"url": "${URL}", "methods": ["${METHOD}"], "limit_s": 3}}},
        {"extends": "a.base.yaml", "variables": {"a": 1, "b": "${a}"}, "jobs": {"old": None}, "vpc": None},
    ],
)
def test_variables_defaults_and_nulls_satisfy_the_schema(content: dict[str, Any]) -> None:
    """What the loader takes, an editor must not underline."""
    assert complaints(content) == []


@pytest.mark.parametrize(
    "content",
    [
        {"aws": {"account": 123456789012}},
        {"aws": {"account": "1234"}},
        {"services": {"s": {"replicas": "many"}}},
        {"services": {"s": {"tag_policy": "fxed"}}},
        {"services": ["s"]},
        {"jobs": {"j": {"name": "other"}}},
        {"name": "x"},
    ],
)
def test_wrong_value_does_not_satisfy_the_schema(content: dict[str, Any]) -> None:
    """An editor says so before the loader has to."""
    assert complaints(content)


def test_descriptions_are_kept() -> None:
    """They are what an editor shows beside a key."""
    definitions = schema()["$defs"]
    assert definitions["Subnet"]["description"] == "A subnet by its Name tag."
    assert "never a password" in definitions["DatabaseServer"]["properties"]["user"]["description"].lower()
