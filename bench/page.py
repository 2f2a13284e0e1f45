"""The tables of a page of the documentation: each is replaced whole by what was measured."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measurement import Measurement
from bench.table import as_markdown

_PARTS = re.compile(r"^(?=## )", re.MULTILINE)
# A table of the bench, and the sentence under it that says how it was made.
_TABLE = re.compile(r"^\| section \|.*\n(?:\|.*\n)+(?:\nMeasured .*\n)?", re.MULTILINE)


def made_by(words: Sequence[str]) -> str:
    """Return the sentence that says when, how and where a table was made."""
    now = datetime.now(UTC).strftime("%Y-%m-%d, %H:%M UTC")
    where = f"Python {platform.python_version()}, {os.cpu_count()} CPUs"
    load = os.getloadavg()[0]
    return (
        f"Measured {now}: `{' '.join(('python -m bench', *words))}`; {where}, a load of {load:.1f} before.\n"
    )


def with_table(page: str, section: str, measured: Sequence[Measurement], made: str) -> str:
    """Return a page whose section has this table in place of its own, and how it was made under it."""
    parts = _PARTS.split(page)
    of_it = [number for number, part in enumerate(parts) if _name(part) == section]
    if len(of_it) != 1:
        raise ValueError(f"{len(of_it)} headings are named {section}, not one")
    table = f"{as_markdown({section: measured})}\n\n{made}"
    replaced, tables = _TABLE.subn(lambda _: table, parts[of_it[0]])
    if tables != 1:
        raise ValueError(f"{tables} tables of the bench are under {section}, not one")
    return "".join((*parts[: of_it[0]], replaced, *parts[of_it[0] + 1 :]))


def put(file: Path, section: str, measured: Sequence[Measurement], made: str) -> None:
    """Put a section's table into a page, which is read anew: minutes have passed since the last."""
    page = with_table(file.read_text(encoding="utf-8"), section, measured, made)
    file.write_text(page, encoding="utf-8")


def _name(part: str) -> str:
    heading = part.partition("\n")[0]
    return heading.removeprefix("## ").lower().replace(" ", "-") if heading.startswith("## ") else ""
