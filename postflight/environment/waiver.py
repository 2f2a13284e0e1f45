"""Failures that a team has decided to live with, for a reason, by somebody, until a day."""

from __future__ import annotations

from datetime import date, datetime, time
from fnmatch import fnmatchcase
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from postflight.environment.declaration import Declaration, Name


def _known_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("it is no time zone of the IANA database, such as Asia/Seoul") from None
    return name


class Waiver(Declaration):
    """One check that may fail on some subjects until the end of a day."""

    check: Name = Field(description="A check: its function, or module.py::function.")
    subject: Name = Field(default="*", description="Pattern of the subjects' names: `private-*`.")
    reason: Name
    owner: Name = Field(description="Who mends it.")
    expires: date = Field(description="The last day on which it is waived, YYYY-MM-DD.")
    timezone: Annotated[Name, AfterValidator(_known_time_zone)] = "UTC"

    def covers(self, check: str, subject: str | None) -> bool:
        """Whether this is about a check (`tests_infra/test_nat.py::test_…`) of a subject."""
        return self.names(check) and fnmatchcase(subject or "", self.subject)

    def names(self, check: str) -> bool:
        """Whether this is about a check, on whatever subject."""
        return check == self.check or check.endswith((f"::{self.check}", f"/{self.check}"))

    def days_left(self, now: datetime) -> int:
        """Return the days until it expires: 0 on its last day, negative when it has expired."""
        return (self.expires - now.astimezone(ZoneInfo(self.timezone)).date()).days

    def ends(self) -> datetime:
        """Return the moment at which it expires."""
        return datetime.combine(self.expires, time.max, ZoneInfo(self.timezone))
