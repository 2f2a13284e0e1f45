"""A sandbox comes and goes without a trace, however it goes."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from selftests.sandbox_process import (
    attached,
    family,
    interrupt,
    remaining,
    sandbox_command,
    temporary_folder,
    told,
    vanishes,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def test_attached_sandbox_ends_with_its_standard_input(tmp_path: Path) -> None:
    """The suite starts a sandbox for one run: when it lets go, everything must be gone."""
    folder = tmp_path / "a run"
    with attached(folder) as process:
        line = told(process)
        assert line["state"] == str(folder / "state.json")
        assert line["variables"]["AWS_REGION"] == "ap-northeast-2"
        everything = family(process.pid)
        place = temporary_folder(everything)
        assert (place / "aws.log").exists()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(15) == 0
    assert remaining(everything) == {}
    assert not place.exists()
    assert not (folder / "state.json").exists()


@pytest.mark.parametrize("victim", ["parent", "sandbox"])
def test_nothing_survives_a_killed_process(tmp_path: Path, victim: str) -> None:
    """SIGKILL gives no chance to clean up; CI does it to jobs that are late."""
    with attached(tmp_path) as process:
        told(process)
        everything = family(process.pid)
        place = temporary_folder(everything)
        chosen = next(pid for pid, words in everything.items() if "sandbox.process" in words)
        os.kill(process.pid if victim == "parent" else chosen, signal.SIGKILL)
        everything.pop(process.pid)
        assert remaining(everything) == {}
        assert vanishes(place)


@pytest.mark.parametrize("after", [0.3, 1.5, 3.0])
def test_impatient_interrupts_while_starting_leave_nothing(tmp_path: Path, after: float) -> None:
    """Who changes his mind presses Ctrl-C, and again because it does not end at once."""
    with attached(tmp_path) as process:
        time.sleep(after)
        everything = family(process.pid)
        interrupt(process.pid)
        time.sleep(0.05)
        interrupt(process.pid)
        process.wait(30)
    assert remaining(everything) == {}
    places = [words for words in everything.values() if "sandbox-janitor" in words]
    assert not places or vanishes(temporary_folder(everything))


def test_attaching_to_a_running_sandbox_leaves_it_running_and_mended(tmp_path: Path) -> None:
    """Who keeps a sandbox open to look around does not lose it to a test run, nor finds it broken."""
    folder = tmp_path / "run"
    up = sandbox_command(folder, "up")
    try:
        assert up.returncode == 0, up.stderr
        assert "Kubernetes API" in up.stdout
        assert (folder / "state.json").stat().st_mode & 0o077 == 0
        with attached(folder, "--fault", "nat-failed zone=b") as process:
            line = told(process)
            assert "broken: nat-failed zone=b" in sandbox_command(folder, "status").stdout
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(30) == 0
        assert line["variables"]["SANDBOX_DNS"] in (folder / "state.json").read_text()
        status = sandbox_command(folder, "status")
        assert status.returncode == 0
        assert "broken" not in status.stdout
    finally:
        assert sandbox_command(folder, "down").returncode == 0
    assert sandbox_command(folder, "status").returncode == 1
