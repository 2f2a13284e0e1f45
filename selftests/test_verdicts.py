"""A run never ends green, or quietly, for what came to no verdict; and what was seen stays seen."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import LiveAnswers, Looking, Question, Unverified
from postflight.patience import Attempt, Patience
from postflight.report.comparison import previous_run
from selftests import tiny_project


def project(folder: Path, checks: str) -> Path:
    """Make a tiny project with checks of its own."""
    made = tiny_project.make(folder)
    (made / "tests_infra" / "test_tiny.py").write_text(checks, encoding="utf-8")
    return made


def results(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        (tiny_project.latest(folder) / "results.json").read_text(encoding="utf-8")
    )
    return told


def test_a_check_whose_process_died_is_told(tmp_path: Path) -> None:
    """A crashing worker takes its checks with it; a run that forgets them would be green."""
    made = project(
        tmp_path, "import os\n\ndef test_dies():\n    os._exit(3)\n\ndef test_passes():\n    pass\n"
    )

    run = tiny_project.run(made, "-n", "1", "--allow-unverified")

    assert run.returncode == 6, run.stdout
    told = {one["id"]: one for one in results(made)["checks"]}
    assert told["tests_infra/test_tiny.py::test_dies"]["verdict"] == "unverified"


def test_a_module_that_cannot_be_imported_is_a_failure(tmp_path: Path) -> None:
    """Pytest goes on when asked to; the run must not become green by it."""
    made = project(tmp_path, "def test_passes():\n    pass\n")
    (made / "tests_infra" / "test_broken.py").write_text("import nowhere\n", encoding="utf-8")

    run = tiny_project.run(made, "--continue-on-collection-errors", "--allow-unverified")

    assert run.returncode == 1, run.stdout


def test_a_defect_is_not_excused(tmp_path: Path) -> None:
    """--allow-unverified is for permissions that one does not have, not for checks that crash."""
    made = project(tmp_path, "def test_crashes():\n    {}['nokey']\n")

    run = tiny_project.run(made, "--allow-unverified")

    assert run.returncode == 6, run.stdout
    assert "a defect of this check or its probe: KeyError" in run.stdout


def test_a_failed_tear_down_does_not_hide_a_failure(tmp_path: Path) -> None:
    """Of a check that failed and could not clean up, the failure is the news."""
    checks = (
        "import pytest\n\n@pytest.fixture\ndef thing():\n    yield 1\n    raise RuntimeError('no')\n\n"
        "def test_fails(thing):\n    assert thing == 2, 'thing is 1, not 2'\n"
    )
    made = project(tmp_path, checks)

    run = tiny_project.run(made, "--allow-unverified")

    assert run.returncode == 1, run.stdout
    (told,) = results(made)["checks"]
    assert (told["verdict"], told["message"]) == ("failed", "thing is 1, not 2")


def test_an_empty_release_is_none(tmp_path: Path) -> None:
    """A pipeline without a release passes an empty one; nothing must be looked for."""
    made = project(tmp_path, "def test_passes():\n    pass\n")

    run = tiny_project.run(made, "--release=")

    assert run.returncode == 0, run.stdout
    assert results(made)["run"]["release"] is None


def test_a_failure_stays_one_when_it_cannot_be_looked_at_again() -> None:
    """Access that is lost while waiting must not turn what was seen to be wrong into "not seen"."""

    def refresh() -> None:
        raise Unverified("the run's --deadline came before this was looked at")

    attempt = Attempt(judge=lambda: None, refresh=refresh, is_doomed=lambda: False)

    with pytest.raises(AssertionError, match=r"the route is gone \(could not be looked at again: the run's"):
        Patience(budget_s=0.2).settle(attempt, AssertionError("the route is gone"))


def test_an_answer_in_hand_is_given_after_the_deadline() -> None:
    """The deadline ends looking, not judging: what was seen in time is judged."""
    answers = LiveAnswers(until=time.time() + 0.2)
    looking = Looking(Question("aws.subnets", "{}"), lambda: 7, int, deadline_s=5.0)

    assert answers.ask(looking) == 7
    time.sleep(0.3)

    assert answers.ask(looking) == 7
    other = Looking(Question("aws.vpcs", "{}"), lambda: 8, int, deadline_s=5.0)
    with pytest.raises(Unverified, match="--deadline"):
        answers.ask(other)


def earlier(folder: Path, env: str, checks: list[str], **run: str) -> None:
    folder.mkdir(parents=True)
    told = [{"id": one, "verdict": "failed", "duration_s": 0.1} for one in checks]
    kept = {"schema": 1, "run": {"env": env, "started": folder.name, **run}, "checks": told}
    (folder / "results.json").write_text(json.dumps(kept), encoding="utf-8")


def test_the_baseline_is_of_the_same_environment(tmp_path: Path) -> None:
    """`stage` compared with `stage-eu`, a replay or a broken folder would report changes that never were."""
    earlier(tmp_path / "stage-20260101T000000Z", "stage", ["a", "b"])
    earlier(tmp_path / "stage-20260102T000000Z", "stage", ["a"])
    earlier(tmp_path / "stage-20260103T000000Z", "stage", ["r"], replayed="elsewhere")
    earlier(tmp_path / "stage-eu-20260104T000000Z", "stage-eu", ["c"])
    earlier(tmp_path / "stage-20260105T000000Z", "stage", [])
    broken = tmp_path / "stage-20260106T000000Z"
    broken.mkdir()
    (broken / "results.json").write_text('{"schema": 1,', encoding="utf-8")

    found = previous_run(tmp_path, "stage", tmp_path / "stage-20260107T000000Z")

    assert found is not None
    assert found["run"]["started"] == "stage-20260102T000000Z"
    assert {one["id"]: one["since"] for one in found["checks"]} == {
        "a": "stage-20260102T000000Z",
        "b": "stage-20260101T000000Z",
    }
