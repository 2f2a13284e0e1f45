"""A run never ends green, or quietly, for what came to no verdict; and what was seen stays seen."""

from __future__ import annotations

import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import LiveAnswers, Looking, Question, Unverified
from postflight.long_lists import ListReader
from postflight.patience import Attempt, Patience
from postflight.report.comparison import ComparisonError, previous_run, read_results
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
    assert "a defect of this check or its probe: KeyError: 'nokey' (test_" in run.stdout, "with its place"


def test_a_library_that_is_imported_meanwhile_breaks_no_check(tmp_path: Path) -> None:
    """SDKs are imported by the threads that look, and make loggers while checks begin and end."""
    checks = (
        "import logging, threading, pytest\n\n"
        "def work():\n    for number in range(200_000):\n        logging.getLogger(f'library.{number}')\n\n"
        "@pytest.mark.parametrize('number', range(100))\n"
        "def test_passes(number):\n"
        "    if number == 0:\n        threading.Thread(target=work, daemon=True).start()\n"
    )
    made = project(tmp_path, checks)

    run = tiny_project.run(made)

    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("option", ["--log-cli-level=DEBUG", "--log-file=all.log"])
def test_what_libraries_log_is_not_kept(tmp_path: Path, option: str) -> None:
    """The debug messages of SDKs hold headers and bodies, with all the credentials in them."""
    made = project(tmp_path, "def test_passes():\n    pass\n")

    run = tiny_project.run(made, option)

    assert run.returncode == 4
    assert "a run over an environment keeps no logs of the libraries" in run.stderr
    assert not (made / "all.log").exists()


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

    found = previous_run(tmp_path, "stage", tmp_path / "stage-20260107T000000Z", ["a", "b"])

    assert found is not None
    assert found.run.started == "stage-20260102T000000Z"
    assert {one.id: one.since or found.run.started for one in found.checks} == {
        "a": "stage-20260102T000000Z",
        "b": "stage-20260101T000000Z",
    }


def test_older_runs_are_read_only_for_checks_that_the_newest_did_not_judge(tmp_path: Path) -> None:
    """Results of a large environment are tens of megabytes; a night does not read ten runs of them."""
    earlier(tmp_path / "stage-20260101T000000Z", "stage", ["a", "b"])
    earlier(tmp_path / "stage-20260102T000000Z", "stage", ["a"])

    found = previous_run(tmp_path, "stage", tmp_path / "stage-20260107T000000Z", ["a"])

    assert found is not None
    assert [one.id for one in found.checks] == ["a"]


TOLD = {"id": "a", "verdict": "failed", "duration_s": 0.1}
RUN = {"env": "stage", "started": "then"}


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"schema": 1},
        {"schema": 1, "run": {}, "checks": [TOLD]},
        {"schema": 1, "run": {"env": "stage"}, "checks": [TOLD]},
        {"schema": 1, "run": RUN, "checks": None},
        {"schema": 1, "run": RUN, "checks": [None]},
        {"schema": 1, "run": RUN, "checks": [{"id": "a"}]},
        {"schema": 1, "run": RUN, "checks": [{**TOLD, "duration_s": None}]},
    ],
)
def test_results_that_tell_too_little_are_passed_over(tmp_path: Path, told: object) -> None:
    """What another tool left in reports/ must not cost this run its own."""
    earlier(tmp_path / "stage-20260101T000000Z", "stage", ["a"])
    odd = tmp_path / "stage-20260102T000000Z"
    odd.mkdir()
    (odd / "results.json").write_text(json.dumps(told), encoding="utf-8")
    found = previous_run(tmp_path, "stage", tmp_path / "now", ["a"])

    assert found is not None
    assert found.run.started == "stage-20260101T000000Z"
    with pytest.raises(ComparisonError, match=r"--compare .*results\.json"):
        read_results(odd)


def test_results_may_vanish_while_they_are_looked_for(tmp_path: Path) -> None:
    """A clean-up of reports/ may go on at the same moment."""
    earlier(tmp_path / "stage-20260101T000000Z", "stage", ["a"])
    gone = tmp_path / "stage-20260102T000000Z"
    gone.mkdir()
    (gone / "results.json").symlink_to("nowhere")

    assert previous_run(tmp_path, "stage", tmp_path / "now", ["a"]) is not None


def test_runs_of_another_environment_hide_none_of_this(tmp_path: Path) -> None:
    """Ten newer runs that are of no use must not make a known failure a new one."""
    earlier(tmp_path / "stage-20260101T000000Z", "stage", ["a"])
    for day in range(10, 22):
        earlier(tmp_path / f"stage-202601{day}T000000Z", "stage", ["a"], replayed="elsewhere")
        earlier(tmp_path / f"stage-202602{day}T000000Z-eu-20260101T000000Z", "stage-eu", ["a"])

    assert previous_run(tmp_path, "stage", tmp_path / "now", ["a"]) is not None


def test_results_of_a_large_environment_are_read_piece_by_piece(tmp_path: Path) -> None:
    """As a whole they take more memory than the run that is compared with them."""
    names = [f"check-{number}" for number in range(20_000)]
    earlier(tmp_path / "stage-20260101T000000Z", "stage", names, identity="서울" * 50_000)

    tracemalloc.start()
    try:
        found = read_results(tmp_path / "stage-20260101T000000Z")
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [one.id for one in found.checks] == names
    assert {(one.verdict, one.duration_s) for one in found.checks} == {("failed", 0.1)}
    assert most < kept + 3_000_000, "the whole text was in memory"
    assert kept < 300 * len(names)


@pytest.mark.parametrize("size", range(1, 12))
def test_a_number_may_arrive_in_pieces(size: int) -> None:
    """Half a number is a number, and a wrong one."""
    text = json.dumps({"schema": 1234, "checks": [{"id": "a", "took": 0.125}], "exit": 25}).encode()
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    reader = ListReader(pieces, "checks")

    assert list(reader.items()) == [{"id": "a", "took": 0.125}]
    assert reader.beside == {"schema": 1234, "exit": 25}
