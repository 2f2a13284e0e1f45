"""Waits for what is not right yet: before anything is judged, and when a check fails all the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import pytest

from postflight.doomed import Doomed
from postflight.evidence import LiveAnswers
from postflight.patience import Attempt, again_judged
from postflight.run import Run
from postflight.second_look import SecondLook, arguments_before
from postflight.verdicts import failure_of, judged_as
from postflight.waivers import is_waived

SETTLED_AFTER_S = pytest.StashKey[float]()

# pytest's own are no Exceptions, so that checks do not catch them.
_OUTCOMES = (pytest.fail.Exception, pytest.skip.Exception, pytest.xfail.Exception)


class Settling:
    """The waiting of one run."""

    def __init__(self, run: Run, answers: LiveAnswers) -> None:
        self._run = run
        self._answers = answers
        self._doomed = Doomed(run.runbook)

    def before_judging(self, items: Sequence[pytest.Item]) -> None:
        """Wait until the checks pass, are doomed, or patience ends; then have all of it looked at anew.

        What passed while something else was waited for may have been seen before a rollout, and broken by it.
        """
        run = self._run
        for item in (one for one in items if isinstance(one, pytest.Function)):
            if run.patience.left_s <= 0:
                break
            given = arguments_before(item, run)
            if given is not None:
                # Whatever stays wrong, or is wrong otherwise, is told when the check is judged.
                with suppress(Exception, *_OUTCOMES):
                    self._wait(item, SecondLook(item, run, self._answers, given))
        run.not_before = run.patience.waited_until

    def _wait(self, item: pytest.Function, look: SecondLook) -> None:
        try:
            look.judge()
        except AssertionError as failure:
            self._again(item, look, failure)

    def after_failing(self, item: pytest.Function, failure: AssertionError) -> None:
        """Judge a check that has just failed again, on newer evidence, while patience lasts.

        A failure on old evidence is looked at once more even without patience. Raises AssertionError.
        """
        self._again(item, SecondLook(item, self._run, self._answers, item.funcargs), failure)

    def _again(self, item: pytest.Function, look: SecondLook, failure: AssertionError) -> None:
        run = self._run
        is_in_vain = partial(self._is_in_vain, item, look)
        attempt = Attempt(look.judge, look.refresh, is_in_vain)
        # Somebody has decided to live with it: nobody waits for it.
        is_lived_with = is_waived(judged_as(item), run.environment.waivers, run.started)
        if run.patience.left_s > 0 and not is_lived_with and not is_in_vain():
            run.patience.settle(attempt, failure)
            item.stash[SETTLED_AFTER_S] = round(time.time() - run.patience.began, 1)
        elif look.is_old():
            again_judged(attempt, failure)
        else:
            raise failure

    def _is_in_vain(self, item: pytest.Function, look: SecondLook) -> bool:
        """Whether what is wrong cannot heal by itself, or follows from what cannot."""
        failure = failure_of(item, self._run.environment)
        if look.is_doomed():
            self._doomed.add(failure)
            return True
        return self._doomed.leads_to(failure)
