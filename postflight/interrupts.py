"""Signals that end a run as Ctrl-C does: what was judged is reported, what was brought up is taken down."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

# make, a CI runner's time limit and a Job's deadline send the first; a terminal that is closed, the second,
# which Windows does not have.
_ENDING: Final = tuple(
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)


# So long may a removal hold up a run that is ended; then a second Ctrl-C ends it as ever.
_HELD_S: Final = 10.0


class Interrupts:
    """Turns signals into KeyboardInterrupt, until they are given back.

    `is_held`: whether the run is removing what it has written. Meanwhile a second signal is ignored.
    """

    def __init__(self, is_held: Callable[[], bool] = lambda: False) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._is_held = is_held
        self._first: float | None = None
        self._only_once = False

    def hear(self, *, only_once: bool) -> None:
        """Begin; a signal that whoever started us ignores (nohup) stays ignored.

        `only_once`: a worker hears of Ctrl-C from the terminal and from its controller, and must not be
        interrupted while it ends.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._only_once = only_once
        for number in (*_ENDING, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._interrupt)

    def give_back(self) -> None:
        """Let signals mean what they meant before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif self._only_once or (now - self._first < _HELD_S and self._is_held()):
            return
        raise KeyboardInterrupt
