"""A run that was cut short is never green, and names what it did not judge, with and without workers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from selftests import tiny_project

_PLUGIN = 'pytest_plugins = ["postflight.plugin"]\n'
_ENDS_THE_RUN = """\
SESSIONS = []


def pytest_sessionstart(session):
    SESSIONS.append(session)


def pytest_runtest_logfinish():
    SESSIONS[0].{attribute} = "twenty minutes are over"
"""
_PASSES = "def test_first():\n    pass\n\n\ndef test_second():\n    pass\n"
_BLIND = """\
import pytest


@pytest.fixture
def looked_at():
    from postflight.evidence import Unverified

    raise Unverified("access is denied")


@pytest.mark.parametrize("number", range(10))
def test_sees(looked_at, number):
    pass
"""
_CRASHES = """\
import os

import pytest


@pytest.mark.parametrize("number", range(10))
def test_passes(number):
    if number == 1:
        os._exit(3)
"""
WITH_AND_WITHOUT_WORKERS = pytest.mark.parametrize(
    "workers", [(), ("-n", "1"), ("-n", "2")], ids=["alone", "one worker", "two workers"]
)


def project(folder: Path, checks: str, conftest: str = "") -> Path:
    """Make a tiny project with checks of its own, and with a plugin."""
    made = tiny_project.make(folder)
    (made / "tests_infra" / "test_tiny.py").write_text(checks, encoding="utf-8")
    (made / "conftest.py").write_text(_PLUGIN + conftest, encoding="utf-8")
    return made


def messages(folder: Path) -> Mapping[str, str]:
    """Return the message of each check in the latest results, by its id."""
    text = (tiny_project.latest(folder) / "results.json").read_text(encoding="utf-8")
    return {one["id"]: f"{one['verdict']} {one['message']}".strip() for one in json.loads(text)["checks"]}


@WITH_AND_WITHOUT_WORKERS
def test_a_plugin_that_stops_a_run_interrupts_it(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """Pytest says 2 when a plugin sets shouldstop; nobody judged the rest."""
    checks = "".join(f"def test_{number}():\n    pass\n\n\n" for number in range(20))
    made = project(tmp_path, checks, _ENDS_THE_RUN.format(attribute="shouldstop"))

    run = tiny_project.run(made, "--allow-unverified", *workers)

    assert run.returncode == 2, run.stdout
    assert "Interrupted: twenty minutes are over" in run.stdout, "with its reason"
    told = messages(made)
    assert len(told) == 20
    assert "unverified not judged: twenty minutes are over" in told.values()


@WITH_AND_WITHOUT_WORKERS
def test_a_time_limit_for_the_session_is_not_green(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """pytest-timeout's --session-timeout sets shouldfail; what it left unseen is not excused by an option."""
    checks = "".join(f"def test_{number}():\n    pass\n\n\n" for number in range(20))
    made = project(tmp_path, checks, _ENDS_THE_RUN.format(attribute="shouldfail"))

    run = tiny_project.run(made, "--allow-unverified", *workers)

    # With workers xdist makes an interruption of it.
    assert run.returncode == (2 if workers else 6), run.stdout
    assert "unverified not judged: twenty minutes are over" in messages(made).values()


