"""What the terminal shows after pytest's progress: causes, what is not verified, one line of totals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from postflight.report.findings import Findings
from postflight.verdicts import Outcome

_SHOWN = 8
_MARGIN = 11


@dataclass(frozen=True)
class Line:
    """One line of text, and how pytest's terminal writer marks it up."""

    text: str = ""
    markup: Mapping[str, bool] = field(default_factory=dict)

    def options(self) -> dict[str, bool]:
        """Return the markup as keyword arguments."""
        return dict(self.markup)


RED = {"red": True, "bold": True}
YELLOW = {"yellow": True}
BOLD = {"bold": True}
DIM = {"light": True}


def lines(findings: Findings, width: int) -> Iterator[Line]:
    """Yield the end of a run's output: causes first, each with what, where and the runbook."""
    for number, (cause, consequences) in enumerate(findings.causes(), 1):
        yield from _cause(number, cause, consequences, width)
    yield from _unverified(findings.of_verdict("unverified"), width)
    for one in findings.of_verdict("waived"):
        yield from _wrapped(f"WAIVED     {one.message}", width, " " * _MARGIN, YELLOW)
        yield Line(f"{' ' * _MARGIN}{one.id}", DIM)
    for note in findings.waiver_notes:
        yield from _wrapped(f"WAIVER     {note}", width, " " * _MARGIN, RED)
    settled = [one for one in findings.outcomes if one.settled_after_s is not None]
    for one in settled:
        yield Line(f"SETTLED    {one.id} passed after {one.settled_after_s:.0f} s", YELLOW)
    if findings.results["not_declared"]:
        yield Line()
    for left_out in findings.results["not_declared"]:
        text = f"not looked at: {left_out['section']}: {left_out['why']}"
        yield from _wrapped(text, width, "  ", DIM)
    yield Line()
    changes = findings.changes()
    if changes:
        yield from _wrapped(changes, width, "  ")
    run = findings.results["run"]
    total = f"{run['env']}: {findings.totals()} in {run['duration_s']:.1f} s; calls: {findings.calls()}"
    yield from _wrapped(total, width, "  ", BOLD)


def _cause(number: int, cause: Outcome, consequences: Sequence[Outcome], width: int) -> Iterator[Line]:
    yield Line()
    yield from _wrapped(f"{f'CAUSE {number}':<{_MARGIN}}{cause.message}", width, " " * _MARGIN, RED)
    yield Line(f"{' ' * _MARGIN}{cause.id}", DIM)
    for name in ("cause", "confirm", "fix", "prevent", "guide"):
        if cause.runbook.get(name):
            yield from _field(name, cause.runbook[name], width)
    if not consequences:
        return
    yield Line(f"  leads to {len(consequences)} more:", BOLD)
    for one in consequences[:_SHOWN]:
        yield from _wrapped(f"  └ {one.message}", width, "    ")
        yield Line(f"    {one.id}", DIM)
    if len(consequences) > _SHOWN:
        yield Line(f"  └ and {len(consequences) - _SHOWN} more, in summary.md")


def _field(name: str, text: str, width: int) -> Iterator[Line]:
    """Prose is wrapped; a fenced command keeps its lines, so that it can be pasted."""
    margin = f"  {name:<{_MARGIN - 2}}"
    is_command = False
    for line in text.splitlines():
        if line.startswith("```"):
            is_command = not is_command
            continue
        if is_command:
            yield Line(f"{margin}  {line}".rstrip(), BOLD)
        elif line.strip():
            yield from _wrapped(f"{margin}{line}", width, " " * _MARGIN)
        margin = " " * _MARGIN


def _unverified(outcomes: Sequence[Outcome], width: int) -> Iterator[Line]:
    if not outcomes:
        return
    yield Line()
    yield Line(f"NOT VERIFIED: {len(outcomes)} (we could not look)", {**YELLOW, **BOLD})
    by_message: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_message.setdefault(one.message, []).append(one)
    for message, same in by_message.items():
        missing = f" [missing permission: {same[0].permission}]" if same[0].permission else ""
        yield from _wrapped(f"  {message}{missing}", width, "    ", YELLOW)
        yield from (Line(f"    {one.id}", DIM) for one in same[:_SHOWN])
        if len(same) > _SHOWN:
            yield Line(f"    and {len(same) - _SHOWN} more, in summary.md", DIM)


def _wrapped(text: str, width: int, indent: str, markup: Mapping[str, bool] | None = None) -> Iterator[Line]:
    wrapped = textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    yield from (Line(line, markup or {}) for line in wrapped or [""])
