"""What a team has decided to live with: until when, for what, and what is said of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from postflight.collection import Collection
from postflight.environment import load
from postflight.environment.waiver import Waiver
from postflight.subjects import rows
from postflight.unjudged import subjects_judged
from postflight.waivers import is_waived
from selftests import tiny_project
from selftests.proofs.harness import ROOT, Sandbox

CHECK = "tests_infra/test_nat.py::test_default_route_is_active"


def waiver(**changes: object) -> Waiver:
    """Return a waiver of a check on some subnets, until a day in Korea."""
    declared = {
        "check": "test_default_route_is_active",
        "subject": "private-*",
        "reason": "moving",
        "owner": "김",
        "expires": date(2026, 11, 21),
        "timezone": "Asia/Seoul",
    }
    return Waiver.model_validate({**declared, **changes})


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-11-21T14:59:59", True), ("2026-11-21T15:00:00", False), ("2026-11-20T15:00:00", True)],
)
def test_a_waiver_ends_with_its_day_where_it_was_given(now: str, expected: bool) -> None:
    """Midnight in Seoul is three in the afternoon in UTC, in the middle of a day's deployments."""
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert is_waived((CHECK, "private-a"), [waiver()], moment) is expected


@pytest.mark.parametrize(
    ("check", "subject", "expected"),
    [
        (CHECK, "private-a", True),
        (CHECK, "public-a", False),
        (CHECK, None, False),
        ("tests_infra/test_nat.py::test_default_route_is_active_twice", "private-a", False),
    ],
)
def test_a_waiver_covers_what_it_names(check: str, subject: str | None, expected: bool) -> None:
    """A waiver that covers more than was meant hides a fault."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    assert is_waived((check, subject), [waiver()], now) is expected
    assert is_waived((check, subject), [waiver(check="test_nat.py::test_default_route_is_active")], now) is (
        expected
    )


def told(folder: Path, *arguments: str) -> list[str]:
    """Run the tiny project with four waivers more, and return what it says of waivers."""
    project = tiny_project.make(folder / "project")
    file = project / "environments" / "tiny.yaml"
    rest = "reason: x, owner: Kim, expires: 2199-01-01}\n"
    more = (
        "{check: test_of_yesterday, ",
        "{check: test_all_is_well, subject: z*, ",
        "{check: test_all_is_well, subject: b, ",
        "{check: test_tiny.py::test_load_balancer_exists, ",
    )
    lines = "".join(f"  - {one}{rest}" for one in more)
    file.write_text(file.read_text(encoding="utf-8") + lines, encoding="utf-8")
    run = tiny_project.run(project, *arguments)
    assert run.returncode in {0, 1, 6}, run.stdout + run.stderr
    summary = (tiny_project.latest(project) / "summary.md").read_text(encoding="utf-8")
    return [line for line in summary.replace("\\", "").splitlines() if "waiver of" in line]


def test_a_waiver_that_matches_nothing_is_told(tmp_path: Path) -> None:
    """A waiver of a check that was renamed waives nothing, and its failure is red again without a word."""
    said = told(tmp_path)

    assert len(said) == 3
    assert "test_of_yesterday" in said[0]
    assert "there is no such check" in said[0]
    assert "[z*]" in said[1]
    assert "no subject has such a name" in said[1]
    assert "[b]" in said[2]
    assert "what it waives passes; remove it" in said[2]


@pytest.mark.parametrize(
    "selection", [("-k", "test_subnet_exists"), ("tests_infra/test_tiny.py::test_all_is_well[a]",)]
)
def test_nothing_is_said_of_what_was_not_selected(tmp_path: Path, selection: tuple[str, ...]) -> None:
    """Whoever runs a single check must not be told to remove the waivers of the others."""
    said = told(tmp_path, *selection)

    assert len(said) == 2
    assert not [line for line in said if "[b]" in line or "test_load_balancer" in line]


def test_a_waiver_is_not_needed_only_where_all_of_it_passes(tmp_path: Path) -> None:
    """That one of two subjects passes says nothing of the other, which was not looked at."""
    check = "tests_infra/test_tiny.py::test_load_balancer_exists"
    assert not [line for line in told(tmp_path, f"{check}[b]") if "test_load_balancer" in line]


def test_a_module_is_read_once_however_many_waivers_name_its_checks(tmp_path: Path) -> None:
    """A hundred waivers must not read a hundred times what checks there are."""
    folder = tiny_project.make(tmp_path)
    environment = load(folder / "environments" / "tiny.yaml", {})
    collection = Collection(environment, "outside", rows(), release=None)
    check = "tests_infra/test_tiny.py::test_load_balancer_exists"

    assert subjects_judged(folder, collection, check) == ["a", "b"]
    (folder / "tests_infra" / "test_tiny.py").unlink()
    assert subjects_judged(folder, collection, check) == ["a", "b"]


def test_a_waived_failure_is_not_waited_for(sandbox: Sandbox, tmp_path: Path) -> None:
    """Five minutes of patience for what everybody knows to fail would be lost at each deployment."""
    environment = tmp_path / "sandbox.yaml"
    environment.write_bytes((ROOT / "environments" / "sandbox.yaml").read_bytes())
    waived = "waivers:\n- {check: test_record_exists, reason: being moved, owner: kim, expires: 2099-12-31}\n"
    (tmp_path / "sandbox.waivers.yaml").write_text(waived, encoding="utf-8")
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    try:
        run = sandbox.run_suite("-k", "test_record_exists", "--patience", "90s", environment_file=environment)
    finally:
        sandbox.mend("dns-record-missing")

    assert run.exit_status == 0
    assert [one["subject"] for one in run.by_verdict("waived")] == ["dashboard-sandbox.kyeol.click"]
    assert run.results["run"]["duration_s"] < 45
    assert "waiting, " not in run.output
