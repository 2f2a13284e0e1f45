"""What the terminal shows after pytest's progress: the tree of causes, runbook, not verified, totals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from postflight import runbook
from postflight.report import told
from postflight.report.findings import Findings
from postflight.report.text import columns, counted, cut, listed, padded, wrapped
from postflight.verdicts import Outcome

_CAUSES = 20
_RUNBOOKS = 5
_BRANCHES = 8
_MESSAGES = 6
_PLACES = 3
_MARGIN = 11
_FIELDS = ("cause", "confirm", "fix", "prevent", "guide")
_NOTHING = {"", "—", "-"}


@dataclass(frozen=True)
class Line:
    """One line of text, and how pytest's terminal writer marks it up; or a command to the CI system."""

    text: str = ""
    markup: Mapping[str, bool] = field(default_factory=dict)
    is_command: bool = False

    def options(self) -> dict[str, bool]:
        """Return the markup as keyword arguments."""
        return dict(self.markup)


RED = {"red": True, "bold": True}
YELLOW = {"yellow": True}
BOLD = {"bold": True}
DIM = {"light": True}


def lines(findings: Findings, width: int) -> Iterator[Line]:
    """Yield the end of a run's output: the tree of causes, their runbook, the rest, the totals last."""
    causes = findings.causes()
    if causes:
        label = partial(runbook.label, language=findings.language)
        yield from _tree(causes, _earlier(findings), label("fix"), width)
        for number, cause in enumerate(causes[:_RUNBOOKS], 1):
            yield from _runbook(number, cause, label, width)
        if len(causes) > _RUNBOOKS:
            yield Line()
            yield Line(f"RUNBOOK {_RUNBOOKS + 1} and on: summary.md, or `postflight explain CHECK`", BOLD)
    yield from _unverified(findings.of_verdict("unverified"), width)
    yield from _waived(findings, width)
    yield from _settled(findings.outcomes, width)
    yield from _left_out(findings, width)
    yield from _canaries_left(findings, width)
    yield Line()
    if findings.replay:
        yield from _wrapped(findings.replay, width, "  ", {**YELLOW, **BOLD})
    changes = findings.changes()
    if changes:
        yield from _wrapped(changes, width, "  ")
    run = findings.results["run"]
    yield from _wrapped(
        f"{run['env']}: {findings.totals()} in {run['duration_s']:.1f} s", width, "  ", _colour(findings)
    )
    yield from _wrapped(f"calls: {findings.calls()}", width, "  ", DIM)


def _earlier(findings: Findings) -> Mapping[str, str]:
    """Return since when a check fails, where that is longer than this run."""
    started = findings.results["run"]["started"]
    return {one: since for one, since in findings.comparison.since.items() if since != started}


def _colour(findings: Findings) -> Mapping[str, bool]:
    if findings.of_verdict("failed"):
        return RED
    return {**YELLOW, **BOLD} if findings.of_verdict("unverified") else {"green": True, "bold": True}


def _tree(causes: Sequence[told.Cause], since: Mapping[str, str], fix: str, width: int) -> Iterator[Line]:
    yield Line()
    yield Line("WHAT BROKE FIRST" if len(causes) == 1 else f"WHAT BROKE FIRST: {len(causes)} causes", BOLD)
    for number, cause in enumerate(causes[:_CAUSES], 1):
        margin = f"{number:>2}  "
        yield Line()
        yield from _wrapped(f"{margin}{cause.first.message}", width, "    ", RED)
        yield from _places(cause, width)
        if cause.first.id in since:
            yield Line(f"    since  {since[cause.first.id]}", DIM)
        first = told.first_pieces(cause.first.runbook.get("fix", ""))
        yield from _pieces(padded(f"    {fix}", _MARGIN), first, width)
        if cause.consequences:
            yield from _branches(cause, width)
    if len(causes) > _CAUSES:
        yield Line()
        yield Line(f"    and {counted(len(causes) - _CAUSES, 'more cause')}: summary.md", BOLD)


def _places(cause: told.Cause, width: int) -> Iterator[Line]:
    yield Line(f"    where  {cause.first.id}", DIM)
    if cause.others:
        also = "           and alike: "
        names = [one.subject or one.id for one in cause.others]
        yield Line(f"{also}{listed(names, width - columns(also))}", DIM)


def _branches(cause: told.Cause, width: int) -> Iterator[Line]:
    if cause.is_all_told:
        yield Line(f"    └─ {cause.count}", BOLD)
        return
    yield Line(f"    └─ {cause.count}; no longer true because of it:", BOLD)
    alike = told.by_check(cause.consequences)
    shown, hidden = alike[:_BRANCHES], alike[_BRANCHES:]
    widest = max(columns(one.fact) for one in shown)
    for position, one in enumerate(shown, 1):
        fork = "└─" if position == len(shown) and not hidden else "├─"
        start = f"       {fork} {padded(one.fact, min(widest, width // 2))}  "
        names = listed(one.subjects, max(width - columns(start), 12))
        yield Line(f"{start}{names}".rstrip())
    if hidden:
        count = sum(len(one.outcomes) for one in hidden)
        yield Line(f"       └─ and {count} more, of {counted(len(hidden), 'other check')}: summary.md", DIM)


