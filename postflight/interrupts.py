"""Signals that end a run as Ctrl-C does: what was judged is reported, what was brought up is taken down."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Final, NoReturn

# make, a CI runner's time limit and a Job's deadline send the first; a terminal that is closed, the second,
# which Windows does not have.
_ENDING: Final = tuple(
    number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)


class Interrupts:
    """Turns signals into KeyboardInterrupt, until they are given back."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}

    def hear(self, *, only_once: bool) -> None:
        """Begin; a signal that whoever started us ignores (nohup) stays ignored.

        `only_once`: a worker hears of Ctrl-C from the terminal and from its controller, and must not be
        interrupted while it ends.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        handler = _interrupt_once if only_once else signal.default_int_handler
        for number in (*_ENDING, *((signal.SIGINT,) if only_once else ())):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, handler)

    def give_back(self) -> None:
        """Let signals mean what they meant before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()


def _interrupt_once(_number: int, _frame: FrameType | None) -> NoReturn:
    # Not SIG_IGN: of a signal that came at the same moment Python would tell a race, with a traceback.
    for number in (*_ENDING, signal.SIGINT):
        signal.signal(number, _ignore)
    raise KeyboardInterrupt


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Hear a second signal, and go on ending."""
