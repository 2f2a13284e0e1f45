"""What has failed for good, and what follows from it: waiting for either is in vain."""

from __future__ import annotations

from collections.abc import Mapping

from postflight.causes import Failure, explain
from postflight.runbook import Entry


class Doomed:
    """The failures of a run that no patience heals."""

    def __init__(self, runbook: Mapping[str, Entry]) -> None:
        self._runbook = runbook
        self._failures: list[Failure] = []

    def add(self, failure: Failure) -> None:
        """Remember a failure that cannot heal by itself."""
        if failure not in self._failures:
            self._failures.append(failure)

    def leads_to(self, failure: Failure) -> bool:
        """Whether what is doomed explains this failure; then it is doomed as well."""
        others = [one for one in self._failures if one.id != failure.id]
        is_explained = bool(others) and failure.id in explain([*others, failure], self._runbook).because_of
        if is_explained:
            self.add(failure)
        return is_explained
