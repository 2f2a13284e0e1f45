"""Applies waivers to outcomes, and tells which of them are expired or of no use."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from postflight.environment.waiver import Waiver
from postflight.report.findings import counted
from postflight.verdicts import Outcome


@dataclass(frozen=True)
class WaiverNote:
    """What is to be said of one waiver at the end of a run."""

    waiver: Waiver
    text: str


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


def notes(
    waivers: Sequence[Waiver], outcomes: Sequence[Outcome], checks: Collection[str], now: datetime
) -> Iterator[WaiverNote]:
    """Yield what to say of waivers that have expired, match no check, or are needed no more.

    `checks`: every check that there is, by its key. Nothing is said of checks that this run did not judge.
    """
    for one in waivers:
        about = f"waiver of {one.check} [{one.subject}] by {one.owner}"
        judged = [outcome for outcome in outcomes if one.covers(outcome.check, outcome.subject)]
        is_check = any(one.covers(check, None) or one.covers(check, one.subject) for check in checks)
        if not is_check:
            yield WaiverNote(one, f"{about}: there is no such check")
        elif one.days_left(now) < 0:
            yield WaiverNote(
                one, f"{about}: expired on {one.expires:%Y-%m-%d}; mend it, renew it or remove it"
            )
        elif not judged and any(_same_check(one, outcome) for outcome in outcomes):
            yield WaiverNote(one, f"{about}: no subject has such a name")
        elif judged and all(outcome.verdict == "passed" for outcome in judged):
            yield WaiverNote(one, f"{about}: what it waives passes; remove it")


def _same_check(waiver: Waiver, outcome: Outcome) -> bool:
    return waiver.model_copy(update={"subject": "*"}).covers(outcome.check, outcome.subject)
