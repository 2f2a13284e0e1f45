"""The last guard before anything is written: every known secret is replaced, value by value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """Return JSON-able data with `redact` applied to every text in it; keys are ours and stay."""
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, redact) for item in value]
    return redact(value) if isinstance(value, str) else value
