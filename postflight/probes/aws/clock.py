"""Clock skew: AWS refuses signatures whose time is too far from its own, in several words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

# The time of the signature, and in brackets AWS's own, to which it has added what it allows.
_SIGNED: Final = re.compile(
    r"(?:not yet current|Signature expired): (\d{8}T\d{6}Z)[^(]*(?:\((\d{8}T\d{6}Z))?", re.IGNORECASE
)
_SAYS_SO: Final = frozenset({"RequestInTheFuture", "RequestTimeTooSkewed"})
# AWS allows five minutes, S3 fifteen. With less, a refusal has another reason.
_ALLOWED_S: Final = 240.0


def skew(response: Mapping[str, Any], now: datetime) -> str | None:
    """Say how the clock `now` differs from AWS's, as its error answer tells; None where that is no reason.

    Sources: the times in a message about a signature, S3's ServerTime, the Date header.
    """
    error = response.get("Error", {})
    signed = _SIGNED.search(str(error.get("Message", "")))
    difference_s = _difference_s(response, signed, now)
    is_meant = signed is not None or error.get("Code") in _SAYS_SO
    if difference_s is None or abs(difference_s) < _ALLOWED_S:
        return "not set to the time of AWS" if is_meant else None
    minutes = round(abs(difference_s) / 60)
    return f"{minutes} min {'ahead of' if difference_s > 0 else 'behind'} AWS's"


def _difference_s(response: Mapping[str, Any], signed: re.Match[str] | None, now: datetime) -> float | None:
    """Return by how many seconds our clock is ahead; None where AWS's time is not known."""
    try:
        if signed is not None and signed.group(2):
            ours, theirs = (datetime.fromisoformat(one) for one in signed.groups())
            return (ours - theirs).total_seconds()
        said = response.get("Error", {}).get("ServerTime")
        if said:
            return (now - datetime.fromisoformat(str(said))).total_seconds()
        dated = parsedate_to_datetime(response["ResponseMetadata"]["HTTPHeaders"]["date"])
        return (now - (dated if dated.tzinfo else dated.replace(tzinfo=UTC))).total_seconds()
    except (LookupError, TypeError, ValueError):
        return None
