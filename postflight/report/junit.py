"""JUnit: pytest's own file, out of which secrets are taken once it is written."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from _pytest.junitxml import xml_key

from postflight.writing import Clean, Redact, write_whole

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'


def written(config: pytest.Config) -> Path | None:
    """Return where this process writes JUnit: pytest expands ~ and $VARIABLES. None: it writes none."""
    xml = config.stash.get(xml_key, None)
    return Path(xml.logfile) if xml is not None else None


def redact(file: Path, redact: Redact) -> None:
    """Take the secrets out of the file, if it is there; it stays XML."""
    if not file.is_file():
        return
    text = file.read_text(encoding="utf-8")
    try:
        clean = _HEAD + _redacted(text, redact)
    except ET.ParseError:
        clean = redact(text)
    if clean != text:
        write_whole(file, [Clean(clean)])


def _redacted(text: str, redact: Redact) -> str:
    """Redact value by value: as XML writes them, `&` and quotes look different, and a tag ends no secret."""
    root = ET.fromstring(text)  # noqa: S314 - pytest has just written it
    for element in root.iter():
        element.attrib.update({name: redact(value) for name, value in element.attrib.items()})
        if element.text:
            element.text = redact(element.text)
    return ET.tostring(root, encoding="unicode")
