"""The last guard before anything is written: every known secret is replaced."""

from __future__ import annotations

from typing import Any

from postflight.run import Run


def redacted(value: Any, run: Run) -> Any:
    """Return JSON-able data with every secret that this run knows replaced, value by value."""
    if isinstance(value, dict):
        return {key: redacted(item, run) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, run) for item in value]
    return run.connections.secrets.redact(value) if isinstance(value, str) else value
