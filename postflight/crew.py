"""Threads that work through tasks: so many at a time, however many of them wait for each other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

# Most tasks begin with a listing that one of them makes and the others wait for.
_THREADS_A_PLACE = 4


def begun(work: Callable[..., None], *arguments: object) -> bool:
    """Begin work in a daemon thread, unless the system refuses it one (a limit of processes or memory)."""
    try:
        threading.Thread(target=work, args=arguments, daemon=True).start()
    except RuntimeError:
        return False
    return True


_THREAD = threading.local()


def crew_of_this_thread() -> Crew | None:
    """Return the crew that the calling thread is one of, if it is of one."""
    crew: Crew | None = getattr(_THREAD, "crew", None)
    return crew


class Crew:
    """Daemon threads that do tasks in turn; one that waits for another's work lends out its place meanwhile.

    Whoever has lent a place gets the next that is free: what has begun is done before what has not.
    """

    def __init__(self, tasks: Iterable[Callable[[], object]], places: int) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        for task in tasks:
            self._tasks.put(task)
        self._most = places * _THREADS_A_PLACE
        self._free = places
        self._threads = 0
        self._idle = 0
        self._returning = 0
        self._lock = threading.Lock()
        self._for_idle = threading.Condition(self._lock)
        self._for_returning = threading.Condition(self._lock)

    def begin(self) -> None:
        """Start as many threads as there are places and tasks, or as the system allows."""
        for _ in range(min(self._free, self._tasks.qsize())):
            if not self._join():
                break

    @contextmanager
    def place_lent(self) -> Iterator[None]:
        """Let another do its task while this one waits."""
        self._give()
        if not self._idle and not self._tasks.empty():
            self._join()
        try:
            yield
        finally:
            self._take_back()

    def _join(self) -> bool:
        with self._lock:
            if self._threads >= self._most:
                return False
            self._threads += 1
        return begun(self._work)

    def _work(self) -> None:
        _THREAD.crew = self
        self._take()
        try:
            while True:
                task = self._tasks.get_nowait()
                # Who put the task has its outcome: here it is of no interest.
                with suppress(BaseException):
                    task()
                if self._returning:
                    self._give()
                    self._take()
        except queue.Empty:
            return
        finally:
            self._give()

    def _give(self) -> None:
        with self._lock:
            self._free += 1
            self._call_next()

    def _take(self) -> None:
        with self._lock:
            self._idle += 1
            while not self._free or self._returning:
                self._for_idle.wait()
            self._idle -= 1
            self._free -= 1
            self._call_next()

    def _take_back(self) -> None:
        with self._lock:
            self._returning += 1
            while not self._free:
                self._for_returning.wait()
            self._returning -= 1
            self._free -= 1
            self._call_next()

    def _call_next(self) -> None:
        if self._free:
            (self._for_returning if self._returning else self._for_idle).notify()
