"""Reconciles one object at a time: a failure is reported on its object, and that object is tried again later.

As in controller-runtime's work queue, the other objects are not delayed, each further failure of an object
doubles its delay, and a change of the object ends the delay.
"""

from __future__ import annotations

import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sandbox.controllers.conditions import timestamp
from sandbox.kube_api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sandbox.controllers.cluster import Cluster, Manifest

FIRST_DELAY_S: Final = 0.5
LONGEST_DELAY_S: Final = 8.0


class ReconcileError(Exception):
    """An object cannot be reconciled as it is; the text is what its controller's event says."""


@dataclass(frozen=True)
class Controller:
    """A controller's name, and the reason of its Warning events about an object that it fails on."""

    name: str
    reason: str = "ReconcileError"


@dataclass(frozen=True)
class Failure:
    """What a controller fails on: an object, or all its work where `object` is empty."""

    controller: str
    object: str
    since: str
    message: str
    attempts: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class _Delayed:
    """A failure, the version of the object that failed, and when it is due again on the queue's clock."""

    failure: Failure
    version: str
    due_at: float


class WorkQueue:
    """Which objects the controllers fail on, and when each of them is due again."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._delayed: dict[tuple[str, str], _Delayed] = {}

    @property
    def failures(self) -> list[Failure]:
        """What fails at present, in order of controller and object."""
        found = (delayed.failure for delayed in self._delayed.values())
        return sorted(found, key=lambda failure: (failure.controller, failure.object))

    def retry_now(self) -> None:
        """End all delays."""
        self._delayed = {key: replace(delayed, due_at=0.0) for key, delayed in self._delayed.items()}

    def due(self, controller: Controller, items: Iterable[Manifest]) -> list[Manifest]:
        """List the items that are not delayed. `items` are all of the controller: others are forgotten."""
        present = {item["metadata"]["uid"]: item for item in items}
        kept = {"", *present}
        gone = [key for key in self._delayed if key[0] == controller.name and key[1] not in kept]
        for key in gone:
            del self._delayed[key]
        return [item for uid, item in present.items() if self._is_due((controller.name, uid), item)]

    @contextmanager
    def attempt(self, controller: Controller, item: Manifest | None = None) -> Iterator[None]:
        """Catch what the block raises, as the failure of `item`, or of the controller itself without one."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  a controller survives whatever one object does to it
            if item is None or self._cluster.current(item) is not None:
                self._fail(controller, item, error)
        else:
            self.succeed(controller, item)

    def succeed(self, controller: Controller, item: Manifest | None = None) -> None:
        """Forget the failures of an item, or of the controller itself."""
        self._delayed.pop(_key(controller, item), None)

    def _is_due(self, key: tuple[str, str], item: Manifest) -> bool:
        delayed = self._delayed.get(key)
        if delayed is None or delayed.due_at <= self._clock():
            return True
        return bool(delayed.version != item["metadata"].get("resourceVersion", ""))

    def _fail(self, controller: Controller, item: Manifest | None, error: Exception) -> None:
        key = _key(controller, item)
        before = self._delayed.get(key)
        attempts = 1 if before is None else before.failure.attempts + 1
        known = isinstance(error, (ReconcileError, ApiError))
        message = str(error) if known else f"{type(error).__name__}: {error}"
        since = timestamp() if before is None else before.failure.since
        failure = Failure(controller.name, _title(item), since, message, attempts)
        delay = min(FIRST_DELAY_S * 2 ** min(attempts - 1, 8), LONGEST_DELAY_S)
        version = "" if item is None else item["metadata"].get("resourceVersion", "")
        self._delayed[key] = _Delayed(failure, version, self._clock() + delay)
        if before is None or before.failure.message != message:
            _log(failure, None if known else error)
        if item is not None:
            self._report(controller, item, message)

    def _report(self, controller: Controller, item: Manifest, message: str) -> None:
        try:
            self._cluster.event(item, controller.reason, message, source=controller.name)
        except Exception as error:  # noqa: BLE001  as above: its namespace may be gone
            _log(Failure(controller.name, _title(item), timestamp(), "no event could be written"), error)


def _key(controller: Controller, item: Manifest | None) -> tuple[str, str]:
    return controller.name, "" if item is None else item["metadata"]["uid"]


def _title(item: Manifest | None) -> str:
    if item is None:
        return ""
    metadata = item["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{item['kind']} {place}{metadata['name']}"


def _log(failure: Failure, error: Exception | None) -> None:
    sys.stderr.write(
        f"{failure.since} {failure.controller}: {failure.object or 'itself'}: {failure.message}\n"
    )
    if error is not None:
        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.flush()
