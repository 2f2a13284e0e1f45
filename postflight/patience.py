"""Looks again at what failed, until it is right, is doomed, or patience ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from postflight.evidence import Unverified

_NOT_AGAIN = " (could not be looked at again: "

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 3.0


@dataclass(frozen=True)
class Attempt:
    """One judgement of a check: `judge` raises AssertionError while it is not right."""

    judge: Callable[[], None]
    refresh: Callable[[], None]
    is_doomed: Callable[[], bool]


@dataclass
class Patience:
    """One budget for a whole run: however many checks wait, none waits longer.

    All times are of the wall clock, so that pytest-xdist workers share them. `announce` is told what is not
    right yet and the seconds left; at the end, nothing. `note`: a file by which the workers of a run tell one
    another that they wait.
    """

    budget_s: float = 0.0
    began: float = field(default_factory=time.time)
    announce: Callable[[str, float], None] = lambda _message, _left_s: None
    note: Path | None = None
    _waited_until: float = field(default=0.0, init=False)

    @property
    def waited_until(self) -> float:
        """When a process of this run has last waited for more than a second look; 0 if none has.

        A worker that began late may find everything healed; what was seen before another's wait is still too
        old to judge by.
        """
        noted = 0.0
        if self.note is not None:
            with suppress(FileNotFoundError):
                noted = self.note.stat().st_mtime
        return max(self._waited_until, noted)

    def _note_waiting(self) -> None:
        self._waited_until = max(time.time(), self.waited_until)
        if self.note is not None:
            # Where nothing can be written no evidence can be kept either, and nothing is green.
            with suppress(OSError):
                self.note.touch()
                os.utime(self.note, (self._waited_until, self._waited_until))

    @property
    def left_s(self) -> float:
        """Seconds until patience ends."""
        return max(self.began + self.budget_s - time.time(), 0.0)

    def settle(self, attempt: Attempt, failure: AssertionError) -> None:
        """Judge again and again, paced with jitter, on evidence looked at anew.

        The check has failed with `failure` when this is called. Raises its last AssertionError: what was seen
        to be wrong stays a failure also when it cannot be looked at again.
        """
        from tenacity import Retrying, retry_if_exception_type, wait_exponential_jitter
        from tenacity.stop import stop_base

        class PatienceEnds(stop_base):
            def __call__(_, retry_state: object) -> bool:  # noqa: N805 - the budget is ours
                del retry_state
                return self.left_s <= 0 or attempt.is_doomed()

        pauses = wait_exponential_jitter(multiplier=FIRST_PAUSE_S, max=LONGEST_PAUSE_S, jitter=FIRST_PAUSE_S)
        retrying = Retrying(
            stop=PatienceEnds(),
            wait=lambda state: min(pauses(state), self.left_s),
            retry=retry_if_exception_type(AssertionError),
            reraise=True,
        )
        last = failure
        has_paused = False
        try:
            for again in retrying:
                has_paused = again.retry_state.attempt_number > 1
                if has_paused:
                    self._note_waiting()
                with again:
                    try:
                        again_judged(attempt, last)
                    except AssertionError as error:
                        last = error
                        self.announce(first_line(error), self.left_s)
                        raise
        finally:
            if has_paused:
                self._note_waiting()
            self.announce("", self.left_s)


def again_judged(attempt: Attempt, last: AssertionError) -> None:
    """Look again and judge. Raises AssertionError: this one's, or the last one's where no look was had."""
    try:
        attempt.refresh()
    except Unverified as error:
        text = first_line(last).partition(_NOT_AGAIN)[0]
        raise AssertionError(f"{text}{_NOT_AGAIN}{error})") from None
    attempt.judge()


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's text."""
    return next(iter(str(error).splitlines()), "")
