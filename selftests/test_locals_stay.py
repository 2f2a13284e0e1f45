"""With `--showlocals` a check's own variables are shown, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from postflight.report.shown import keep_locals_of_checks
from selftests.locals_of_a_probe import look
from selftests.proofs.harness import ROOT

SECRET = "hunter2" * 100


def failed(*, from_another: bool, file: str = "selftests/test_locals_stay.py") -> pytest.TestReport:
    """Return the report of a check in a file whose probe broke, with all local variables."""
    of_the_check = "mine"
    try:
        try:
            look(SECRET)
        except ValueError as error:
            if not from_another:
                raise
            raise LookupError(of_the_check) from error
    except (ValueError, LookupError):
        told: Any = pytest.ExceptionInfo.from_current().getrepr(showlocals=True, style="long")
    return pytest.TestReport("test_it", (file, 1, "test_it"), {}, "failed", told, "call")


@pytest.mark.parametrize("from_another", [False, True])
def test_a_probes_variables_are_not_shown(from_another: bool) -> None:
    """They hold what was read, and pytest's cut through it makes a secret that cannot be recognised."""
    report = failed(from_another=from_another)
    assert "hunter2" in report.longreprtext
    keep_locals_of_checks(report, ROOT)

    assert "hunter2" not in report.longreprtext
    assert "of_the_check = 'mine'" in report.longreprtext


def test_a_namesake_of_the_checks_file_shows_no_variables() -> None:
    """A probe may lie in a file of the same name."""
    report = failed(from_another=False, file="elsewhere/locals_of_a_probe.py")
    keep_locals_of_checks(report, ROOT)

    assert "hunter2" not in report.longreprtext


def test_a_frame_of_no_known_file_shows_no_variables() -> None:
    """What nobody can tell from a probe's frame may be one."""
    report = failed(from_another=False)
    told: Any = report.longrepr
    for entry in told.reprtraceback.reprentries:
        entry.reprfileloc = None
    keep_locals_of_checks(report, ROOT)

    assert "hunter2" not in report.longreprtext
