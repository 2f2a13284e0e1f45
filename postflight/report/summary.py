"""`summary.md`: what a person reads first, on a pull request or at night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from postflight.report.findings import Findings, counted
from postflight.verdicts import Outcome


def markdown(findings: Findings) -> str:
    """Return the summary of a run as Markdown: verdict and changes first, then causes with their fixes."""
    return "\n".join((*_head(findings), *_causes(findings), *_rest(findings))) + "\n"


def _head(findings: Findings) -> Iterator[str]:
    run = findings.results["run"]
    identity = run["identity"]
    cluster = identity["cluster"] or "none"
    yield f"# Postflight: {run['env']}"
    yield ""
    yield f"**{findings.totals()}** in {run['duration_s']:.1f} s, {run['started']}"
    yield ""
    if findings.comparison.earlier is not None:
        yield f"Since the run of {findings.comparison.earlier}:"
        yield ""
        groups = list(findings.comparison.groups())
        yield from (f"- {name}: {', '.join(f'`{one}`' for one in ids)}" for name, ids in groups)
        if not groups:
            yield "- nothing changed"
        yield ""
    yield f"Account {identity['account']}, region {identity['region']}, cluster {cluster}, "
    yield f"seen from {run['vantage']} the cluster's network, as `{identity['caller']}`."
    yield ""


def _causes(findings: Findings) -> Iterator[str]:
    for number, (cause, consequences) in enumerate(findings.causes(), 1):
        yield from _cause(number, cause, consequences, findings.comparison.since.get(cause.id))


def _cause(number: int, cause: Outcome, consequences: Sequence[Outcome], since: str | None) -> Iterator[str]:
    yield f"## Cause {number}: {cause.message}"
    yield ""
    yield f"`{cause.id}`" + (f", failing since {since}" if since else "")
    yield ""
    for name in ("cause", "confirm", "fix", "prevent", "guide"):
        if cause.runbook.get(name):
            yield f"**{name.capitalize()}** {cause.runbook[name]}"
            yield ""
    if consequences:
        yield f"{counted(len(consequences), 'consequence')}:"
        yield ""
        yield from (f"- `{one.id}`: {one.message}" for one in consequences)
        yield ""


def _rest(findings: Findings) -> Iterator[str]:
    unverified = findings.of_verdict("unverified")
    if unverified:
        yield f"## Not verified: {len(unverified)}"
        yield ""
        yield from (f"- `{one.id}`: {one.message}" for one in unverified)
        yield ""
    waived = findings.of_verdict("waived")
    if waived:
        yield f"## Waived: {len(waived)}"
        yield ""
        yield from (f"- `{one.id}`: {one.message}" for one in waived)
        yield ""
    if findings.waiver_notes:
        yield "## Waivers to look at"
        yield ""
        yield from (f"- {note}" for note in findings.waiver_notes)
        yield ""
    settled = [one for one in findings.outcomes if one.settled_after_s is not None]
    if settled:
        yield "## Right only after a while"
        yield ""
        yield from (f"- `{one.id}`: passed after {one.settled_after_s:.0f} s" for one in settled)
        yield ""
    if findings.results["not_declared"]:
        yield "## Not declared, so not verified"
        yield ""
        yield from (f"- {one['section']}: {one['why']}" for one in findings.results["not_declared"])
        yield ""
    yield f"Calls: {findings.calls()}"
