"""`summary.md`: what a person reads first, on a pull request or at night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from postflight.causes import Explanation
from postflight.verdicts import Outcome


def markdown(results: Mapping[str, Any], outcomes: Sequence[Outcome], explanation: Explanation) -> str:
    """Return the summary of a run as Markdown: verdict first, then causes with their fixes."""
    by_id = {one.id: one for one in outcomes}
    return (
        "\n".join((*_head(results, outcomes, explanation), *_body(results, by_id, outcomes, explanation)))
        + "\n"
    )


def totals(outcomes: Sequence[Outcome], explanation: Explanation) -> str:
    """Return the totals in words: `212 passed, 3 failed (1 cause, 2 consequences), 1 unverified`."""
    counts = Counter(one.verdict for one in outcomes)
    parts = [f"{counts['passed']} passed"]
    if counts["failed"]:
        causes = _count(len(explanation.causes), "cause")
        consequences = _count(len(explanation.because_of), "consequence")
        parts.append(f"{counts['failed']} failed ({causes}, {consequences})")
    parts.extend(f"{counts[verdict]} {verdict}" for verdict in ("unverified", "waived") if counts[verdict])
    return ", ".join(parts)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _head(results: Mapping[str, Any], outcomes: Sequence[Outcome], explanation: Explanation) -> Iterator[str]:
    run = results["run"]
    yield f"# Postflight: {run['env']}"
    yield ""
    yield f"**{totals(outcomes, explanation)}** in {run['duration_s']:.1f} s, {run['started']}"
    yield ""
    identity = run["identity"]
    cluster = identity["cluster"] or "none"
    yield f"Account {identity['account']}, region {identity['region']}, cluster {cluster}, "
    yield f"seen from {run['vantage']} the cluster's network, as `{identity['caller']}`."
    yield ""


def _body(
    results: Mapping[str, Any],
    by_id: Mapping[str, Outcome],
    outcomes: Sequence[Outcome],
    explanation: Explanation,
) -> Iterator[str]:
    for number, cause in enumerate(explanation.causes, 1):
        yield from _cause(number, by_id[cause], [by_id[one] for one in explanation.consequences(cause)])
    unverified = [one for one in outcomes if one.verdict == "unverified"]
    if unverified:
        yield f"## Not verified: {len(unverified)}"
        yield ""
        yield from (f"- `{one.id}`: {one.message}" for one in unverified)
        yield ""
    if results["not_declared"]:
        yield "## Not declared, so not verified"
        yield ""
        yield from (f"- {one['section']}: {one['why']}" for one in results["not_declared"])
        yield ""
    yield "## Calls"
    yield ""
    yield calls_in_words(results["calls"])


def _cause(number: int, cause: Outcome, consequences: Sequence[Outcome]) -> Iterator[str]:
    yield f"## Cause {number}: {cause.message}"
    yield ""
    yield f"`{cause.id}`"
    yield ""
    for name in ("cause", "confirm", "fix", "prevent", "guide"):
        if cause.runbook.get(name):
            yield f"**{name.capitalize()}** {cause.runbook[name]}"
            yield ""
    if consequences:
        yield f"{_count(len(consequences), 'consequence')}:"
        yield ""
        yield from (f"- `{one.id}`: {one.message}" for one in consequences)
        yield ""


def calls_in_words(calls: Mapping[str, Any]) -> str:
    """Return the calls in one line: `41 AWS, 18 Kubernetes, 23 HTTP`."""
    names = {
        "aws": "AWS",
        "kubernetes": "Kubernetes",
        "http": "HTTP",
        "dns": "DNS",
        "sql": "SQL",
        "tls": "TLS",
    }
    counted = {
        names.get(protocol, protocol): sum(count.values()) if isinstance(count, Mapping) else count
        for protocol, count in calls.items()
    }
    return ", ".join(f"{count} {name}" for name, count in counted.items()) or "none"