def _runbook(number: int, cause: told.Cause, label: Callable[[str], str], width: int) -> Iterator[Line]:
    entry = cause.first.runbook
    if all(entry.get(name, "") in _NOTHING for name in _FIELDS):
        return
    yield Line()
    yield Line(f"RUNBOOK {number}  {cut(told.title_of(cause.first), width - _MARGIN)}", BOLD)
    for name in _FIELDS:
        if entry.get(name, "") not in _NOTHING:
            margin = padded(f"  {label(name)}", _MARGIN)
            yield from _pieces(margin, told.pieces(told.steps(entry[name])), width)
        if name == "fix":
            yield from _other_commands(cause)


def _other_commands(cause: told.Cause) -> Iterator[Line]:
    """Yield the fix of the other places, where its commands name them."""
    said = set(told.commands(cause.first.runbook.get("fix", "")))
    here = len(said)
    for one in cause.others[:_PLACES]:
        for command in told.commands(one.runbook.get("fix", "")):
            if command in said:
                continue
            if len(said) == here:
                yield Line(f"{' ' * _MARGIN}The same for the other places:")
            yield Line(f"{' ' * _MARGIN}  {command}", BOLD)
            said.add(command)
    if len(cause.others) > _PLACES:
        yield Line(f"{' ' * _MARGIN}and {len(cause.others) - _PLACES} more places: summary.md", DIM)


def _pieces(margin: str, pieces: Iterable[tuple[str, bool]], width: int) -> Iterator[Line]:
    """Prose is wrapped; a command keeps its line, however long, so that it can be pasted."""
    deeper = ""
    for text, is_command in pieces:
        if is_command:
            yield Line(f"{margin}{deeper}{text}".rstrip(), BOLD)
        else:
            yield from _wrapped(f"{margin}{_plain(text)}", width, " " * _MARGIN)
            deeper = "  "
        margin = " " * _MARGIN


def _plain(text: str) -> str:
    """Return Markdown's prose without its bold marks."""
    return text.replace("**", "")


def _unverified(outcomes: Sequence[Outcome], width: int) -> Iterator[Line]:
    if not outcomes:
        return
    yield Line()
    yield Line(f"NOT VERIFIED: {len(outcomes)} (we could not look)", {**YELLOW, **BOLD})
    by_message: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_message.setdefault(one.message, []).append(one)
    messages = list(by_message.items())
    for message, same in messages[:_MESSAGES]:
        permission = same[0].permission
        missing = f" [missing permission: {permission}]" if permission and permission not in message else ""
        yield from _wrapped(f"  {message}{missing}", width, "  ", YELLOW)
        yield from (_named(alike, width) for alike in told.by_check(same)[:_PLACES])
        rest = told.by_check(same)[_PLACES:]
        if rest:
            yield Line(f"    and {sum(len(one.outcomes) for one in rest)} more of the same", DIM)
    if len(messages) > _MESSAGES:
        yield Line(f"  and {counted(len(messages) - _MESSAGES, 'other reason')}: summary.md", DIM)


def _waived(findings: Findings, width: int) -> Iterator[Line]:
    waived = findings.of_verdict("waived")
    if waived or findings.waiver_notes:
        yield Line()
    for one in waived:
        yield from _wrapped(f"{'WAIVED':<{_MARGIN}}{one.message}", width, " " * _MARGIN, YELLOW)
        yield Line(f"{' ' * _MARGIN}{one.id}", DIM)
    for note in findings.waiver_notes:
        yield from _wrapped(f"{'WAIVER':<{_MARGIN}}{note}", width, " " * _MARGIN, RED)


def _settled(outcomes: Sequence[Outcome], width: int) -> Iterator[Line]:
    settled = [one for one in outcomes if one.settled_after_s is not None]
    if not settled:
        return
    yield Line()
    latest = max(one.settled_after_s or 0.0 for one in settled)
    yield Line(f"SETTLED: {len(settled)} right only after a while, the last after {latest:.0f} s", YELLOW)
    alike = told.by_check(settled)
    yield from (_named(one, width) for one in alike[:_BRANCHES])
    hidden = alike[_BRANCHES:]
    if hidden:
        count = sum(len(one.outcomes) for one in hidden)
        yield Line(f"    and {count} more, of {counted(len(hidden), 'other check')}: summary.md", DIM)


def _named(alike: told.Alike, width: int) -> Line:
    start = f"    {alike.fact}"
    names = listed(alike.subjects, max(width - columns(start) - 2, 12))
    return Line(f"{start}: {names}" if names else start, DIM)


def _left_out(findings: Findings, width: int) -> Iterator[Line]:
    by_reason: dict[str, list[str]] = {}
    for one in findings.results["not_declared"]:
        by_reason.setdefault(one["why"], []).append(one["section"])
    if by_reason:
        yield Line()
    for why, sections in by_reason.items():
        more = f" and {len(sections) - 1} more" if len(sections) > 1 else ""
        yield from _wrapped(f"not looked at: {sections[0]}{more}: {why}", width, "  ", DIM)


def _canaries_left(findings: Findings, width: int) -> Iterator[Line]:
    """Yield what the run wrote and may not have removed; the command keeps its line."""
    left = findings.results["canaries_left"]
    if left:
        yield Line()
        yield Line(f"CANARY LEFT: {counted(len(left), 'object')} of this run may lie in S3", RED)
    for one in left:
        yield from _wrapped(f"  s3://{one['bucket']}/{one['key']}: {one['why']}", width, "    ", RED)
        yield Line(f"    {one['command']}", BOLD)


def _wrapped(text: str, width: int, indent: str, markup: Mapping[str, bool] | None = None) -> Iterator[Line]:
    yield from (Line(line, markup or {}) for line in wrapped(text, width, indent))
