"""`summary.md`: what a person reads first, on a pull request or at night."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from postflight import runbook
from postflight.report import told
from postflight.report.findings import Findings
from postflight.report.graph import mermaid
from postflight.report.text import counted
from postflight.verdicts import Outcome

_FIELDS = ("cause", "confirm", "fix", "prevent", "guide")
_NOTHING = {"", "—", "-"}
_SUBJECTS = 12
# Beyond these nobody reads on, and GitHub shows no more than 1 MiB: `results.json` has the rest.
_CAUSES = 25
_PLACES = 25
_LISTED = 50
_FENCE = "```"


def markdown(findings: Findings) -> str:
    """Return the summary of a run as Markdown: verdict, tree and graph of causes, each runbook, the rest."""
    parts = (_head(findings), _tree(findings), _graph(findings), _causes(findings), _rest(findings))
    return "\n".join(line for part in parts for line in part) + "\n"


def code(text: str) -> str:
    """Return a text as inline code, whatever back-quotes and line ends it has."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def prose(text: str) -> str:
    """Return a text on one line in which Markdown reads no HTML, table or fence."""
    escaped = " ".join(text.split())
    for mark in ("\\", "<", "*", "[", "]", "|", "`"):
        escaped = escaped.replace(mark, f"\\{mark}")
    # Within a word (cart_service) an underscore means itself; escaped it would only be hard to read.
    return re.sub(r"\b_|_\b", r"\\_", escaped)


def _head(findings: Findings) -> Iterator[str]:
    run = findings.results["run"]
    identity = run["identity"]
    cluster = identity["cluster"] or "none"
    yield f"# Postflight: {prose(run['env'])}"
    yield ""
    judged = "judged again at " if findings.replay else ""
    if findings.replay:
        yield f"**{prose(findings.replay)}**"
        yield ""
    yield f"**{findings.totals()}** in {run['duration_s']:.1f} s, {judged}{run['started']}"
    yield ""
    if findings.comparison.earlier is not None:
        yield findings.changes() or f"Since {findings.comparison.earlier}: nothing changed"
        yield ""
    yield f"Account {identity['account']}, region {identity['region']}, cluster {prose(cluster)}, "
    yield f"seen from {run['vantage']} the cluster's network, as {code(identity['caller'])}."
    yield ""


def _changes(findings: Findings) -> Iterator[str]:
    """Yield what changed check by check, folded: a long night must not hide what broke first."""
    groups = list(findings.comparison.groups())
    if not groups:
        return
    yield f"<details><summary>Changed since {findings.comparison.earlier}</summary>"
    yield ""
    for name, ids in groups:
        yield f"- {name}:"
        for alike in told.by_check(findings.by_id[one] for one in ids):
            yield f"  - {alike.fact}{_named(alike.subjects)}"
    yield ""
    yield "</details>"
    yield ""


def _named(subjects: Sequence[str]) -> str:
    names = ", ".join(code(name) for name in subjects[:_SUBJECTS])
    more = f" and {len(subjects) - _SUBJECTS} more" if len(subjects) > _SUBJECTS else ""
    return f": {names}{more}" if names else ""


def _tree(findings: Findings) -> Iterator[str]:
    causes = findings.causes()
    if not causes:
        return
    yield "## What broke first"
    yield ""
    for number, cause in enumerate(causes[:_CAUSES], 1):
        yield f"{number}. **{prose(cause.first.message)}**"
        yield f"   - where: {code(cause.first.id)}{_alike(cause)}"
        step = told.first_step(cause.first.runbook.get("fix", ""))
        if step:
            yield f"   - {runbook.label('fix', findings.language)}: {step}"
        if cause.consequences:
            yield f"   - {cause.count}{'' if cause.is_all_told else ':'}"
            for one in () if cause.is_all_told else told.by_check(cause.consequences):
                yield f"     - {one.fact}{_named(one.subjects)}"
    if len(causes) > _CAUSES:
        yield f"\n…and {counted(len(causes) - _CAUSES, 'more cause')}: results.json"
    yield ""


