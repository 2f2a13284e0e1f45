"""What is shown of a traceback: local variables of checks only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def keep_locals_of_checks(report: pytest.TestReport, root: Path) -> None:
    """Forget the local variables of all frames but the check's own (`--showlocals`).

    A probe's frames hold what it read, Secrets too, and pytest shortens what it prints: half a secret is
    recognised by nobody. A frame of which nobody knows the file may be a probe's.
    """
    check = (root / report.location[0]).resolve()
    for entry in _frames(report.longrepr):
        place = getattr(entry, "reprfileloc", None)
        if place is None or Path(place.path).resolve() != check:
            entry.reprlocals = None
            entry.reprfuncargs = None


def _frames(told: Any) -> Iterator[Any]:
    """Yield the frames of pytest's display of an exception, and of those that it came from."""
    displays = [link[0] for link in getattr(told, "chain", ())] or [getattr(told, "reprtraceback", None)]
    for display in displays:
        yield from getattr(display, "reprentries", ())
