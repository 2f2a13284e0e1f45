"""The last guard before anything is written: every known secret is replaced."""

from __future__ import annotations

from typing import Any

from postflight import redaction
from postflight.run import Run


def redacted(value: Any, run: Run) -> Any:
    """Return JSON-able data with every secret that this run knows replaced, value by value."""
    return redaction.redacted(value, run.connections.secrets.redact)
