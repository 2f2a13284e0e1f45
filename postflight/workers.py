"""pytest-xdist's processes: which of them this one is, and how workers end with their controller."""

from __future__ import annotations

import queue
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

# A worker that has heard waits at most 5.5 s for what it has written to be removed. One that takes longer
# than this hangs; xdist would wait ten seconds for it.
_WITHIN_S: Final = 7.0

OUT_OF_TIME: Final = "the run's --deadline came"


def is_worker(config: pytest.Config) -> bool:
    """Whether this process runs checks for a pytest-xdist controller."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Whether this process only hands checks to pytest-xdist workers."""
    return not is_worker(config) and bool(getattr(config.option, "dist", "no") != "no")


def is_shared(config: pytest.Config) -> bool:
    """Whether the checks of this run are shared among processes."""
    return is_worker(config) or is_controller(config)


def given(config: pytest.Config) -> dict[str, Any] | None:
    """Return what the pytest-xdist controller told this worker; None in any other process."""
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    return worker_input.get("postflight") if worker_input is not None else None


def last_events(config: pytest.Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Interrupt the workers, and yield what they still tell (xdist's events) until they have ended.

    Left alone they would work on for as long as xdist waits for them, and what they counted would be lost.
    """
    distribution: Any = config.pluginmanager.getplugin("dsession")
    working = set(distribution._active_nodes)  # noqa: SLF001 - xdist has no other way to tell
    processes = {worker: _local_process(worker) for worker in working}
    for process in processes.values():
        if process is not None:
            process.terminate()
    until = time.monotonic() + _WITHIN_S
    while working and (left_s := until - time.monotonic()) > 0:
        try:
            name, told = distribution.queue.get(timeout=left_s)
        except queue.Empty:
            break
        if name in {"workerfinished", "errordown"}:
            working.discard(told["node"])
        yield name, told
    for worker in working:
        process = processes[worker]
        if process is not None:
            process.kill()


def hear_out(config: pytest.Config) -> None:
    """End the workers as this process ends, and take in what they have judged, counted and withheld."""
    for name, told in last_events(config):
        if name == "testreport":
            # As xdist does it: JUnit, --lf and pytest's totals must have what our results have.
            told["rep"].node = told["node"]
            config.hook.pytest_runtest_logreport(report=told["rep"])
        elif name == "workerfinished":
            config.hook.pytest_testnodedown(node=told["node"], error=None)


def is_enough(config: pytest.Config, error: KeyboardInterrupt) -> bool:
    """Whether this is xdist's way to say that --maxfail or --deadline was reached, which is no interruption.

    Without workers the outcomes tell the status of such a run; so they do with them.
    """
    if not config.pluginmanager.hasplugin("dsession"):
        return False
    from xdist.dsession import Interrupted

    # Whatever else ends a worker's session reaches us as the same exception, with a reason of its own.
    told = str(error)
    is_limit = told == OUT_OF_TIME or bool(config.getoption("maxfail") and told.startswith("stopping after "))
    return isinstance(error, Interrupted) and is_limit


def why_ended(config: pytest.Config) -> str:
    """Return why xdist ended the run before all was judged; empty if it did not say."""
    distribution: Any = config.pluginmanager.getplugin("dsession")
    if distribution is None:
        return ""
    told = distribution.shouldstop or distribution._summary_report  # noqa: SLF001 - said nowhere else
    return str(told or "")


def _local_process(worker: Any) -> subprocess.Popen[bytes] | None:
    """Return the process of a worker on this machine; those elsewhere are left to xdist."""
    process: subprocess.Popen[bytes] | None = getattr(worker.gateway._io, "popen", None)  # noqa: SLF001
    return process if worker.gateway.spec.popen else None
