"""What is selected is asked for, and no more; what is not declared can be made to count."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from sandbox.aws.client import Aws
from selftests.proofs.harness import ROOT, Sandbox

# Two seconds are for a quiet machine; here a sandbox works beside the run.
BUSY = 2.0
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
    assert aws_calls(sandbox) == before
    assert run.results == {}


def test_a_run_stops_at_the_first_failure_when_asked(sandbox: Sandbox) -> None:
    """-x is for somebody who wants to see one thing; what was not judged is not in the results as green."""
    sandbox.break_("nat-failed")
    try:
        run = sandbox.run_suite("-x", "tests_infra/test_nat.py")
    finally:
        sandbox.mend("nat-failed")

    assert run.exit_status == 1
    assert len(run.by_verdict("failed")) == 1
    assert run.results["checks"][-1]["verdict"] == "failed"


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
    assert lax.results["not_declared"][0]["section"] == "terraform"
    assert strict.exit_status == 6
    assert [one["subject"] for one in strict.by_verdict("unverified")] == ["terraform"]
    assert "not declared, so not looked at: terraform" in strict.output


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


def canaries(sandbox: Sandbox) -> list[str]:
    """Return the canary objects that lie in the media bucket."""
    client = Aws(sandbox.variables["AWS_ENDPOINT_URL"]).client("s3")
    bucket = "min-kyeol-sandbox-media-123456789012-ap-northeast-2"
    found = client.list_objects_v2(Bucket=bucket).get("Contents", ())
    return [one["Key"] for one in found if "postflight" in one["Key"]]
