"""What is only looked at when something is wrong may be denied as well: the trouble is told all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from selftests.proofs.harness import ROOT, Sandbox, SuiteRun

CRASHES = "tests_platform/test_workloads.py::test_no_container_is_waiting[cart-service]"
HAS_NO_ADDRESS = "tests_platform/test_ingress.py::test_ingress_has_an_address[saleor]"
ANSWERS = "tests_platform/test_workloads.py::test_running_pods_answer_the_health_path[banner-service]"
SUPERUSER = "tests_app/test_superuser.py::test_superuser_is_there[saleor]"
FAULTS = (
    ("db-missing", "database=cart_service"),
    ("ingress-no-address",),
    ("health-404", "service=banner-service"),
)


@pytest.fixture(scope="module")
def troubled(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with a service that crashes, an Ingress without address, and one that answers 404."""
    for fault in FAULTS:
        sandbox.break_(*fault)
    yield sandbox
    for fault in FAULTS:
        sandbox.mend(fault[0])


def blind(sandbox: Sandbox, permission: str, *arguments: Any, **named: Any) -> SuiteRun:
    """Run the suite without a permission."""
    sandbox.break_("access-denied", f"action={permission}")
    try:
        return sandbox.run_suite("-q", *arguments, **named)
    finally:
        sandbox.mend("access-denied")


def test_a_crash_is_told_without_its_log(troubled: Sandbox) -> None:
    """The log explains; that the container does not run is seen without it."""
    seen = blind(troubled, "get pods/log", CRASHES).check(CRASHES)

    assert seen["verdict"] == "failed"
    assert "its log cannot be read: " in seen["message"]
    assert "does not let us get pods/log in doa-market-prod" in seen["message"]


def test_a_missing_address_is_told_without_events(troubled: Sandbox) -> None:
    """The controller's events say why; that there is no address is seen without them."""
    seen = blind(troubled, "list events", HAS_NO_ADDRESS).check(HAS_NO_ADDRESS)

    assert seen["verdict"] == "failed"
    assert "its events cannot be read: " in seen["message"]
    assert "does not let us list events in saleor" in seen["message"]


@pytest.mark.parametrize("permission", ["get pods/proxy", "list events"])
def test_a_pod_that_could_not_be_asked_is_not_green(troubled: Sandbox, permission: str) -> None:
    """Its own answer or the kubelet's word is enough to fail; with neither nobody has looked."""
    seen = blind(troubled, permission, ANSWERS).check(ANSWERS)

    assert seen["verdict"] in {"failed", "unverified"}
    if seen["verdict"] == "failed":
        # The kubelet restarts it again and again; meanwhile nothing listens.
        assert any(words in seen["message"] for words in ("404", "connection refused"))
    else:
        assert seen["permission"].startswith(permission)


def from_outside(folder: Path) -> Mapping[str, Any]:
    """Return how to run where databases cannot be reached, and superusers are counted in a pod."""
    text = (ROOT / "environments" / "sandbox.yaml").read_text(encoding="utf-8")
    text = text.replace("reachable_from: [inside, outside]", "reachable_from: [inside]")
    text = text.replace(
        "{service: saleor-api, database: saleordb}", "{service: saleor-api, database: saleordb, exec: true}"
    )
    file = folder / "sandbox.yaml"
    file.write_text(text, encoding="utf-8")
    return {"environment_file": file}


def test_superusers_that_cannot_be_counted_are_not_green(sandbox: Sandbox, tmp_path: Path) -> None:
    """From outside they are counted by a command in a pod, which few are allowed to run."""
    outside = from_outside(tmp_path)
    allowed = sandbox.run_suite("-q", SUPERUSER, **outside)
    # A WebSocket begins as a GET, and that is what API servers before 1.35 ask permission for.
    denied = blind(sandbox, "get pods/exec", SUPERUSER, **outside)

    assert allowed.check(SUPERUSER)["verdict"] == "passed"
    assert allowed.results["calls"]["kubernetes"]["create pods/exec"] == 1
    assert denied.exit_status == 6
    assert denied.check(SUPERUSER)["permission"] == "create pods/exec in saleor"
