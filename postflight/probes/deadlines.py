"""How long a look may take: one moment, shared by every step of it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
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

    def remaining_s(self, at_most: float = float("inf")) -> float:
        """Seconds that one step may still take. Raises TimeoutError when none are left."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, at_most)


@contextmanager
def cut_off(descriptor: int, deadline: Deadline) -> Iterator[threading.Event]:
    """Shut a socket of somebody else's library down at the deadline; the event tells that it happened.

    For libraries whose own limits leave a gap. The caller's descriptor stays open and theirs to close.
    """
    was_cut = threading.Event()
    twin = socket.socket(fileno=os.dup(descriptor))

    def cut() -> None:
        was_cut.set()
        # The library may have closed the connection a moment ago: then there is nothing left to cut.
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline.ends - time.monotonic(), 0), cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
        timer.join()
        twin.close()
