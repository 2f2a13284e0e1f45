"""What has failed for good, and what follows from it: waiting for either is in vain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from postflight.causes import Failure
from postflight.runbook import Entry


class Doomed:
    """The failures of a run that no patience heals."""

    def __init__(self, runbook: Mapping[str, Entry]) -> None:
        self._sources: dict[str, list[tuple[str, str | None]]] = {}
        for check, entry in runbook.items():
            for link in entry.leads_to:
                self._sources.setdefault(link.check, []).append((check, link.same))
        # The ids of doomed failures, by check and what their subjects belong to (None: whatever it is).
        self._ids: dict[tuple[str, str | None, str | None], set[str]] = {}

    def add(self, failure: Failure) -> None:
        """Remember a failure that cannot heal by itself."""
        for place in ((None, None), *_places(failure)):
            self._ids.setdefault((failure.check, *place), set()).add(failure.id)

    def leads_to(self, failure: Failure) -> bool:
        """Whether what is doomed explains this failure; then it is doomed as well.

        The last step of a chain of causes is one from a doomed failure, so steps are all there is to look at.
        """
        is_explained = any(
            self._ids.get((check, *place), set()) - {failure.id}
            for check, same in self._sources.get(failure.check, ())
            for place in ((None, None), *_places(failure))
            if place[0] == same
        )
        if is_explained:
            self.add(failure)
        return is_explained


def _places(failure: Failure) -> Iterator[tuple[str, str]]:
    yield from ((kind, name) for kind, names in failure.scopes.items() for name in names)
