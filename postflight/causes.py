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
    direct = links(failures, runbook)
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


def links(failures: Sequence[Failure], runbook: Mapping[str, Entry]) -> dict[str, list[str]]:
    """Return for each failure the failures that it leads to directly, in the order they ran."""
    by_check: dict[str, list[Failure]] = {}
    for failure in failures:
        by_check.setdefault(failure.check, []).append(failure)
    order = {failure.id: position for position, failure in enumerate(failures)}
    direct: dict[str, list[str]] = {}
    for one in failures:
        entry = runbook.get(one.check)
        led_to = {
            other.id
            for link in (entry.leads_to if entry is not None else ())
            for other in by_check.get(link.check, ())
            if other.id != one.id and _share(one, other, link.same)
        }
        direct[one.id] = sorted(led_to, key=order.__getitem__)
    return direct


def _share(one: Failure, other: Failure, kind: str | None) -> bool:
    if kind is None:
        return True
    return bool(one.scopes.get(kind, frozenset()) & other.scopes.get(kind, frozenset()))


def _reachable(start: str, direct: Mapping[str, Sequence[str]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(direct[start])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(direct[one])
    return frozenset(seen - {start})
