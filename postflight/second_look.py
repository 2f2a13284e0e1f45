"""A second look at a check that failed: newer evidence into the same test function."""

from __future__ import annotations

import time
from typing import Any

import pytest

from postflight import collection
from postflight.evidence import LiveAnswers, Question
from postflight.run import Run
from postflight.subjects import rows

OLD_S = 15.0


class SecondLook:
    """The evidence of one item, which can be looked at anew and judged again.

    `given`: the arguments of the item's test function, in which evidence is renewed. Raises Unverified.
    """

    def __init__(self, item: pytest.Function, run: Run, answers: LiveAnswers, given: dict[str, Any]) -> None:
        self._item = item
        self._given = given
        self._run = run
        self._answers = answers
        _, self._subject = collection.subject_of(item)
        self._fixtures = [name for name in item.fixturenames if name in rows()]
        self._asked = self._look(since=0.0)

    def judge(self) -> None:
        """Call the test function with the evidence of the last look. Raises AssertionError."""
        self._item.obj(**{name: self._given[name] for name in _names(self._item)})

    def refresh(self) -> None:
        """Look again at what was judged; a look that another check had since then will do."""
        newest = self._answers.began(self._asked)
        self._asked = self._look(since=newest + 0.001)

    def is_old(self) -> bool:
        """Whether the evidence is too old to report a failure on."""
        return time.time() - self._answers.oldest(self._asked) > OLD_S

    def is_doomed(self) -> bool:
        """Whether the evidence says that what is wrong cannot heal by itself."""
        return any(getattr(self._given[name], "is_doomed", False) for name in self._fixtures)

    def _look(self, since: float) -> list[Question]:
        asked: list[Question] = []
        for name in self._fixtures:
            seen = self._run.evidence(name, self._subject, since)
            self._given[name] = seen.evidence
            asked.extend(seen.asked)
        return asked


def arguments_before(item: pytest.Function, run: Run) -> dict[str, Any] | None:
    """Return what an item's test function asks for besides evidence, before pytest sets its fixtures up.

    None: it asks for fixtures that are not ours, or may be skipped.
    """
    if any(next(item.iter_markers(name), None) for name in ("skip", "skipif", "xfail")):
        return None
    call = getattr(item, "callspec", None)
    given = {"environment": run.environment, **(call.params if call is not None else {})}
    return given if all(name in given or name in rows() for name in _names(item)) else None


def _names(item: pytest.Function) -> tuple[str, ...]:
    """Return the names of a test function's arguments."""
    return item._fixtureinfo.argnames  # noqa: SLF001 - as pytest does
