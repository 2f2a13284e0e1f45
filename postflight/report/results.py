"""`results.json`: the contract that scripts read (schema 1)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from postflight.causes import Explanation, Failure, explain
from postflight.report.comparison import Comparison
from postflight.run import Run
from postflight.runbook import Entry
from postflight.verdicts import Outcome

SCHEMA = 1


def failures_of(outcomes: Sequence[Outcome]) -> list[Failure]:
    """Return what failed, waived or not, with what its subjects belong to."""
    return [
        Failure(one.id, one.check, {kind: frozenset(names) for kind, names in one.scopes.items()})
        for one in outcomes
        if one.verdict in {"failed", "waived"}
    ]


def explained(outcomes: Sequence[Outcome], runbook: Mapping[str, Entry]) -> Explanation:
    """Tell causes from consequences among a run's failures.

    A waived failure explains what it breaks; without consequences it is no cause to be told of.
    """
    explanation = explain(failures_of(outcomes), runbook)
    waived = {one.id for one in outcomes if one.verdict == "waived"}
    because_of = {one: causes for one, causes in explanation.because_of.items() if one not in waived}
    used = {cause for causes in because_of.values() for cause in causes}
    causes = tuple(one for one in explanation.causes if one not in waived or one in used)
    return Explanation(causes, because_of)


def results(
    run: Run,
    outcomes: Sequence[Outcome],
    explanation: Explanation,
    comparison: Comparison,
    exit_status: int,
) -> dict[str, Any]:
    """Return a run's results as JSON-able data."""
    by_id = {one.id: one for one in outcomes}
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
            "replayed": str(run.recorded.parent) if run.recorded is not None else None,
        },
        "checks": [_check(one, explanation, comparison) for one in outcomes],
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
        "calls": run.connections.calls.by_protocol(),
    }


def _check(one: Outcome, explanation: Explanation, comparison: Comparison) -> dict[str, Any]:
    role = "cause" if one.id in explanation.causes else None
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
