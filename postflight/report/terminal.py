"""What the terminal shows after pytest's progress: causes, what is not verified, one line of totals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postflight.causes import Explanation
from postflight.report.summary import calls_in_words, totals
from postflight.verdicts import Outcome

_SHOWN_CONSEQUENCES = 8


@dataclass(frozen=True)
class Line:
    """One line of text, and how pytest's terminal writer marks it up."""

    text: str = ""
    markup: Mapping[str, bool] = ()  # type: ignore[assignment]

    def options(self) -> dict[str, bool]:
        """Return the markup as keyword arguments."""
        return dict(self.markup)


RED, YELLOW, BOLD, DIM = ({name: True} for name in ("red", "yellow", "bold", "light"))


def lines(
    results: Mapping[str, Any], outcomes: Sequence[Outcome], explanation: Explanation, width: int
) -> Iterator[Line]:
    """Yield the end of a run's output: causes first, each with what, where and the runbook."""
    by_id = {one.id: one for one in outcomes}
    for number, cause in enumerate(explanation.causes, 1):
        consequences = [by_id[one] for one in explanation.consequences(cause)]
        yield from _cause(number, by_id[cause], consequences, width)
    unverified = [one for one in outcomes if one.verdict == "unverified"]
    if unverified:
        yield from _unverified(unverified, width)
    for left_out in results["not_declared"]:
        yield from _wrapped(f"not declared: {left_out['section']}: {left_out['why']}", width, "", DIM)
    yield Line()
    yield Line(
        f"{results['run']['env']}: {totals(outcomes, explanation)} in {results['run']['duration_s']:.1f} s; "
        f"calls: {calls_in_words(results['calls'])}",
        BOLD,
    )


def _cause(number: int, cause: Outcome, consequences: Sequence[Outcome], width: int) -> Iterator[Line]:
    yield Line()
    yield from _wrapped(f"CAUSE {number}  {cause.message}", width, "         ", {**RED, **BOLD})
    yield Line(f"         {cause.id}", DIM)
    for name in ("cause", "confirm", "fix", "prevent", "guide"):
        text = cause.runbook.get(name)
        if text:
            yield from _field(name, text, width)
    if consequences:
        yield Line(f"  leads to {len(consequences)} more:", BOLD)
        for one in consequences[:_SHOWN_CONSEQUENCES]:
            yield from _wrapped(f"  └ {one.message}", width, "    ")
            yield Line(f"    {one.id}", DIM)
        hidden = len(consequences) - _SHOWN_CONSEQUENCES
        if hidden > 0:
            yield Line(f"  └ and {hidden} more, in summary.md")


def _field(name: str, text: str, width: int) -> Iterator[Line]:
    """Prose is wrapped; a fenced command keeps its lines, so that it can be pasted."""
    label = f"  {name:<9}"
    fenced = False
    first = True
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            continue
        margin = label if first else " " * len(label)
        if fenced or not line.strip():
            yield Line(f"{margin}{'  ' if fenced else ''}{line}".rstrip())
        else:
            yield from _wrapped(f"{margin}{line}", width, " " * len(label))
        first = False


def _unverified(outcomes: Sequence[Outcome], width: int) -> Iterator[Line]:
    yield Line()
    yield Line(f"NOT VERIFIED: {len(outcomes)} (we could not look)", {**YELLOW, **BOLD})
    by_message: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_message.setdefault(one.message, []).append(one)
    for message, same in by_message.items():
        missing = f" [missing permission: {same[0].permission}]" if same[0].permission else ""
        yield from _wrapped(f"  {message}{missing}", width, "    ", YELLOW)
        for one in same[:_SHOWN_CONSEQUENCES]:
            yield Line(f"    {one.id}", DIM)
        if len(same) > _SHOWN_CONSEQUENCES:
            yield Line(f"    and {len(same) - _SHOWN_CONSEQUENCES} more, in summary.md", DIM)


def _wrapped(text: str, width: int, indent: str, markup: Mapping[str, bool] | None = None) -> Iterator[Line]:
    for line in textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]:
        yield Line(line, markup or {})
