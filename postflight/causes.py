"""Which failures explain which: computed from the runbook's `Leads to`, scoped by subject."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from postflight.runbook import Entry, Link


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

    @cached_property
    def _consequences(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for consequence, causes in self.because_of.items():
            for cause in causes:
                found.setdefault(cause, []).append(consequence)
        return found

    def consequences(self, cause: str) -> tuple[str, ...]:
        """Return the failures that a cause explains, in the order they ran."""
        return tuple(self._consequences.get(cause, ()))


def explain(
    failures: Sequence[Failure], runbook: Mapping[str, Entry], unjudged: Sequence[Failure] = ()
) -> Explanation:
    """Tell causes from consequences. A failure that nothing explains is its own cause.

    A failure explains another when a chain of `Leads to` joins them through failures, each step within its
    scope. Of failures that explain each other, the first that ran is the cause. A chain may also go through
    what is `unjudged`: checks that this run did not make, and that may have failed for all it knows.
    """
    direct = links(failures, runbook, unjudged)
    reached = {failure.id: _reachable(failure.id, direct) for failure in failures}
    order = {failure.id: position for position, failure in enumerate(failures)}
    because_of: dict[str, list[str]] = {failure.id: [] for failure in failures}
    for one in because_of:
        for other in reached[one]:
            if one not in reached[other] or order[one] < order[other]:
                because_of[other].append(one)
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


def links(
    failures: Sequence[Failure], runbook: Mapping[str, Entry], unjudged: Sequence[Failure] = ()
) -> dict[str, list[str]]:
    """Return for each failure the failures that it leads to, directly or by way of what is unjudged.

    They are in the order in which they ran.
    """
    order = {failure.id: position for position, failure in enumerate(failures)}
    steps = _Steps((*failures, *unjudged), runbook)
    return {failure.id: sorted(steps.ends(failure, order), key=order.__getitem__) for failure in failures}


class _Steps:
    """The single steps of `Leads to`, found by what the subjects of both sides share."""

    def __init__(self, every: Sequence[Failure], runbook: Mapping[str, Entry]) -> None:
        self._runbook = runbook
        self._by_check: dict[str, list[Failure]] = {}
        self._by_scope: dict[tuple[str, str, str], list[Failure]] = {}
        self._known: dict[str, list[Failure]] = {}
        for one in every:
            self._by_check.setdefault(one.check, []).append(one)
            for kind, names in one.scopes.items():
                for name in names:
                    self._by_scope.setdefault((one.check, kind, name), []).append(one)

    def ends(self, start: Failure, failed: Collection[str]) -> set[str]:
        """Return the failures at which the steps from one end; what has not failed is gone through."""
        found: set[str] = set()
        passed = {start.id}
        waiting = [start]
        while waiting:
            for other in self._after(waiting.pop()):
                if other.id in passed:
                    continue
                passed.add(other.id)
                if other.id in failed:
                    found.add(other.id)
                else:
                    waiting.append(other)
        return found

    def _after(self, one: Failure) -> list[Failure]:
        if one.id not in self._known:
            entry = self._runbook.get(one.check)
            steps = (self._led_to(one, link) for link in (entry.leads_to if entry is not None else ()))
            self._known[one.id] = list({other.id: other for step in steps for other in step}.values())
        return self._known[one.id]

    def _led_to(self, one: Failure, link: Link) -> Iterator[Failure]:
        if link.same is None:
            yield from self._by_check.get(link.check, ())
            return
        for name in one.scopes.get(link.same, ()):
            yield from self._by_scope.get((link.check, link.same, name), ())


def _reachable(start: str, direct: Mapping[str, Sequence[str]]) -> frozenset[str]:
    seen: set[str] = set()
    waiting = list(direct[start])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting.extend(direct[one])
    return frozenset(seen - {start})
