"""The last guard before anything is written: secrets are replaced, known ones and those that look so."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

REDACTED = "[redacted]"

_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)")
_QUERY = re.compile(
    r"(?i)(?P<name>[?&][^=&\s]*(?:passw|secret|token|key|signature|credential|sig)[^=&\s]*=)[^&\s'\"]+"
)
_CREDENTIAL = re.compile(r"(?i)(?P<kind>\b(?:bearer|basic) )[a-z0-9+/=_.~-]{16,}")


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """Return JSON-able data with `redact` applied to every text in it; keys are ours and stay."""
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


def redact_file(file: Path, redact: Callable[[str], str]) -> None:
    """Take the secrets out of a text file that somebody else wrote, if it is there."""
    if not file.is_file():
        return
    text = file.read_text(encoding="utf-8")
    clean = redact(text)
    if clean != text:
        file.write_text(clean, encoding="utf-8")


def masked(text: str) -> str:
    """Return `text` without what looks like a secret: logins in URLs, tokens in queries and headers."""
    if "://" in text:
        text = _URL_LOGIN.sub(REDACTED, text)
    if "=" in text:
        text = _QUERY.sub(rf"\g<name>{REDACTED}", text)
    return _CREDENTIAL.sub(rf"\g<kind>{REDACTED}", text)
