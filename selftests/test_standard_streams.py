"""Runs and commands whose output is closed or cannot be written: the verdict and exit status stay right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from postflight.standard_streams import Outlet
from selftests.proofs.harness import ROOT, Sandbox

_FEW = "tests_infra/test_vpc.py"
_FULL = "standard output could not be written to its end (No space left on device)"
# Without a buffer, what cannot be written is met at once; with one, at the end.
BUFFERS = pytest.mark.parametrize("unbuffered", ["", "1"])


def shell(line: str, *, unbuffered: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which `$PY` is this Python, and return the status of its first command."""
    return subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"],
        cwd=ROOT,
        env={**os.environ, **variables, "PY": sys.executable, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("| head -c 1", "(Broken pipe); the verdict is in"),
        ("> /dev/full", f"{_FULL}; the verdict is in"),
        (">&-", ""),
        ("2> /dev/full", ""),
        ("2>&-", ""),
        (">&- 2>&- <&-", ""),
        ("-n 2 > /dev/full", f"{_FULL}; the verdict is in"),
        ("-s > /dev/full", f"{_FULL}; the verdict is in"),
    ],
)
def test_a_healthy_environment_stays_green_whatever_becomes_of_the_output(
    sandbox: Sandbox, tmp_path: Path, output: str, said: str
) -> None:
    """A deployment must not be rolled back since a log is full."""
    # More is printed than fits into a pipe's buffer, so that `head` is gone before it ends.
    run = f'"$PY" -m pytest --env sandbox -vv --reports="{tmp_path}" -p no:cacheprovider {_FEW} {output}'
    done = shell(run, **sandbox.process_environment)

    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert said in done.stderr if said else "postflight:" not in done.stderr
    assert '"exit": 0' in (tmp_path / "latest" / "results.json").read_text(encoding="utf-8")


def test_a_broken_environment_stays_red_where_the_output_is_full(sandbox: Sandbox, tmp_path: Path) -> None:
    """What is lost on the terminal is in the reports."""
    sandbox.break_("nat-failed")
    try:
        run = f'"$PY" -m pytest --env sandbox --reports="{tmp_path}" tests_infra/test_nat.py > /dev/full'
        done = shell(run, **sandbox.process_environment)
    finally:
        sandbox.mend("nat-failed")

    assert done.returncode == 1
    assert _FULL in done.stderr
    assert '"exit": 1' in (tmp_path / "latest" / "results.json").read_text(encoding="utf-8")


@BUFFERS
@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("--env nonsuch > /dev/full 2>&1", 4),
        ("--env nonsuch >&- 2>&-", 4),
        ("--env sandbox --collect-only -q > /dev/full", 3),
        ("--env sandbox --collect-only -q | head -c 1", 0),
        ("--env sandbox --collect-only -q >&-", 0),
    ],
)
def test_usage_errors_and_lists_keep_their_status(words: str, status: int, unbuffered: str) -> None:
    """A list that is lost is a failure, since it is all that was wanted; one that is cut by `head` is not."""
    done = shell(f'"$PY" -m pytest -p no:cacheprovider {words}', unbuffered=unbuffered)

    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


@BUFFERS
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("completion bash > /dev/full", 1, f"postflight: {_FULL}."),
        ("completion bash | head -c 1", 0, ""),
        ("completion bash >&-", 0, ""),
        ("explain nonsuch > /dev/full", 1, "postflight: the runbook has nothing about 'nonsuch'."),
        ("explain nonsuch 2> /dev/full", 1, ""),
        ("explain nonsuch >&- 2>&-", 1, ""),
        ("nonsuch 2> /dev/full", 2, ""),
        ("nonsuch 2>&-", 2, ""),
    ],
)
def test_commands_complain_of_lost_output_in_a_sentence(
    words: str, status: int, said: str, unbuffered: str
) -> None:
    """`postflight permissions > policy.json` on a full disk must not seem to have written a policy."""
    done = shell(f'"$PY" -m postflight {words}', unbuffered=unbuffered)

    assert (done.returncode, done.stderr.strip()) == (status, said)


def test_an_outlet_that_has_failed_takes_and_drops_the_rest() -> None:
    """An error at each line would fill what takes standard error."""
    with Outlet("/dev/full", "w") as full:
        assert [full.write(b"four"), full.write(b"seven")] == [4, 5]
        assert full.trouble is not None
        assert full.trouble.strerror == "No space left on device"
