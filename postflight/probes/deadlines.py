"""How long a look may take: one moment, shared by every step of it, and what happens at that moment."""

from __future__ import annotations

import heapq
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """The moment by which a look must have ended, on the monotonic clock."""

    began: float
    ends: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that many seconds from now."""
        now = time.monotonic()
        return cls(now, now + seconds)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the look began."""
        return time.monotonic() - self.began

    @property
    def is_over(self) -> bool:
        """Whether the moment has come."""
        return time.monotonic() >= self.ends

    def remaining_s(self, at_most: float = float("inf")) -> float:
        """Seconds that one step may still take. Raises TimeoutError when none are left."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, at_most)


class Alarm:
    """Something to be done at a moment, unless it is cancelled before."""

    def __init__(self, moment: float, act: Callable[[], None]) -> None:
        self.moment = moment
        self._act: Callable[[], None] | None = act
        self._lock = threading.Lock()

    def __lt__(self, other: Alarm) -> bool:
        return self.moment < other.moment

    def ring(self) -> None:
        """Do it, in the clock's thread."""
        with self._lock:
            if self._act is not None:
                self._act()

    def cancel(self) -> None:
        """See that it is not done any more: when this returns it has been done, or will not be."""
        with self._lock:
            self._act = None


class _Clock:
    """Rings alarms from one thread: hundreds of looks a second need not start a thread each."""

    def __init__(self) -> None:
        self._alarms: list[Alarm] = []
        self._earlier = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, alarm: Alarm) -> None:
        with self._earlier:
            if self._thread is None:
                self._start()
            heapq.heappush(self._alarms, alarm)
            if self._alarms[0] is alarm:
                self._earlier.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # A limit of processes: each step has its own time-out, and whoever asks a deadline of his own.
            return
        self._thread = thread

    def _run(self) -> None:
        while True:
            self._next().ring()

    def _next(self) -> Alarm:
        with self._earlier:
            while True:
                left = self._alarms[0].moment - time.monotonic() if self._alarms else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._alarms)
                self._earlier.wait(left)


_CLOCK = _Clock()


def alarm(within_s: float, act: Callable[[], None]) -> Alarm:
    """Have `act` done so many seconds from now. It must be quick, and raise nothing."""
    made = Alarm(time.monotonic() + max(within_s, 0), act)
    _CLOCK.add(made)
    return made


class Cutoff:
    """Shuts down every socket of a look at its deadline, whatever limits its readers have."""

    def __init__(self, deadline: Deadline) -> None:
        self.was_cut = threading.Event()
        self._twins: list[socket.socket] = []
        self._lock = threading.Lock()
        self._alarm = alarm(deadline.ends - time.monotonic(), self._cut)

    def guard(self, descriptor: int) -> None:
        """Watch a connected socket, which stays open and its owner's to close. Raises OSError."""
        twin = socket.socket(fileno=os.dup(descriptor))
        with self._lock:
            self._twins.append(twin)
            is_late = self.was_cut.is_set()
        if is_late:
            _shut_down(twin)

    def close(self) -> None:
        """Watch no more: when this returns, nothing is shut down any longer."""
        self._alarm.cancel()
        for twin in self._twins:
            twin.close()

    def _cut(self) -> None:
        with self._lock:
            self.was_cut.set()
            twins = tuple(self._twins)
        for twin in twins:
            _shut_down(twin)


def _shut_down(connected: socket.socket) -> None:
    # Either side may have closed the connection a moment ago: then there is nothing left to cut.
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut_off(descriptor: int, deadline: Deadline) -> Iterator[threading.Event]:
    """Shut a socket of another library down at the deadline; the event says whether that happened."""
    cutoff = Cutoff(deadline)
    try:
        cutoff.guard(descriptor)
        yield cutoff.was_cut
    finally:
        cutoff.close()
