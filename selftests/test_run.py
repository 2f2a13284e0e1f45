"""What a user sees of a run: verdicts, exit status, results, and the ways to ask for them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from selftests.proofs.harness import ROOT, Sandbox, SuiteRun

RECORD_CHECK = "tests_network/test_records.py::test_record_exists[dashboard-sandbox.kyeol.click]"


@pytest.fixture(scope="module")
def healthy(sandbox: Sandbox) -> SuiteRun:
    """A whole run over the healthy sandbox."""
    return sandbox.run_suite()


def comparable(results: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs of the same state must agree on."""
    kept = ("id", "check", "subject", "verdict", "role", "because_of")
    checks = sorted(tuple(str(one[name]) for name in kept) for one in results["checks"])
    return {"checks": checks, "causes": results["causes"], "not_declared": results["not_declared"]}


def test_a_healthy_environment_passes(healthy: SuiteRun) -> None:
    """A false alarm every night is worse than no alarm."""
    bad = [one for one in healthy.results["checks"] if one["verdict"] != "passed"]

    assert bad == []
    assert healthy.exit_status == 0
    assert healthy.results["run"]["exit"] == 0


def test_a_run_says_what_it_looks_at(healthy: SuiteRun) -> None:
    """Whoever reads a green run must see that it was about the right account and cluster."""
    assert "account 123456789012, region ap-northeast-2, cluster min-kyeol-sandbox-eks" in healthy.output
    assert healthy.results["run"]["identity"]["caller"].startswith("arn:aws:")


def test_results_keep_their_contract(healthy: SuiteRun) -> None:
    """Scripts read results.json; its keys are a promise."""
    results = healthy.results

    assert results["schema"] == 1
    assert {"env", "started", "duration_s", "exit", "release", "vantage", "identity", "patience_s"} <= set(
        results["run"]
    )
    assert {
        "id", "check", "subject", "verdict", "role", "because_of", "message", "duration_s", "settled_after_s",
    } <= set(results["checks"][0])  # fmt: skip
    assert results["calls"]["aws"]["ec2:DescribeSubnets"] == 1
    assert results["calls"]["kubernetes"]["list pods"] >= 1


def test_a_failure_is_told_by_its_cause(sandbox: Sandbox) -> None:
    """One missing database is one cause, with its service's troubles under it and the fix beside it."""
    sandbox.break_("db-missing", "database=cart_service")
    try:
        run = sandbox.run_suite()
    finally:
        sandbox.mend("db-missing")

    assert run.exit_status == 1
    assert [one["id"] for one in run.results["causes"]] == [
        "tests_app/test_databases.py::test_database_exists[cart_service]"
    ]
    consequences = run.results["causes"][0]["consequences"]
    assert "tests_app/test_health.py::test_service_answers_its_health_path[cart-service]" in consequences
    assert {one["id"] for one in run.by_verdict("failed")} == {run.results["causes"][0]["id"], *consequences}
    assert "database cart_service does not exist" in run.output
    assert re.search(r"^  fix ", run.output, re.MULTILINE)
    summary = (run.folder / "summary.md").read_text(encoding="utf-8")
    assert "database cart_service does not exist" in summary


def test_what_cannot_be_seen_is_not_green(sandbox: Sandbox) -> None:
    """Blindness must have a name and an exit status of its own."""
    sandbox.break_("access-denied", "action=ec2:DescribeNatGateways")
    try:
        run = sandbox.run_suite("tests_infra/test_nat.py")
        allowed = sandbox.run_suite("tests_infra/test_nat.py", "--allow-unverified")
    finally:
        sandbox.mend("access-denied")
    unverified = run.by_verdict("unverified")

    assert run.exit_status == 6
    assert allowed.exit_status == 0
    assert run.by_verdict("failed") == []
    assert any(one["check"].endswith("test_nat_gateway_is_available") for one in unverified)
    assert all("ec2:DescribeNatGateways" in one["message"] for one in unverified)
    assert all(one["permission"] == "ec2:DescribeNatGateways" for one in unverified)
    assert "Permission ec2:DescribeNatGateways is missing" in run.output


def test_the_wrong_account_stops_a_run_before_any_check(sandbox: Sandbox) -> None:
    """Verifying somebody else's account would be green about the wrong thing."""
    sandbox.break_("wrong-account")
    try:
        run = sandbox.run_suite()
    finally:
        sandbox.mend("wrong-account")

    assert run.exit_status == 4
    assert run.results == {}
    assert "AWS account 123456789012" in run.output
    assert "999999999999" in run.output
    assert "Traceback" not in run.output


def test_recorded_evidence_is_judged_again_without_a_network(
    sandbox: Sandbox, healthy: SuiteRun, tmp_path: Path
) -> None:
    """An incident's evidence must be readable on a train."""
    replay = sandbox.run_suite(
        f"--replay={healthy.folder}",
        environment={
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_ACCESS_KEY_ID": "",
            "KUBECONFIG": str(tmp_path / "none"),
        },
    )

    assert replay.exit_status == 0
    assert comparable(replay.results) == comparable(healthy.results)
    assert replay.results["calls"] == {}
    assert replay.output.count(f"REPLAY of {healthy.folder.resolve().name}, seen at 20") == 2
    assert "REPLAY of" in (replay.folder / "summary.md").read_text(encoding="utf-8")


