"""What is selected is asked for, and no more; what is not declared can be made to count."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from sandbox.aws.client import Aws
from selftests.proofs.harness import ROOT, Sandbox, SuiteRun

# Two seconds are for a quiet machine; here a sandbox and two more processes of tests work beside the run, and
# what hangs takes thirty.
BUSY = 5.0
COUNTS = re.compile(r"(\d+)/(\d+) tests collected \((\d+) deselected\)")
NAT_CHECK = "tests_infra/test_nat.py::test_nat_gateway_is_available[natgw-a]"


def aws_calls(sandbox: Sandbox) -> dict[str, int]:
    """Return what the sandbox's AWS has been asked by others than itself."""
    return Aws(sandbox.variables["AWS_ENDPOINT_URL"]).calls()


def test_one_check_asks_for_its_own_evidence_only(sandbox: Sandbox) -> None:
    """Whoever mends one thing looks again at that one thing, within a second and without noise."""
    before = aws_calls(sandbox)
    run = sandbox.run_suite(NAT_CHECK)
    after = aws_calls(sandbox)

    assert run.exit_status == 0
    assert [one["id"] for one in run.results["checks"]] == [NAT_CHECK]
    asked = {name: count - before.get(name, 0) for name, count in after.items()}
    assert {name: count for name, count in asked.items() if count} == {
        "ec2:DescribeNatGateways": 1,
        "eks:DescribeCluster": 1,
        "sts:GetCallerIdentity": 1,
    }
    assert run.results["calls"]["aws"]["ec2:DescribeNatGateways"] == 1


def test_collecting_asks_for_nothing(sandbox: Sandbox) -> None:
    """--co is a question about the environment file, not about the environment."""
    before = aws_calls(sandbox)
    run = sandbox.run_suite("--co", "-q")

    assert run.exit_status == 0
    assert NAT_CHECK in run.output
    listed, collected, left_out = (int(found) for found in COUNTS.findall(run.output)[0])
    assert listed == run.output.count("::test_")
    assert listed + left_out == collected, "checks that pytest counts and nobody sees seem to be lost"
    assert aws_calls(sandbox) == before
    assert run.results == {}


@pytest.mark.parametrize("wrong", [("-m", "netwrk"), ("-k", "cors and")])
def test_a_slip_in_a_selection_asks_for_nothing(sandbox: Sandbox, wrong: tuple[str, str]) -> None:
    """It is refused after everything has been collected: the cloud must not be asked, nor a run be left."""
    before = aws_calls(sandbox)
    run = sandbox.run_suite(*wrong)
    asked = {name for name, count in aws_calls(sandbox).items() if count != before.get(name, 0)}

    assert run.exit_status == 4
    assert asked <= {"eks:DescribeCluster", "sts:GetCallerIdentity"}
    assert "NOT VERIFIED" not in run.output
    assert run.results == {}


def _left_by(sandbox: Sandbox, *words: str) -> tuple[SuiteRun, list[Path]]:
    """Run the suite; return the run and the folders that it left."""
    running = sandbox.start_suite(*words)
    return running.finish(), list(running.reports.glob("sandbox-*"))


def test_a_run_that_selects_nothing_leaves_no_folder(sandbox: Sandbox) -> None:
    """Whoever looks through reports/ for last night's run must not find folders without results."""
    run, left = _left_by(sandbox, "-k", "nosuchcheck")

    assert run.exit_status == 5
    assert left == []


def test_a_run_in_the_wrong_place_leaves_no_folder(sandbox: Sandbox) -> None:
    """It is over before it has begun, and has said why."""
    sandbox.break_("wrong-account")
    try:
        run, left = _left_by(sandbox)
    finally:
        sandbox.mend("wrong-account")

    assert run.exit_status == 4
    assert "No check was run" in run.output
    assert left == []


def test_a_run_stops_at_the_first_failure_when_asked(sandbox: Sandbox) -> None:
    """-x is for somebody who wants to see one thing; what was not judged is not in the results as green."""
    sandbox.break_("nat-failed")
    try:
        run = sandbox.run_suite("-x", "tests_infra/test_nat.py")
    finally:
        sandbox.mend("nat-failed")

    assert run.exit_status == 1
    assert len(run.by_verdict("failed")) == 1
    unseen = run.by_verdict("unverified")
    assert unseen
    assert all(one["message"].startswith("not judged") for one in unseen)


