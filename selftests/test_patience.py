"""After a deployment: one wait for everything, no wait for what cannot heal, and somebody who says so."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selftests.proofs.harness import ROOT, Sandbox

HEALING = (
    (5.0, "service-down", "service=cart-service"),
    (8.0, "ingress-no-address", ""),
    (10.0, "dns-record-missing", "host=api-sandbox.doa-market.click"),
)
# From the last thing that heals: the sandbox's own settling, one longest pause, and a look at everything.
AFTERMATH_S = 16.0


@contextmanager
def broken(sandbox: Sandbox, *faults: tuple[str, str]) -> Iterator[None]:
    """Break several things; whatever is still broken at the end is mended."""
    left = [fault for fault, _ in faults]
    try:
        for fault, parameter in faults:
            sandbox.break_(fault, *([parameter] if parameter else []))
        yield
    finally:
        for fault in left:
            try:
                sandbox.mend(fault)
            except RuntimeError as error:
                assert "is not in effect" in str(error)  # noqa: PT017 - the test has mended it


def test_a_run_waits_for_everything_at_once(sandbox: Sandbox) -> None:
    """An address after 8 s, a rollout after 5 s and a record after 10 s are 10 s of waiting, not 23."""
    faults = [(fault, parameter) for _, fault, parameter in HEALING]
    mended: list[float] = []

    def mend(fault: str) -> None:
        sandbox.mend(fault)
        mended.append(time.monotonic())

    with broken(sandbox, *faults):
        started = time.monotonic()
        running = sandbox.start_suite("--patience", "120s")
        # What healed before it was looked at would need no patience.
        _looked_at(running.reports, "kubernetes.services.endpoint_slices")
        began = time.monotonic()
        timers = [threading.Timer(after_s, mend, (fault,)) for after_s, fault, _ in HEALING]
        for timer in timers:
            timer.start()
        run = running.finish()
        ended = time.monotonic()
        for timer in timers:
            timer.join()

    settled = [one["settled_after_s"] for one in run.results["checks"] if one["settled_after_s"] is not None]
    print(
        f"healed after {max(mended) - began:.1f} s, ended after {ended - began:.1f} s, {len(settled)} settled"
    )
    assert run.exit_status == 0
    assert ended - max(mended) < AFTERMATH_S
    assert settled
    assert max(settled) <= ended - started
    assert "SETTLED" in run.output


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two workers"])
def test_what_broke_during_the_wait_is_seen(sandbox: Sandbox, workers: tuple[str, ...]) -> None:
    """A rollout that is waited for may break what passed before it: green is what was seen afterwards."""
    selected = ("tests_infra/test_buckets.py", "tests_platform/test_endpoints.py")
    with broken(sandbox, ("s3-cors", ""), ("service-down", "service=cart-service")):
        sandbox.mend("service-down")
        running = sandbox.start_suite(*selected, "--patience", "20s", *workers)
        _looked_at(running.reports, "kubernetes.services.endpoint_slices")
        sandbox.break_("service-down", "service=cart-service")
        sandbox.mend("s3-cors")
        run = running.finish()

    assert run.exit_status == 1
    assert {one["subject"] for one in run.by_verdict("failed")} == {"cart-service"}
    assert bool(list(run.folder.glob("evidence/.waiting"))) is bool(workers), "workers tell one another"


def _looked_at(reports: Path, probe: str) -> None:
    """Wait until a run has kept evidence of a probe."""
    until = time.monotonic() + 60
    while not any(reports.glob(f"*/evidence/{probe}-*.json")):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_what_cannot_heal_is_not_waited_for(sandbox: Sandbox) -> None:
    """A NAT gateway that has failed fails the gate now, not after five minutes, and so does what follows."""
    with broken(sandbox, ("nat-failed", "")):
        began = time.monotonic()
        run = sandbox.run_suite("tests_infra", "--patience", "120s")

    assert time.monotonic() - began < 30
    assert run.exit_status == 1
    assert [one["check"] for one in run.results["causes"]] == [
        "tests_infra/test_nat.py::test_nat_gateway_is_available"
    ]
    assert run.results["run"]["duration_s"] < 15


def test_an_image_that_nobody_pushed_is_not_waited_for(sandbox: Sandbox) -> None:
    """A wrong tag is the commonest reason for a rollout that never ends."""
    with broken(sandbox, ("image-missing", "")):
        run = sandbox.run_suite("tests_platform/test_images.py", "--patience", "120s")

    assert run.exit_status == 1
    assert run.results["run"]["duration_s"] < 15


def test_a_log_hears_of_waiting_now_and_then(sandbox: Sandbox) -> None:
    """Fifteen seconds apart: a CI log shows that the run lives, and is still readable."""
    with broken(sandbox, ("dns-record-missing", "host=dashboard-sandbox.kyeol.click")):
        run = sandbox.run_suite("tests_network/test_records.py", "--patience", "20s")
    waiting = [line for line in run.output.splitlines() if line.startswith("waiting, ")]

    assert run.exit_status == 1
    assert 1 <= len(waiting) <= 2


def test_a_terminal_has_one_live_line(sandbox: Sandbox) -> None:
    """A person sees the seconds go down in one place."""
    ours, theirs = pty.openpty()
    with broken(sandbox, ("dns-record-missing", "host=dashboard-sandbox.kyeol.click")):
        process = subprocess.Popen(
            [
                sys.executable, "-m", "pytest", "--env=sandbox", f"--reports={sandbox.folder / 'terminal'}",
                "-p", "no:cacheprovider", "tests_network/test_records.py", "--patience=6s",
            ],
            cwd=ROOT,
            env={**sandbox.process_environment, "TERM": "xterm", "COLUMNS": "80"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        said = _all(ours)
        process.wait(timeout=30)
    os.close(ours)

    # Each is written over the one before: a carriage return, and no line feed until the next.
    live = [part for part in said.split("\r") if "waiting, " in part]
    assert len(live) >= 3
    assert not any("\n" in part for part in live[:-1])


def _all(terminal: int) -> str:
    """Read a terminal until nobody writes to it any more."""
    said = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says so when the last writer has gone
            return said.decode(errors="replace")
        if not part:
            return said.decode(errors="replace")
        said += part
