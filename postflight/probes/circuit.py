"""An endpoint that accepts and never answers is waited for once, not once for each look."""

from __future__ import annotations

import threading
import time

from postflight.evidence import Unverified


class Circuit:
    """What the looks of a run share about one endpoint. Safe to use from any thread.

    After a look that got no answer in time, others end at once with its verdict; each `rest_s` one of them
    may try again. A look that is slow while others are answered changes nothing.
    """

    def __init__(self, rest_s: float = 15.0) -> None:
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._answered_at = float("-inf")
        self._verdict: Unverified | None = None
        self._until = 0.0

    def begin(self) -> float:
        """Return the moment at which a look begins. Raises Unverified where it would wait in vain."""
        with self._lock:
            now = time.monotonic()
            if self._verdict is not None:
                if now < self._until:
                    raise Unverified(str(self._verdict))
                self._until = now + self._rest_s
            return now

    def answered(self) -> None:
        """Note that the endpoint answers."""
        with self._lock:
            self._answered_at = time.monotonic()
            self._verdict = None

    def has_answered(self, since: float) -> bool:
        """Whether the endpoint has answered any look since then."""
        with self._lock:
            return self._answered_at >= since

    def silent(self, began: float, verdict: Unverified) -> None:
        """Note that a look that began then got no answer in time."""
        with self._lock:
            if self._answered_at < began:
                self._verdict = verdict
                self._until = time.monotonic() + self._rest_s
