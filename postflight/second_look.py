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
    """The evidence of one failed item, which can be looked at anew and judged again."""

    def __init__(self, item: pytest.Function, run: Run, answers: LiveAnswers) -> None:
        self._item = item
        self._run = run
        self._answers = answers
        _, self._subject = collection.subject_of(item)
        self._fixtures = [name for name in item.fixturenames if name in rows()]
        self._asked = self._look(since=0.0)

    def judge(self) -> None:
        """Call the test function with the evidence of the last look. Raises AssertionError."""
        self._item.obj(**arguments(self._item))

    def refresh(self) -> None:
        """Look again at what was judged; a look that another check had since then will do."""
        newest = self._answers.began(self._asked)
        self._asked = self._look(since=newest + 0.001)

    def is_old(self) -> bool:
        """Whether the evidence is too old to report a failure on."""
        return time.time() - self._answers.oldest(self._asked) > OLD_S

    def is_doomed(self) -> bool:
        """Whether the evidence says that what is wrong cannot heal by itself."""
        return any(getattr(self._item.funcargs[name], "is_doomed", False) for name in self._fixtures)

    def _look(self, since: float) -> list[Question]:
        asked: list[Question] = []
        for name in self._fixtures:
            seen = self._run.evidence(name, self._subject, since)
            self._item.funcargs[name] = seen.evidence
            asked.extend(seen.asked)
        return asked


def arguments(item: pytest.Function) -> dict[str, Any]:
    """Return the arguments of an item's test function."""
    return {name: item.funcargs[name] for name in item._fixtureinfo.argnames}  # noqa: SLF001 - as pytest does
