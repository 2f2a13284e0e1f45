"""Modules that could not be collected: which, and why, also where tracebacks are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from postflight.report import terminal

_MOST = 20
# How pytest begins to say that two modules have one name; it ends with a hint that does not help here.
_SAME_NAME = "import file mismatch:"


def lines(
    reporter: pytest.TerminalReporter, redact: Callable[[str], str], *, traces: bool
) -> Iterator[terminal.Line]:
    """Yield a line for each; `traces`: whether pytest shows their tracebacks as well."""
    failed = [one for one in reporter.stats.get("error", ()) if getattr(one, "when", None) == "collect"]
    if not failed:
        return
    yield terminal.Line()
    for one in failed[:_MOST]:
        yield terminal.Line(redact(f"NOT COLLECTED: {one.nodeid}: {_reason(one)}"), terminal.RED)
    if len(failed) > _MOST:
        yield terminal.Line(f"and {len(failed) - _MOST} more", terminal.RED)
    if not traces:
        yield terminal.Line("--tb=short tells where.", terminal.DIM)


def _reason(report: pytest.CollectReport) -> str:
    """Return the exception's own words, which pytest marks with an E; else the last line."""
    told = [line for line in report.longreprtext.splitlines() if line.strip()]
    if told[:1] == [_SAME_NAME]:
        return "another module has its name. Give --import-mode=importlib, as addopts in pyproject.toml does."
    marked: Sequence[str] = [line[1:].strip() for line in told if line.startswith("E ")]
    return (marked or told or ["no more is known"])[-1]
