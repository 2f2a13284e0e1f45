"""Says what is being waited for: one live line on a terminal, a line every 15 s elsewhere."""

from __future__ import annotations

import time

import pytest

_PAUSE_S = 15.0


def ignore(message: str, left_s: float) -> None:
    """Say nothing (a pytest-xdist worker has no terminal)."""
    del message, left_s


class Announcer:
    """Writes to pytest's terminal, and not more often than a reader can follow."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._is_live = reporter.isatty
        self._last = 0.0

    def __call__(self, message: str, left_s: float) -> None:
        """Say that a check is not right yet, and how long it may still take."""
        if self._is_live:
            text = f"waiting, {left_s:.0f} s left: {message}"
            self._reporter.rewrite(text[: self._reporter._tw.fullwidth - 1], erase=True)  # noqa: SLF001
        elif time.monotonic() - self._last >= _PAUSE_S:
            self._last = time.monotonic()
            self._reporter.ensure_newline()
            self._reporter.write_line(f"waiting, {left_s:.0f} s left: {message}")
