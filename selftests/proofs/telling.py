"""What a run told of one fault, against what it must tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from selftests.proofs.expectation import Expected
from selftests.proofs.harness import SuiteRun


@dataclass(frozen=True)
class Telling:
    """What a run told of one fault. `right`: ids of the causes that are this fault's."""

    detected: bool
    is_named: bool
    right: frozenset[str] = frozenset()
    consequences: int = 0
    missing_words: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    output: str = ""


def told(expected: Expected, run: SuiteRun) -> Telling:
    """Return what a run told of a fault."""
    return _TELLERS[expected.exit_status](expected, run)


def _as_cause(expected: Expected, run: SuiteRun) -> Telling:
    causes = [
        one for one in run.results.get("causes", []) if expected.is_told_by(one["check"], one["subject"])
    ]
    words = " ".join(run.check(one["id"])["message"] for one in causes)
    missing = _missing(expected, words)
    return Telling(
        detected=run.exit_status == expected.exit_status,
        is_named=bool(causes) and not missing,
        right=frozenset(one["id"] for one in causes),
        consequences=len({consequence for one in causes for consequence in one["consequences"]}),
        missing_words=missing if causes else (),
    )


def _as_refusal(expected: Expected, run: SuiteRun) -> Telling:
    """Nothing may have been checked, and the run says why."""
    missing = _missing(expected, run.output)
    return Telling(
        detected=run.exit_status == expected.exit_status and not run.results,
        is_named=not missing,
        missing_words=missing,
        output=run.output[-500:],
    )


def _as_blindness(expected: Expected, run: SuiteRun) -> Telling:
    """Every check that needs the permission is unverified and names it; no other is, and none failed."""
    blind = run.by_verdict("unverified")
    hidden = [one for one in run.results.get("checks", ()) if one["check"] in expected.blinded]
    wrong = [
        f"{one['id']} is {one['verdict']}: {one['message']}"
        for one in hidden
        if one["verdict"] != "unverified" or _missing(expected, one["message"])
    ]
    others = [f"{one['id']}: {one['message']}" for one in blind if one["check"] not in expected.blinded]
    return Telling(
        detected=run.exit_status == expected.exit_status,
        is_named=bool(hidden) and not wrong,
        consequences=len(hidden),
        unexplained=(*wrong, *others),
        output=run.output[-500:] if not hidden else "",
    )


def _missing(expected: Expected, words: str) -> tuple[str, ...]:
    return tuple(word for word in expected.names if word not in words)


_TELLERS: Mapping[int, Callable[[Expected, SuiteRun], Telling]] = {
    1: _as_cause,
    4: _as_refusal,
    6: _as_blindness,
}
