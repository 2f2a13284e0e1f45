"""Applies waivers to outcomes, and tells which of them are expired or of no use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from postflight.environment.waiver import Waiver
from postflight.report.text import counted
from postflight.verdicts import Outcome

# A check's key to the subjects on which this environment is judged by it; None where that is not known.
JudgedOn = Callable[[str], Sequence[str | None] | None]


def waived(outcome: Outcome, waivers: Sequence[Waiver], now: datetime) -> Outcome:
    """Return a failure as waived, with reason and days left, where a waiver covers it.

    A failure whose waiver has expired stays a failure, and says so.
    """
    if outcome.verdict != "failed":
        return outcome
    covering = [one for one in waivers if one.covers(outcome.check, outcome.subject)]
    for one in covering:
        left = one.days_left(now)
        if left >= 0:
            why = f"waived: {one.reason} ({one.owner}, {counted(left, 'day')} left)"
            return replace(outcome, verdict="waived", message=f"{outcome.message}; {why}")
    for one in covering:
        expired = f"its waiver ({one.reason}; {one.owner}) expired on {one.expires:%Y-%m-%d}"
        return replace(outcome, message=f"{outcome.message}; {expired}")
    return outcome


def is_waived(judged: tuple[str, str | None], waivers: Sequence[Waiver], now: datetime) -> bool:
    """Whether a failure of this check on this subject is waived."""
    return any(one.covers(*judged) and one.days_left(now) >= 0 for one in waivers)


def notes(
    waivers: Sequence[Waiver],
    outcomes: Sequence[Outcome],
    checks: Collection[str],
    judged_on: JudgedOn,
    now: datetime,
) -> Iterator[str]:
    """Yield what to say of waivers that have expired, match nothing, or are needed no more.

    `checks`: every check that there is, by its key. Of what this run did not select nothing is said but what
    the environment's file tells.
    """
    verdicts = {(one.check, one.subject): one.verdict for one in outcomes} if waivers else {}
    for one in waivers:
        about = f"waiver of {one.check} [{one.subject}] by {one.owner}"
        named = [check for check in checks if one.names(check)]
        declared = [judged_on(check) for check in named]
        covered = [
            (check, subject)
            for check, subjects in zip(named, declared, strict=True)
            for subject in subjects or ()
            if one.covers(check, subject)
        ]
        if not named:
            yield f"{about}: there is no such check"
        elif one.days_left(now) < 0:
            yield f"{about}: expired on {one.expires:%Y-%m-%d}; mend it, renew it or remove it"
        elif not covered and None not in declared:
            yield f"{about}: no subject has such a name"
        elif covered and all(verdicts.get(each) == "passed" for each in covered):
            yield f"{about}: what it waives passes; remove it"
