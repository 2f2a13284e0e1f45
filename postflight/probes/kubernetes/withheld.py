"""Which parts of a Secret's values are never to be written."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

from postflight.probes.connections import Secrets

# Withholding such words everywhere would garble reports, and would protect nothing.
_WORDS: Final = frozenset({"true", "false", "null", "none", "http", "https"})
_SHORTEST_NUMBER: Final = 8


def remember(secrets: Secrets, value: str, encoded: str) -> None:
    """Remember a Secret's value, its base64 form, and the password in it if it is a URL."""
    if value.lower() in _WORDS or (value.isdigit() and len(value) < _SHORTEST_NUMBER):
        return
    secrets.add(value)
    secrets.add(encoded)
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        return
    if password:
        secrets.add(password)
        secrets.add(unquote(password))