def test_patience_waits_for_all_at_once(sandbox: Sandbox) -> None:
    """After a sync things heal side by side, and a run must not add up their times."""
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    running = sandbox.start_suite("tests_network/test_records.py", "--patience", "60s")
    running.said("waiting, ")
    sandbox.mend("dns-record-missing")
    run = running.finish()

    assert run.exit_status == 0
    settled = run.check(RECORD_CHECK)["settled_after_s"]
    assert settled is not None
    assert settled > 0


def test_a_waiver_shows_a_failure_as_waived(sandbox: Sandbox, tmp_path: Path) -> None:
    """A failure that is lived with is neither red nor hidden; after its day it is red again."""
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    environment = tmp_path / "sandbox.yaml"
    environment.write_bytes((ROOT / "environments" / "sandbox.yaml").read_bytes())
    waivers = tmp_path / "sandbox.waivers.yaml"
    text = "waivers:\n- {{check: test_record_exists, reason: being moved, owner: kim, expires: {}}}\n"
    try:
        waivers.write_text(text.format("2099-12-31"), encoding="utf-8")
        waived = sandbox.run_suite("-k", "test_record_exists", environment_file=environment)
        waivers.write_text(text.format("2026-01-01"), encoding="utf-8")
        expired = sandbox.run_suite("-k", "test_record_exists", environment_file=environment)
    finally:
        sandbox.mend("dns-record-missing")

    assert waived.exit_status == 0
    assert "being moved (kim," in waived.check(RECORD_CHECK)["message"]
    assert waived.check(RECORD_CHECK)["verdict"] == "waived"
    assert expired.exit_status == 1
    assert "expired on 2026-01-01" in expired.check(RECORD_CHECK)["message"]


def test_a_run_tells_what_changed_since_the_last(sandbox: Sandbox) -> None:
    """At night the first question is what is new."""
    before = sandbox.run_suite("-k", "test_record_exists")
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    try:
        broken = sandbox.run_suite("-k", "test_record_exists", f"--compare={before.folder}")
    finally:
        sandbox.mend("dns-record-missing")
    mended = sandbox.run_suite("-k", "test_record_exists", f"--compare={broken.folder}")

    assert "1 newly failing" in broken.output
    assert "1 mended" in mended.output


def test_a_deadline_ends_a_run_whatever_happens(sandbox: Sandbox) -> None:
    """Patience must not hold a release for ever; what was not judged by then is not green."""
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    try:
        began = time.monotonic()
        run = sandbox.run_suite("tests_network", "--patience", "120s", "--deadline", "24s")
    finally:
        sandbox.mend("dns-record-missing")

    assert time.monotonic() - began < 40
    assert run.exit_status == 1
    assert run.check(RECORD_CHECK)["verdict"] == "failed"


def test_what_a_run_had_no_time_for_is_not_allowed(sandbox: Sandbox) -> None:
    """--allow-unverified is for what cannot be seen, not for a gate whose time was too short."""
    sandbox.break_("answer-withheld", "action=route53:ListHostedZones", "how=hang")
    try:
        run = sandbox.run_suite("tests_network/test_records.py", "--deadline", "4s", "--allow-unverified")
    finally:
        sandbox.mend("answer-withheld")

    assert run.by_verdict("unverified")
    assert run.exit_status == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tells_what_it_judged(sandbox: Sandbox, number: signal.Signals) -> None:
    """Ctrl-C and a CI runner's time limit both leave results, quickly."""
    sandbox.break_("dns-record-missing", "host=dashboard-sandbox.kyeol.click")
    try:
        running = sandbox.start_suite("tests_network/test_records.py", "--patience", "120s")
        running.said("waiting, ")
        running.process.send_signal(number)
        began = time.monotonic()
        run = running.finish()
    finally:
        sandbox.mend("dns-record-missing")

    assert time.monotonic() - began < 5
    assert run.exit_status == 2
    assert run.by_verdict("passed")


def pytest_said(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run pytest as a user would, without a sandbox."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_pytest_alone_says_what_to_type() -> None:
    """The first thing that a newcomer types must teach the second."""
    status, said = pytest_said()

    assert status == 4
    assert "pytest --env NAME" in said
    assert "dev, doa-prod, prod, sandbox, stage" in said
    assert "Traceback" not in said


def test_an_unknown_environment_names_the_nearest() -> None:
    """A typing error is mended by reading one line."""
    status, said = pytest_said("--env", "stagge")

    assert status == 4
    assert "Did you mean `stage`?" in said


def test_collecting_needs_no_network() -> None:
    """An editor or a reviewer lists the checks of an environment that it cannot reach."""
    status, said = pytest_said("--env", "doa-prod", "--vantage", "inside", "--collect-only", "-q")

    assert status == 0
    assert "tests_app/test_databases.py::test_database_exists[cart_service]" in said


@pytest.mark.parametrize("layer", ["infra", "platform", "app", "network"])
def test_a_layer_can_be_selected(layer: str) -> None:
    """-m network is what somebody types who just changed DNS."""
    status, said = pytest_said("--env", "sandbox", "--collect-only", "-q", "-m", layer)
    checks = [line for line in said.splitlines() if "::" in line]

    assert status == 0
    assert checks
    assert all(line.startswith(f"tests_{layer}/") for line in checks)
