"""An object that a controller fails on delays no other object, and is tried again later, each time later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.controllers.cluster import Cluster
from sandbox.controllers.workqueue import LONGEST_DELAY_S, Controller, ReconcileError, WorkQueue
from sandbox.kube_api.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTROLLER = Controller("test-controller", "FailedTest")


@dataclass
class Clock:
    """A clock that moves only when it is set."""

    now: float = 100.0

    def __call__(self) -> float:
        """Return the present moment."""
        return self.now


@dataclass
class Bench:
    """A queue over a cluster with a few ConfigMaps, of which some are bad."""

    cluster: Cluster
    queue: WorkQueue
    clock: Clock
    bad: set[str]

    def turn(self) -> list[str]:
        """Reconcile what is due; gives the names that were tried."""
        tried = []
        for item in self.queue.due(CONTROLLER, self.cluster.all("configmaps")):
            name = item["metadata"]["name"]
            tried.append(name)
            with self.queue.attempt(CONTROLLER, item):
                if name in self.bad:
                    raise ReconcileError(f"{name} is bad")
        return tried

    def warnings(self) -> list[tuple[Any, ...]]:
        """List the events, as type, reason, object and message."""
        return [
            (event["type"], event["reason"], event["involvedObject"]["name"], event["message"])
            for event in self.cluster.all("events")
        ]


@pytest.fixture
def bench() -> Bench:
    """Give three ConfigMaps, of which the second is bad."""
    return _bench(("one", "two", "zwei"), {"two"})


def _bench(names: Iterable[str], bad: set[str]) -> Bench:
    cluster, clock = Cluster(Store()), Clock()
    for name in names:
        metadata = {"name": name, "namespace": "default"}
        cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    return Bench(cluster, WorkQueue(cluster, clock), clock, bad)


def test_other_objects_are_reconciled_after_one_has_failed(bench: Bench) -> None:
    """One bad object is that object's own trouble."""
    assert bench.turn() == ["one", "two", "zwei"]
    assert bench.turn() == ["one", "zwei"]


def test_failure_is_one_warning_event_on_its_object(bench: Bench) -> None:
    """The same message again is no further event."""
    for _ in range(3):
        bench.turn()
        bench.clock.now += LONGEST_DELAY_S

    assert bench.warnings() == [("Warning", "FailedTest", "two", "two is bad")]


def test_each_failure_doubles_the_delay_up_to_the_longest(bench: Bench) -> None:
    """An object that fails for hours costs nothing, and is still tried."""
    delays = []
    for _ in range(7):
        began = bench.clock.now
        while "two" not in bench.turn():
            bench.clock.now += 0.25
        delays.append(bench.clock.now - began)

    assert delays == [0.0, 0.5, 1.0, 2.0, 4.0, LONGEST_DELAY_S, LONGEST_DELAY_S]


def test_changed_object_is_tried_at_once(bench: Bench) -> None:
    """Who corrects an object need not wait for its delay to end."""
    bench.turn()
    bench.bad.clear()
    found = bench.cluster.find("configmaps", "default", "two")
    assert found is not None
    bench.cluster.patch(found, {"data": {"changed": "yes"}})

    assert "two" in bench.turn()
    assert bench.queue.failures == []


def test_deleted_object_fails_no_more(bench: Bench) -> None:
    """What is gone is no failure of its controller."""
    bench.turn()
    assert [failure.object for failure in bench.queue.failures] == ["ConfigMap default/two"]
    found = bench.cluster.find("configmaps", "default", "two")
    assert found is not None
    bench.cluster.delete(found)
    bench.turn()

    assert bench.queue.failures == []


def test_delays_end_when_everything_is_to_be_tried(bench: Bench) -> None:
    """`settle` and `mend` try what failed without waiting."""
    bench.turn()
    bench.queue.retry_now()

    assert bench.turn() == ["one", "two", "zwei"]


@pytest.mark.parametrize(
    "error", [KeyError("spec"), StopIteration(), ValueError("no number"), ReconcileError("x")]
)
def test_any_error_is_a_failure_that_says_since_when(error: Exception) -> None:
    """A defect of a controller ends neither the controller nor its event loop."""
    bench = _bench(("one",), set())
    (item,) = bench.cluster.all("configmaps")
    for _ in range(2):
        with bench.queue.attempt(CONTROLLER, item):
            raise error

    (failure,) = bench.queue.failures
    assert (failure.controller, failure.object) == ("test-controller", "ConfigMap default/one")
    assert failure.attempts == 2
    assert failure.since
    assert failure.message.startswith("x" if isinstance(error, ReconcileError) else type(error).__name__)


def test_failure_of_a_whole_controller_has_no_object() -> None:
    """What is about no single object is reported all the same."""
    bench = _bench((), set())
    with bench.queue.attempt(CONTROLLER):
        raise RuntimeError("no account")
    assert [(one.controller, one.object) for one in bench.queue.failures] == [("test-controller", "")]

    with bench.queue.attempt(CONTROLLER):
        pass
    assert bench.queue.failures == []