def _alike(cause: told.Cause) -> str:
    if not cause.others:
        return ""
    return f", and alike{_named([one.subject or one.id for one in cause.others])}"


def _graph(findings: Findings) -> Iterator[str]:
    drawn = mermaid(findings)
    if drawn is not None:
        yield f"{_FENCE}mermaid"
        yield drawn.rstrip()
        yield _FENCE
        yield ""


def _causes(findings: Findings) -> Iterator[str]:
    for number, cause in enumerate(findings.causes()[:_CAUSES], 1):
        yield from _cause(number, cause, findings)


def _cause(number: int, cause: told.Cause, findings: Findings) -> Iterator[str]:
    since = findings.comparison.since.get(cause.first.id)
    yield f"## Cause {number}: {told.fact_of(cause.first.check)}"
    yield ""
    if since:
        yield f"Failing since {since}."
        yield ""
    yield from _list(cause.places, _PLACES)
    yield from _entry(cause.first, findings.language)
    said = set(told.commands(cause.first.runbook.get("fix", "")))
    shown = cause.places[1:_PLACES]
    others = [one for place in shown for one in told.commands(place.runbook.get("fix", ""))]
    unsaid = [one for one in dict.fromkeys(others) if one not in said]
    if unsaid:
        yield from ("Fix of the other places:", "", f"{_FENCE}bash", *unsaid, _FENCE, "")
    if cause.consequences:
        yield f"<details><summary>{counted(len(cause.consequences), 'consequence')}</summary>"
        yield ""
        yield from _list(cause.consequences)
        yield "</details>"
        yield ""


def _entry(one: Outcome, language: str) -> Iterator[str]:
    for name in _FIELDS:
        text = one.runbook.get(name, "")
        if text not in _NOTHING:
            # A fence must begin its line.
            yield (
                f"**{runbook.label(name, language).capitalize()}**"
                + ("\n\n" if text.startswith(_FENCE) else " ")
                + text
            )
            yield ""


def _list(outcomes: Sequence[Outcome], most: int = _LISTED) -> Iterator[str]:
    yield from _at_most(most, [f"- {code(one.id)}: {prose(one.message)}" for one in outcomes])


def _at_most(most: int, lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"- …and {len(lines) - most} more: results.json"
    yield ""


def _rest(findings: Findings) -> Iterator[str]:
    unverified = findings.of_verdict("unverified")
    if unverified:
        yield f"## Not verified: {len(unverified)}"
        yield ""
        yield from _list(unverified)
    waived = findings.of_verdict("waived")
    if waived:
        yield f"## Waived: {len(waived)}"
        yield ""
        yield from _list(waived)
    if findings.waiver_notes:
        yield "## Waivers to look at"
        yield ""
        yield from (f"- {prose(note)}" for note in findings.waiver_notes)
        yield ""
    settled = [one for one in findings.outcomes if one.settled_after_s is not None]
    if settled:
        yield "## Right only after a while"
        yield ""
        lines = [f"- {code(one.id)}: passed after {one.settled_after_s:.0f} s" for one in settled]
        yield from _at_most(_LISTED, lines)
    if findings.results["not_declared"]:
        yield "## Left out, so not verified"
        yield ""
        yield from (
            f"- {prose(one['section'])}: {prose(one['why'])}" for one in findings.results["not_declared"]
        )
        yield ""
    yield from _canaries_left(findings)
    yield from _changes(findings)
    yield f"Calls: {findings.calls()}"


def _canaries_left(findings: Findings) -> Iterator[str]:
    left = findings.results["canaries_left"]
    if left:
        yield "## Canary objects that may be left"
        yield ""
        for one in left:
            yield f"- {code('s3://' + one['bucket'] + '/' + one['key'])}: {prose(one['why'])}"
        yield from ("", f"{_FENCE}bash", *(one["command"] for one in left), _FENCE, "")
