"""Which failures explain which: computed from the runbook's `Leads to`, scoped by subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postflight.runbook import Entry


@dataclass(frozen=True)
class Failure:
    """A failed check of one subject, and what its subject belongs to."""

    id: str
    check: str
    scopes: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Explanation:
    """Roles of the failures: the causes in the order they ran, and for each consequence its causes."""

    causes: tuple[str, ...]
    because_of: Mapping[str, tuple[str, ...]]

    def consequences(self, cause: str) -> tuple[str, ...]:
        """Return the failures that a cause explains, in the order they ran."""
        return tuple(consequence for consequence, causes in self.because_of.items() if cause in causes)


def explain(failures: Sequence[Failure], runbook: Mapping[str, Entry]) -> Explanation:
    """Tell causes from consequences. A failure that nothing explains is its own cause.

    A failure explains another when a chain of `Leads to` joins them through failures, each step within its
    scope. Of failures that explain each other, the first that ran is the cause.
    """
    direct = {
        failure.id: [
            other.id for other in failures if other.id != failure.id and _leads(failure, other, runbook)
        ]
        for failure in failures
    }
    reached = {failure.id: _reachable(failure.id, direct) for failure in failures}
    order = {failure.id: position for position, failure in enumerate(failures)}

    def explains(one: str, other: str) -> bool:
        if other not in reached[one]:
            return False
        return one not in reached[other] or order[one] < order[other]

    because_of = {
        failure.id: [
            other.id for other in failures if other.id != failure.id and explains(other.id, failure.id)
        ]
        for failure in failures
    }
    causes = tuple(failure.id for failure in failures if not because_of[failure.id])
    roots = set(causes)
    return Explanation(
        causes=causes,
        because_of={
            failure.id: tuple(cause for cause in because_of[failure.id] if cause in roots)
            for failure in failures
            if failure.id not in roots
        },
    )


def _leads(one: Failure, other: Failure, runbook: Mapping[str, Entry]) -> bool:
    entry = runbook.get(one.check)
    if entry is None:
        return False
    return any(
        link.check == other.check
        and (
            link.same is None
            or bool(one.scopes.get(link.same, frozenset()) & other.scopes.get(link.same, frozenset()))
        )
        for link in entry.leads_to
    )


def _reachable(start: str, direct: Mapping[str, Sequence[str]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(direct[start])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(direct[one])
    return frozenset(seen - {start})
