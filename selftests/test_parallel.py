"""With pytest-xdist: the same verdicts, causes and calls as without, healthy and broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from selftests.proofs.harness import Sandbox, SuiteRun

FAULTS = (
    ("db-missing", "database=cart_service"),
    ("nat-failed", ""),
    ("dns-record-missing", "host=dashboard-sandbox.kyeol.click"),
)
# A Secret's values stay in the memory of the process that read them: each worker reads its own.
PER_PROCESS = {"get secrets"}


def comparable(results: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs of the same state must agree on."""
    kept = ("id", "check", "subject", "verdict", "role", "because_of")
    return {
        "checks": [tuple(str(one[name]) for name in kept) for one in results["checks"]],
        "causes": results["causes"],
        "not_declared": results["not_declared"],
    }


def calls(run: SuiteRun) -> dict[str, Any]:
    """Which calls of AWS and Kubernetes a run made, and how many of each."""
    kubernetes = run.results["calls"]["kubernetes"]
    once = {name: count for name, count in kubernetes.items() if name not in PER_PROCESS}
    return {"aws": run.results["calls"]["aws"], "kubernetes": once}


@pytest.fixture(scope="module")
def healthy(sandbox: Sandbox) -> SuiteRun:
    """A run of one process over the healthy sandbox."""
    return sandbox.run_suite("-q")


@pytest.fixture(scope="module")
def broken_sandbox(healthy: SuiteRun, sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with three faults, once it has been seen healthy."""
    assert healthy.exit_status == 0
    for fault, parameter in FAULTS:
        sandbox.break_(fault, *([parameter] if parameter else []))
    yield sandbox
    for fault, _ in FAULTS:
        sandbox.mend(fault)


@pytest.mark.parametrize("distribution", ["load", "loadfile", "worksteal"])
def test_parallel_processes_judge_the_same(sandbox: Sandbox, healthy: SuiteRun, distribution: str) -> None:
    """-n is about time, not about truth: the same results in the same order, and nothing asked twice."""
    parallel = sandbox.run_suite("-q", "-n", "2", "--dist", distribution)

    seen = {(one["id"], one["message"]) for one in parallel.results["checks"] if one["verdict"] != "passed"}
    assert seen == set()
    assert parallel.exit_status == 0
    assert comparable(parallel.results) == comparable(healthy.results)
    assert calls(parallel) == calls(healthy)


@pytest.mark.parametrize("distribution", ["load", "worksteal"])
def test_parallel_processes_name_the_same_causes(broken_sandbox: Sandbox, distribution: str) -> None:
    """Cause and consequence may be judged in different processes, and are still joined."""
    alone = broken_sandbox.run_suite("-q")
    parallel = broken_sandbox.run_suite("-q", "-n", "2", "--dist", distribution)

    assert parallel.exit_status == alone.exit_status == 1
    assert len(alone.results["causes"]) >= len(FAULTS)
    assert comparable(parallel.results) == comparable(alone.results)
    assert calls(parallel) == calls(alone)
