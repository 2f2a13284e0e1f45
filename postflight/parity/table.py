"""Prints differences as a table whose lines stay the same as long as the differences do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from postflight.parity.facts import Difference
from postflight.report.text import columns, cut, padded

_LONGEST = 60
_ABSENT = "-"


def table(differences: tuple[Difference, ...], left: str, right: str) -> Iterator[str]:
    """Yield a heading and one line a difference, in columns."""
    rows = [("SECTION", "ENTRY", "FIELD", left, right)]
    rows += [(one.section, one.entry, one.field, _shown(one.left), _shown(one.right)) for one in differences]
    widths = [max(columns(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (padded(cell, size) for cell, size in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _shown(value: Any) -> str:
    if value is None or value in ([], ()):
        return _ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return cut(text, _LONGEST)
