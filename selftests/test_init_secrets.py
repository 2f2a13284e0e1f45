"""`postflight init` writes and prints no secret, and goes on where it finds one."""

from __future__ import annotations

from pathlib import Path

import yaml

from postflight.discovery.found import Entry, Section, redacted_section, without_secrets
from postflight.redaction import Secrets
from selftests.commands import init, postflight
from selftests.proofs.harness import Sandbox

_PASSWORD = "hunter2secret"
_URL = f"https://user:{_PASSWORD}@media.example.com/x"


def test_entry_keeps_all_but_the_secret() -> None:
    """One URL with a password must not keep the other hundred entries from being written."""
    entry = Entry("file", {"namespace": "shop", "required": {"UPLOAD_DIR": {"value": _URL}, "PORT": {}}})
    kept = without_secrets(entry)

    assert kept.fields == {"namespace": "shop", "required": {"UPLOAD_DIR": {}, "PORT": {}}}
    assert kept.guess == "required.UPLOAD_DIR.value: not written, since it holds a secret"
    assert not kept.left_out


def test_entry_whose_own_field_is_a_secret_is_left_out() -> None:
    """An API without its address cannot be verified; its address must not be in the comment either."""
    kept = without_secrets(Entry("api", {"url": _URL, "service": "api"}, guess="origins"))

    assert kept.fields == {"service": "api"}
    assert kept.left_out == "url: not written, since it holds a secret"


def test_entry_without_secrets_is_as_it_was() -> None:
    """A reference to a Secret is not the secret."""
    entry = Entry("file", {"required": {"DB_PASSWORD": {}, "LOG_DIR": {"value": "/var/log/shop"}}})

    assert without_secrets(entry) is entry


def test_section_is_redacted_value_by_value() -> None:
    """A value of the shell is in no value of the file, and names stay what they are."""
    fields = {
        "service": "shop-k9q",
        "paths": ["/a", "/a/shop-k9q"],
        "env": {"A": {"value": "shop-k9q"}, "B": {}},
    }
    entries = (Entry("shop-k9q", fields, guess="or shop-k9q"),)
    kept = redacted_section(
        Section(
            "services", "", entries, {"id": "shop-k9q", "url": "https://a.example/shop-k9q"}, "no shop-k9q"
        ),
        Secrets(["shop-k9q"]).redact,
    )

    assert kept.entries[0] == Entry(
        "shop-k9q",
        {"service": "shop-k9q", "paths": ["/a"], "env": {"A": {}, "B": {}}},
        guess="or [redacted]; paths.1, env.A.value: not written, since it holds a secret",
    )
    assert (kept.fields, kept.trouble) == ({"id": "shop-k9q"}, "no [redacted]")


def test_file_is_written_whatever_the_shell_holds(sandbox: Sandbox, tmp_path: Path) -> None:
    """A variable that is called like a secret may hold what a workload is called."""
    file = tmp_path / "found.yaml"
    done = init(sandbox, file, variables={"SESSION_COOKIE": "cart-service", "AUTH": "saleor-api"})

    assert (done.returncode, done.stderr) == (0, "")
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert {"cart-service", "saleor-api"} <= written["services"].keys()


def test_variable_with_a_password_is_demanded_without_its_value(sandbox: Sandbox, tmp_path: Path) -> None:
    """The file is written, and is valid."""
    file = tmp_path / "found.yaml"
    sandbox.break_("env-drift", "workload=file-service", "key=UPLOAD_DIR", f"value={_URL}")
    try:
        done = init(sandbox, file)
    finally:
        sandbox.mend("env-drift")

    assert (done.returncode, done.stderr) == (0, "")
    text = file.read_text(encoding="utf-8")
    assert _PASSWORD not in text
    assert "required: {UPLOAD_DIR: {}}" in text


def test_address_of_aws_is_printed_without_its_password() -> None:
    """A complaint ends in the log of a pipeline."""
    variables = {
        "AWS_ENDPOINT_URL": f"http://user:{_PASSWORD}@127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    done = postflight("init", "--name", "x", "--region", "eu-west-1", "--output", "-", variables=variables)

    assert done.returncode == 6
    assert "127.0.0.1:9" in done.stderr
    assert _PASSWORD not in done.stdout + done.stderr
