"""pytest's own JUnit file is written by pytest; secrets are taken out of it wherever it lies."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from postflight.redaction import Secrets
from postflight.report import junit
from selftests import tiny_project

CHECK = '''

def test_it_is_told_more(declared_subnet, record_property):
    """CI servers show properties beside the result."""
    record_property("database", "postgresql://shop:pa55-nobody-may-read@db.example/shop")
    assert declared_subnet.zone
'''


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("junit.xml", "project/junit.xml"),
        ("~/junit.xml", "home/junit.xml"),
        ("$HOME/out/../junit.xml", "home/junit.xml"),
        ("${HOME}/junit.xml", "home/junit.xml"),
    ],
)
@pytest.mark.parametrize("processes", ["0", "1"])
def test_junit_carries_no_secret_however_its_path_is_said(
    tmp_path: Path, said: str, place: str, processes: str
) -> None:
    """A path has ~ and $VARIABLES; a guard that looks elsewhere finds nothing to guard."""
    folder = tiny_project.make(tmp_path / "project")
    (tmp_path / "home").mkdir()
    checks = folder / "tests_infra" / "test_tiny.py"
    checks.write_text(checks.read_text(encoding="utf-8") + CHECK, encoding="utf-8")
    tiny_project.run(
        folder, "-n", processes, f"--junitxml={said}", variables={"HOME": str(tmp_path / "home")}
    )
    text = (tmp_path / place).read_text(encoding="utf-8")

    assert "[redacted]@db.example" in text
    assert "pa55-nobody-may-read" not in text


def test_junit_is_redacted_value_by_value(tmp_path: Path) -> None:
    """A secret looks different as XML writes it, and what is replaced must not take a tag with it."""
    file = tmp_path / "junit.xml"
    said = "it is a&amp;b&lt;c, password=abc</failure>"
    file.write_text(f'<testsuite><failure message="a&amp;b&lt;c">{said}</testsuite>', encoding="utf-8")
    secrets = Secrets()
    secrets.add("a&b<c")
    junit.redact(file, secrets.redact)

    failure = ET.fromstring(file.read_text(encoding="utf-8"))[0]  # noqa: S314 - written above
    assert failure.get("message") == "[redacted]"
    assert failure.text == "it is [redacted], password=[redacted]"
