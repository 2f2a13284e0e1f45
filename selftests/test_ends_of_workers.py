"""Workers of pytest-xdist, when a run is interrupted: heard out, ended if they hang, none left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree as ET

from selftests import tiny_project
from selftests.processes import are_gone, children_of, wait_until

BEGUN_WITHIN_S = 60.0
# A worker that hangs is ended after four seconds. Left to xdist it would take ten more.
HANGING_ENDS_WITHIN_S = 12.0
_WAITS = """\
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", range(8))
def test_waits(number):
    if number >= 2:
        Path(f"begun-{number}").touch()
        # In short steps: not every system gives a signal to the thread that has to hear it.
        for _ in range(6000):
            time.sleep(0.05)
"""
_ANSWERS_LATE = """\
import time
from pathlib import Path


def test_first():
    pass


def test_late():
    Path("begun-late").touch()
    try:
        for _ in range(6000):
            time.sleep(0.05)
    except KeyboardInterrupt:
        pass


def test_last():
    raise KeyboardInterrupt
"""


_ENDS_SLOWLY = """\
import time
from pathlib import Path

pytest_plugins = ["postflight.plugin"]


def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"):
        time.sleep(1)
        Path(f"ended-{session.config.workerinput['workerid']}").touch()
"""


def project(folder: Path, checks: str, conftest: str = 'pytest_plugins = ["postflight.plugin"]\n') -> Path:
    """Make a tiny project with checks of its own, and perhaps a plugin."""
    made = tiny_project.make(folder)
    (made / "tests_infra" / "test_tiny.py").write_text(checks, encoding="utf-8")
    (made / "conftest.py").write_text(conftest, encoding="utf-8")
    return made


def verdicts(folder: Path) -> Mapping[str, str]:
    """Return the verdict of each check of the latest run, by its name."""
    text = (tiny_project.latest(folder) / "results.json").read_text(encoding="utf-8")
    return {one["id"].rpartition("::")[2]: one["verdict"] for one in json.loads(text)["checks"]}


@contextmanager
def running(folder: Path, *arguments: str, begun: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the project until so many checks wait; leave no process behind, whatever happens."""
    process = tiny_project.start(folder, *arguments)
    try:
        assert wait_until(lambda: len(list(folder.glob("begun-*"))) >= begun, BEGUN_WITHIN_S)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_worker_that_hangs_is_ended(tmp_path: Path) -> None:
    """One process that does not answer must not hold up the end of a run, nor outlive it."""
    made = project(tmp_path, _WAITS)
    with running(made, "-n", "2", begun=2) as process:
        workers = children_of(process.pid)
        os.kill(workers[0], signal.SIGSTOP)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=60)
        took = time.monotonic() - began

    assert status == 2, (made / "output.txt").read_text(encoding="utf-8")
    assert took < HANGING_ENDS_WITHIN_S
    assert len(workers) == 2
    assert are_gone(workers)
    told = verdicts(made)
    assert [told[f"test_waits[{number}]"] for number in range(8)] == ["passed"] * 2 + ["unverified"] * 6


def test_a_signal_for_the_whole_group_ends_it_once(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches the workers too, and then their controller tells them again."""
    made = project(tmp_path, _WAITS, _ENDS_SLOWLY)
    with running(made, "-n", "2", begun=2) as process:
        workers = children_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(timeout=60)

    output = (made / "output.txt").read_text(encoding="utf-8")
    assert status == 2, output
    assert "Traceback" not in output
    assert "2 passed" in output
    assert len(list(made.glob("ended-*"))) == 2, "what a worker removes at its end takes its time"
    assert len(workers) == 2
    assert are_gone(workers)
    assert list(verdicts(made).values()) == ["passed"] * 2 + ["unverified"] * 6


def test_what_a_worker_judges_last_is_in_every_report(tmp_path: Path) -> None:
    """JUnit and pytest's totals must not lack what results.json has."""
    made = project(tmp_path, _ANSWERS_LATE)
    with running(made, "-n", "1", "--junitxml=junit.xml", begun=1) as process:
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=60)

    output = (made / "output.txt").read_text(encoding="utf-8")
    assert status == 2, output
    assert verdicts(made) == {"test_first": "passed", "test_late": "passed", "test_last": "unverified"}
    cases = ET.fromstring((made / "junit.xml").read_bytes()).iter("testcase")  # noqa: S314 - our own file
    assert [case.get("name") for case in cases] == ["test_first", "test_late"]
    assert "== 2 passed in " in output


def test_a_system_without_every_signal_can_load_the_plugin() -> None:
    """Windows has no SIGHUP; an installed plugin is loaded by every run of pytest, whatever it tests."""
    without = "import signal; del signal.SIGHUP, signal.SIGKILL; import postflight.plugin, postflight.session"
    done = subprocess.run(
        [sys.executable, "-c", without],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