def test_what_failed_last_is_run_again_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    """--lf is what one types after the fix."""
    cache = ("-o", f"cache_dir={tmp_path}")
    sandbox.break_("nat-failed")
    try:
        broken = sandbox.run_suite("tests_infra/test_nat.py", *cache)
    finally:
        sandbox.mend("nat-failed")
    again = sandbox.run_suite("tests_infra/test_nat.py", "--lf", *cache)

    failed = {one["id"] for one in broken.by_verdict("failed")}
    assert failed
    assert {one["id"] for one in again.by_verdict("passed")} == failed
    assert again.exit_status == 0


def test_what_is_not_declared_counts_when_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    """A section that somebody removed from the file must be noticed by a strict gate."""
    text = (ROOT / "environments" / "sandbox.yaml").read_text(encoding="utf-8")
    environment = tmp_path / "partly.yaml"
    environment.write_text(text.partition("\nterraform:")[0] + "\n", encoding="utf-8")
    selected = ("tests_infra/test_terraform.py", "tests_infra/test_nat.py")
    lax = sandbox.run_suite(*selected, environment_file=environment)
    strict = sandbox.run_suite(*selected, "--strict-environment", environment_file=environment)

    assert lax.exit_status == 0
    assert "terraform" in {one["section"] for one in lax.results["not_declared"]}
    assert strict.exit_status == 6
    assert [one["subject"] for one in strict.by_verdict("unverified")] == ["terraform"]
    assert "not declared, so not looked at: terraform" in strict.output


def test_what_needs_a_release_is_told(sandbox: Sandbox) -> None:
    """Twenty-two checks deselected, and no word of why, look like twenty-two that were lost."""
    run = sandbox.run_suite("tests_platform/test_images.py", "--strict-environment")
    left_out = int(re.findall(r"(\d+) deselected", run.output)[-1])

    assert left_out > 0
    assert {"section": "release", "why": f"{left_out} checks need --release"} in run.results["not_declared"]
    assert f"not looked at: release: {left_out} checks need --release" in run.output
    assert f"- release: {left_out} checks need --release" in (run.folder / "summary.md").read_text(
        encoding="utf-8"
    )
    assert run.exit_status == 0, "a strict gate is about what the environment's file does not declare"


def test_an_interrupted_prefetch_ends_within_two_seconds(sandbox: Sandbox) -> None:
    """Ctrl-C while everything hangs must neither hang itself nor leave a canary behind."""
    sandbox.break_("answer-withheld", "action=ec2:DescribeSubnets", "how=hang")
    try:
        running = sandbox.start_suite()
        running.said("collected ")
        time.sleep(2)
        running.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        run = running.finish()
        seconds = time.monotonic() - began
    finally:
        sandbox.mend("answer-withheld")

    assert seconds < 2 * BUSY
    assert run.exit_status == 2
    assert run.results["run"]["exit"] == 2
    assert canaries(sandbox) == []


def test_a_run_that_is_interrupted_before_its_first_verdict_leaves_results(sandbox: Sandbox) -> None:
    """Whoever reads the results of a run must not find those of the run before it, or none."""
    sandbox.break_("answer-withheld", "action=ec2:DescribeSubnets", "how=hang")
    try:
        running = sandbox.start_suite("tests_infra/test_subnets.py")
        running.said("collected ")
        time.sleep(1)
        running.process.send_signal(signal.SIGINT)
        run = running.finish()
    finally:
        sandbox.mend("answer-withheld")

    assert run.exit_status == 2
    assert run.results["run"]["exit"] == 2
    assert {one["verdict"] for one in run.results["checks"]} == {"unverified"}
    assert {one["message"] for one in run.results["checks"]} == {"not judged: the run was interrupted"}
    assert "not judged: the run was interrupted" in (run.folder / "summary.md").read_text(encoding="utf-8")


def canaries(sandbox: Sandbox) -> list[str]:
    """Return the canary objects that lie in the media bucket."""
    client = Aws(sandbox.variables["AWS_ENDPOINT_URL"]).client("s3")
    bucket = "min-kyeol-sandbox-media-123456789012-ap-northeast-2"
    found = client.list_objects_v2(Bucket=bucket).get("Contents", ())
    return [one["Key"] for one in found if "postflight" in one["Key"]]
