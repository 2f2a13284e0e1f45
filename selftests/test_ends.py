"""However a run ends early: results are left, workers are gone, and it takes a moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selftests import tiny_project
from selftests.processes import are_gone, children_of
from selftests.proofs.harness import ROOT, Sandbox

# Two seconds on a machine that has nothing else to do; the patience that is cut short is two minutes.
A_MOMENT_S = 30.0
RECORDS = "tests_network/test_records.py"


@pytest.fixture(scope="module")
def waiting(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with a record missing, so that a patient run waits."""
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    yield sandbox
    sandbox.mend("dns-record-missing")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_with_the_run_and_are_heard_out(waiting: Sandbox, number: signal.Signals) -> None:
    """What they have judged and counted belongs to the run, and none of them is left behind."""
    waiting.break_("answer-withheld", "action=route53:ListHostedZones", "how=hang")
    try:
        running = waiting.start_suite("tests_infra/test_nat.py", RECORDS, "-n", "2")
        running.said(" items]", within_s=60)
        while "." not in running.output.read_text(encoding="utf-8").partition(" items]")[2]:
            assert running.process.poll() is None
            time.sleep(0.1)
        workers = children_of(running.process.pid)
        running.process.send_signal(number)
        began = time.monotonic()
        run = running.finish()
        took = time.monotonic() - began
    finally:
        waiting.mend("answer-withheld")

    assert took < A_MOMENT_S
    assert run.exit_status == 2
    assert run.by_verdict("passed")
    assert run.results["calls"]["aws"]["ec2:DescribeNatGateways"] == 1
    assert workers
    assert are_gone(workers)


def test_a_closed_terminal_leaves_results(waiting: Sandbox) -> None:
    """A laptop that is closed in the middle of a run must not cost what was seen."""
    running = waiting.start_suite(RECORDS, "--patience", "120s")
    running.said("waiting, ")
    running.process.send_signal(signal.SIGHUP)
    run = running.finish()

    assert run.exit_status == 2
    assert run.by_verdict("passed")


def test_a_run_that_nohup_started_survives_its_terminal(waiting: Sandbox) -> None:
    """Who says nohup wants just that."""
    process = subprocess.Popen(
        [
            "nohup", sys.executable, "-m", "pytest", "--env=sandbox", "-p", "no:cacheprovider", "-q",
            f"--reports={waiting.folder / 'nohup'}", RECORDS, "--patience=6s",
        ],
        cwd=ROOT,
        env=waiting.process_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    while "waiting, " not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)

    assert process.returncode == 1


def test_a_reader_that_has_seen_enough_changes_no_status(waiting: Sandbox) -> None:
    """`pytest --env stage -v | head`: no traceback, the run's own status, and what was judged is kept."""
    reports = waiting.folder / "head"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "pytest", "--env=sandbox", "-p", "no:cacheprovider", "-v",
            f"--reports={reports}", "tests_infra",
        ],
        cwd=ROOT,
        env=waiting.process_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    while "PASSED" not in process.stdout.readline():
        assert process.poll() is None
    process.stdout.close()
    said = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()

    # What is red is in another layer: of what was selected all is well.
    assert process.returncode == 0
    assert "the verdict is in" in said
    assert "Traceback" not in said
    assert (reports / "latest" / "results.json").is_file()


@pytest.mark.parametrize("arguments", [("-x",), ("-x", "-n", "2"), ("--maxfail=2", "-n", "2")])
def test_enough_failures_are_no_interruption(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A gate with -x has failed (1); nobody pressed Ctrl-C (2)."""
    run = tiny_project.run(tiny_project.make(tmp_path), *arguments)

    assert run.returncode == 1, run.stdout
    assert "KeyboardInterrupt" not in run.stdout
    assert "stopping after" in run.stdout
