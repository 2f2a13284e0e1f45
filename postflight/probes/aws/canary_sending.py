"""What is known of a canary on its way: whether it was sent, and what S3 said to that."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from postflight.evidence import Unverified

ENDED = "The run was ended before the canary had been read again."


class Sending:
    """One upload, as its sender and who removes it know it. Safe to use from any thread.

    `version` is what S3 answered, where the bucket keeps versions, and empty where there may be several;
    `is_refused`: S3 said that it did not write; `is_answered`: S3 said one or the other.
    """

    def __init__(self) -> None:
        self._deciding = threading.Lock()
        self._answered = threading.Event()
        self._is_stopped = False
        self._attempts = 0
        self.is_refused = False
        self.version = ""

    def stop(self) -> bool:
        """Send nothing from now on; return whether something was sent."""
        with self._deciding:
            self._is_stopped = True
            return self._attempts > 0

    def prepare(self, keep: Callable[[], None]) -> None:
        """Keep a record of what will be sent, unless nothing will: then no one is left to drop the record.

        Raises Unverified.
        """
        with self._deciding:
            if self._is_stopped:
                raise Unverified(ENDED)
            keep()

    def send(self) -> None:
        """Note that it is being sent. Raises Unverified once that is stopped."""
        with self._deciding:
            if self._is_stopped:
                raise Unverified(ENDED)
            self._attempts += 1

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is sent any more."""
        return self._is_stopped

    @property
    def is_answered(self) -> bool:
        """Whether S3 has said what became of it."""
        return self._answered.is_set()

    def answer(self, *, version: str = "", is_refused: bool = False) -> None:
        """Note what S3 said."""
        self.version = version if self._attempts == 1 else ""
        self.is_refused = is_refused
        self._answered.set()

    def wait(self, seconds: float) -> bool:
        """Wait so long for S3's answer; return whether there is one."""
        return self._answered.wait(max(seconds, 0.0))

    @contextmanager
    def in_this_thread(self) -> Iterator[None]:
        """Let every attempt of this thread to send an object be one of this upload."""
        token = _SENDING.set(self)
        try:
            yield
        finally:
            _SENDING.reset(token)


_SENDING: contextvars.ContextVar[Sending | None] = contextvars.ContextVar("sending", default=None)


def refuse_after_the_end(**_: Any) -> None:
    """Send no object once its removal has begun: botocore tries again what was not answered.

    Raises Unverified.
    """
    sending = _SENDING.get()
    if sending is not None:
        sending.send()
