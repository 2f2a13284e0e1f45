"""`results.json`: the contract that scripts read (schema 1)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from postflight.causes import Explanation, Failure, explain
from postflight.probes.aws.canary_records import Record
from postflight.report.comparison import Comparison
from postflight.run import Run
from postflight.runbook import Entry
from postflight.verdicts import Outcome
from postflight.writing import Clean, Redact, as_json, as_lines

SCHEMA = 1


def failures_of(outcomes: Sequence[Outcome]) -> list[Failure]:
    """Return what failed, waived or not, with what its subjects belong to."""
    return [
        Failure(one.id, one.check, {kind: frozenset(names) for kind, names in one.scopes.items()})
        for one in outcomes
        if one.verdict in {"failed", "waived"}
    ]


def explained(
    outcomes: Sequence[Outcome], runbook: Mapping[str, Entry], unjudged: Sequence[Failure] = ()
) -> Explanation:
    """Tell causes from consequences among a run's failures; chains may go through what is unjudged.

    A waived failure explains what it breaks; without consequences it is no cause to be told of.
    """
    explanation = explain(failures_of(outcomes), runbook, unjudged)
    waived = {one.id for one in outcomes if one.verdict == "waived"}
    because_of = {one: causes for one, causes in explanation.because_of.items() if one not in waived}
    used = {cause for causes in because_of.values() for cause in causes}
    causes = tuple(one for one in explanation.causes if one not in waived or one in used)
    return Explanation(causes, because_of)


def results(
    run: Run,
    outcomes: Sequence[Outcome],
    explanation: Explanation,
    exit_status: int,
) -> dict[str, Any]:
    """Return a run's results as JSON-able data; the place of the checks is empty, `text` fills it."""
    named = set(explanation.causes)
    by_id = {one.id: one for one in outcomes if one.id in named}
    return {
        "schema": SCHEMA,
        "run": {
            "env": run.environment.name,
            "started": run.started.isoformat(timespec="seconds"),
            "duration_s": round(time.monotonic() - run.began, 3),
            "exit": exit_status,
            "release": run.release,
            "vantage": run.connections.vantage,
            "identity": run.identity.as_json(),
            "patience_s": run.patience.budget_s,
            "replayed": str(run.replayed.folder) if run.replayed is not None else None,
        },
        "checks": [],
        "causes": [
            {
                "id": cause,
                "check": by_id[cause].check,
                "subject": by_id[cause].subject,
                "consequences": list(explanation.consequences(cause)),
            }
            for cause in explanation.causes
        ],
        "not_declared": [{"section": section, "why": why} for section, why in run.not_declared.items()],
        "canaries_left": [_canary_left(one) for one in run.connections.canaries.of_this_run()],
        "calls": run.connections.calls.by_protocol(),
    }


def _canary_left(record: Record) -> dict[str, str]:
    one = record.canary
    why = one.why or (
        "the process that wrote it goes on, and has not removed it yet"
        if record.is_of_a_live_process
        else "the process that wrote it ended before it could remove it"
    )
    return {
        "bucket": one.bucket,
        "key": one.key,
        "version": one.version,
        "why": why,
        "command": one.command,
    }


def text(
    results: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    explanation: Explanation,
    comparison: Comparison,
    redact: Redact,
) -> Iterator[Clean]:
    """Yield `results.json`, redacted, check by check: as a whole it would double what a run holds.

    Raises ValueError where the place of the checks is not there, or not empty.
    """
    if results.get("checks") != []:
        raise ValueError("the checks of results.json have no place, or stand there already")
    causes = frozenset(explanation.causes)
    for number, (name, value) in enumerate(results.items()):
        yield Clean(",\n" if number else "{\n")
        yield Clean(f'  "{name}": ')
        if name == "checks":
            told = (_check(one, causes, explanation, comparison) for one in outcomes)
            yield from _list_of(told, redact)
        else:
            yield _indented(value, 2, redact)
    yield Clean("\n}\n")


def _list_of(told: Iterable[Any], redact: Redact) -> Iterator[Clean]:
    is_empty = True
    for line in as_lines(told, redact):
        yield Clean("[\n" if is_empty else ",\n")
        yield Clean(f"    {line}")
        is_empty = False
    yield Clean("[]" if is_empty else "\n  ]")


def _indented(value: Any, by: int, redact: Redact) -> Clean:
    """Return JSON with all lines but the first moved; within its texts there may be other line ends."""
    return Clean(as_json(value, redact).replace("\n", "\n" + " " * by))


def _check(
    one: Outcome, causes: Collection[str], explanation: Explanation, comparison: Comparison
) -> dict[str, Any]:
    role = "cause" if one.id in causes else None
    because_of = explanation.because_of.get(one.id, ())
    return {
        "id": one.id,
        "check": one.check,
        "subject": one.subject,
        "verdict": one.verdict,
        "role": "consequence" if because_of else role,
        "because_of": list(because_of),
        "message": one.message,
        "permission": one.permission,
        "duration_s": one.duration_s,
        "settled_after_s": one.settled_after_s,
        "since": comparison.since.get(one.id),
        "evidence": list(one.evidence),
    }
