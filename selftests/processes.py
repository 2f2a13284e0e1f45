"""Processes of a run that is being ended: its workers, and whether they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path


def children_of(process: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    found = (Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")).split()
    return [child for child in map(int, found) if is_alive(child)]


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for (a zombie) does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    # The name before the state may hold anything, also blanks and brackets.
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Return whether a condition came true in time."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def are_gone(processes: Iterable[int], within_s: float = 10.0) -> bool:
    """Whether none of these processes runs any more, or soon none will."""
    every = list(processes)
    return wait_until(lambda: not any(map(is_alive, every)), within_s)
