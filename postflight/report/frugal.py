"""What pytest keeps of each report until a run ends; of one without a word, next to nothing is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest


@dataclass(frozen=True, slots=True)
class Passed:
    """A check's report when it has passed in silence: as pytest's own, without what is the same for all."""

    nodeid: str
    location: tuple[str, int | None, str]
    duration: float

    when: ClassVar[str] = "call"
    outcome: ClassVar[str] = "passed"
    passed: ClassVar[bool] = True
    failed: ClassVar[bool] = False
    skipped: ClassVar[bool] = False
    longrepr: ClassVar[None] = None
    sections: ClassVar[Sequence[tuple[str, str]]] = ()
    user_properties: ClassVar[Sequence[tuple[str, object]]] = ()
    keywords: ClassVar[Mapping[str, Any]] = {}


def forget(report: pytest.TestReport, reporter: pytest.TerminalReporter) -> None:
    """Let go of what nobody will ask of a report that everybody has been told.

    Of a set-up or tear-down that passed in silence pytest counts nothing; of a check that passed, only that
    it did, unless it is to be named (`-rp`, `-rA`). Whoever reads the reports afterwards finds a `Passed`.
    """
    if not report.passed or report.sections or report.user_properties:
        return
    is_check = report.when == "call"
    kept = reporter.stats.get("passed" if is_check else "", [])
    if not kept or kept[-1] is not report or (is_check and reporter.hasopt("p")):
        return
    kept.pop()
    if is_check:
        kept.append(Passed(report.nodeid, report.location, report.duration))