@WITH_AND_WITHOUT_WORKERS
def test_a_deadline_ends_a_run_however_much_there_is_to_judge(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    """Whoever kills a Job that outlives its deadline gets no results at all."""
    checks = "import time\n\n\n" + "".join(
        f"def test_{number}():\n    time.sleep(0.5)\n\n\n" for number in range(80)
    )
    made = project(tmp_path, checks)

    began = time.monotonic()
    run = tiny_project.run(made, "--deadline", "1s", "--allow-unverified", *workers)

    assert time.monotonic() - began < 20, "all of them would take 40 s, or 20 s with two workers"
    assert run.returncode == 6, run.stdout
    told = messages(made)
    assert len(told) == 80
    assert {"passed", "unverified not judged: the run's --deadline came"} == set(told.values())


def test_a_plugin_that_fails_a_run_at_its_end_is_heard(tmp_path: Path) -> None:
    """Where pytest says "failed" and every check passed, something else has."""
    made = project(tmp_path, "def test_only():\n    pass\n", _ENDS_THE_RUN.format(attribute="shouldfail"))

    run = tiny_project.run(made)

    assert run.returncode == 1, run.stdout


def test_a_plugin_that_ends_pytest_with_success_does_not_make_it_one(tmp_path: Path) -> None:
    """pytest.exit(returncode=0) is a plugin's word, not a verdict on what nobody looked at."""
    leaves = 'import pytest\n\n\ndef pytest_runtest_logfinish():\n    pytest.exit("enough", returncode=0)\n'
    made = project(tmp_path, _PASSES, leaves)

    run = tiny_project.run(made, "--allow-unverified")

    assert run.returncode == 6, run.stdout
    assert messages(made)["tests_infra/test_tiny.py::test_second"] == "unverified not judged: enough"


def test_a_run_that_judged_nothing_of_what_it_selected_is_not_green(tmp_path: Path) -> None:
    """Whoever ends a run before its first check has verified nothing."""
    leaves = "import pytest\n\n\ndef pytest_runtest_logstart():\n    pytest.exit('too early', returncode=0)\n"
    made = project(tmp_path, _PASSES, leaves)

    run = tiny_project.run(made, "--allow-unverified")

    assert run.returncode == 6, run.stdout
    assert "too early" in run.stdout


@WITH_AND_WITHOUT_WORKERS
def test_stopping_at_the_first_unverified_check_is_not_excused(
    tmp_path: Path, workers: tuple[str, ...]
) -> None:
    """--allow-unverified is for what could not be looked at; here nobody tried."""
    made = project(tmp_path, _BLIND)

    cut = tiny_project.run(made, "-x", "--allow-unverified", *workers)
    told = messages(made)
    whole = tiny_project.run(made, "--allow-unverified", *workers)

    assert cut.returncode == 6, cut.stdout
    assert len(told) == 10
    assert "unverified access is denied" in told.values()
    assert any(message.startswith("unverified not judged: stopping after") for message in told.values())
    assert whole.returncode == 0, whole.stdout


@WITH_AND_WITHOUT_WORKERS
def test_enough_failures_name_what_they_left_unjudged(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """A gate with -x has failed (1), whatever else it did not see; its list stays short."""
    checks = (
        "import pytest\n\n\n@pytest.mark.parametrize('number', range(40))\n"
        "def test_passes(number):\n    assert number != 1, 'one is wrong'\n"
    )
    made = project(tmp_path, checks)

    run = tiny_project.run(made, "-x", *workers)

    assert run.returncode == 1, run.stdout
    assert len(messages(made)) == 40
    assert run.stdout.count("not judged: ") == 1
    assert len(run.stdout.splitlines()) < 50


@pytest.mark.parametrize("number_of_workers", ["1", "2"])
def test_checks_of_a_worker_that_is_not_replaced_are_told(tmp_path: Path, number_of_workers: str) -> None:
    """With --max-worker-restart=0 a crash takes the rest of the run with it."""
    made = project(tmp_path, _CRASHES)

    run = tiny_project.run(made, "-n", number_of_workers, "--max-worker-restart=0", "--allow-unverified")

    told = messages(made)
    assert run.returncode == 6, run.stdout
    assert list(told) == [f"tests_infra/test_tiny.py::test_passes[{number}]" for number in range(10)]
    crashed = told["tests_infra/test_tiny.py::test_passes[1]"]
    assert crashed.startswith("unverified came to no verdict: worker 'gw"), crashed
    assert "crashed while running" in crashed
    left = [message for message in told.values() if "not judged: " in message]
    assert all("worker restarting disabled" in message for message in left)
    if number_of_workers == "1":
        assert len(left) == 8


def test_a_run_that_saw_all_it_selected_is_green(tmp_path: Path) -> None:
    """What was not selected is nobody's to judge."""
    made = project(tmp_path, _PASSES)

    for workers in ((), ("-n", "2")):
        run = tiny_project.run(made, "-x", "-k", "second", *workers)

        assert run.returncode == 0, run.stdout
        assert list(messages(made)) == ["tests_infra/test_tiny.py::test_second"]


def test_a_run_without_assertions_is_refused(tmp_path: Path) -> None:
    """Python's -O takes the assertions out of plain modules: everything would be green."""
    made = tiny_project.make(tmp_path)

    plain = tiny_project.run(made, "--assert=plain", variables={"PYTHONOPTIMIZE": "1"})
    rewritten = tiny_project.run(made, variables={"PYTHONOPTIMIZE": "1"})

    assert plain.returncode == 4
    assert "each check would pass" in plain.stdout + plain.stderr
    assert "Traceback" not in plain.stdout + plain.stderr
    assert rewritten.returncode == 1, "pytest puts the assertions back"
