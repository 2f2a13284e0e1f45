"""What the selected checks came to, and the exit status that follows: what nobody judged is never green."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from postflight.verdicts import Outcome, lost, not_judged

EXIT_UNVERIFIED = 6
# With these pytest says no more than what ran, which outcomes tell better.
_TOLD_BETTER_BY_OUTCOMES = {
    int(pytest.ExitCode.OK),
    int(pytest.ExitCode.TESTS_FAILED),
    int(pytest.ExitCode.NO_TESTS_COLLECTED),
}


class Judged:
    """The outcomes of a run, held against what it selected."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}
        self._selected: dict[str, int] = {}
        self._evidence: dict[tuple[str, ...], tuple[str, ...]] = {}

    def select(self, ids: Iterable[str]) -> None:
        """Expect an outcome of each of these, and tell them in this order: workers end theirs in any."""
        for one in ids:
            self._selected.setdefault(one, len(self._selected))

    def gather(self, data: Mapping[str, Any]) -> None:
        """Keep an outcome; of two for one check (its call, and a failed tear-down) the worse stands."""
        outcome = Outcome.from_json({**data, "evidence": self._kept_once(data["evidence"])})
        before = self._outcomes.get(outcome.id)
        if before is None or before.verdict != "failed":
            self._outcomes[outcome.id] = outcome

    def _kept_once(self, files: Iterable[str]) -> tuple[str, ...]:
        """Return names of files as one object for all checks that were judged on the same."""
        names = tuple(sys.intern(one) for one in files)
        return self._evidence.setdefault(names, names)

    def gather_lost(self, report: pytest.TestReport) -> None:
        """Keep a check that has no verdict: the worker that judged it is gone."""
        # pytest's text of a report begins with the worker's platform; xdist's own words are a plain string.
        told = report.longrepr if isinstance(report.longrepr, str) else report.longreprtext
        words = next(iter(told.strip().splitlines()), "no more is known")
        self._outcomes[report.nodeid] = lost(report.nodeid, words)

    @property
    def is_all(self) -> bool:
        """Whether all that was selected was judged."""
        return self._selected.keys() <= self._outcomes.keys()

    def outcomes(self, why_ended: str) -> list[Outcome]:
        """Return an outcome for everything that was selected; `why_ended` tells why some was not judged."""
        missing = [not_judged(one, why_ended) for one in self._selected if one not in self._outcomes]
        every = [*self._outcomes.values(), *missing]
        return sorted(every, key=lambda one: self._selected.get(one.id, len(self._selected)))


def is_cut_short(exit_status: int) -> bool:
    """Whether pytest's exit status says that something else than failures ended the run."""
    return exit_status not in _TOLD_BETTER_BY_OUTCOMES


def status(
    outcomes: Sequence[Outcome], exit_status: int, *, is_all_told: bool, allows_unverified: bool
) -> int:
    """Return a run's exit status, from pytest's own and from its outcomes.

    `is_all_told`: whether every failure that pytest counted is an outcome (a module that cannot be imported
    is not).
    """
    if is_cut_short(exit_status):
        return exit_status
    if not is_all_told or any(one.verdict == "failed" for one in outcomes):
        return int(pytest.ExitCode.TESTS_FAILED)
    if any(one.is_inexcusable for one in outcomes):
        return EXIT_UNVERIFIED
    if any(one.verdict == "unverified" for one in outcomes):
        return int(pytest.ExitCode.OK) if allows_unverified else EXIT_UNVERIFIED
    # Where pytest says "failed" and no outcome tells of what, a plugin has said so.
    return exit_status
