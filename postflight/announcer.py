"""Says what is being waited for: one live line on a terminal, a line every 15 s elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

_PAUSE_S = 15.0


def ignore(message: str, left_s: float) -> None:
    """Say nothing (a pytest-xdist worker has no terminal)."""
    del message, left_s


class Announcer:
    """Writes to pytest's terminal, and not more often than a reader can follow."""

    def __init__(
        self, config: pytest.Config, reporter: pytest.TerminalReporter, redact: Callable[[str], str]
    ) -> None:
        self._config = config
        self._redact = redact
        self._reporter = reporter
        self._is_live = reporter.isatty
        self._is_waiting = False
        self._last = float("-inf")

    def __call__(self, message: str, left_s: float) -> None:
        """Say that a check is not right yet, and how long it may still take; without a message, no more."""
        text = f"waiting, {left_s:.0f} s left: {self._redact(message)}" if message else ""
        with self._uncaptured():
            if self._is_live:
                self._rewrite(text)
            elif text and time.monotonic() - self._last >= _PAUSE_S:
                self._last = time.monotonic()
                self._begin_line()
                self._reporter.write_line(text)
                self._reporter.flush()

    def _rewrite(self, text: str) -> None:
        if text and not self._is_waiting:
            self._begin_line()
        self._is_waiting = bool(text)
        width = self._reporter._tw.fullwidth - 1  # noqa: SLF001 - pytest has no other way to tell
        self._reporter.rewrite(text[:width], erase=True)
        if not text:
            self._reporter.write("\r")
        self._reporter.flush()

    def _begin_line(self) -> None:
        """Leave the line of pytest's progress."""
        if self._reporter._tw.width_of_current_line:  # noqa: SLF001 - pytest has no other way to tell
            self._reporter.write_line("")

    def _uncaptured(self) -> AbstractContextManager[None]:
        """While a check is called, pytest keeps what is written for its report."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            return nullcontext()
        disabled: AbstractContextManager[None] = capture.global_and_fixture_disabled()
        return disabled
