"""Whatever objects are applied, the sandbox goes on: what fails says so, and all others are reconciled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from selftests import odd_objects
from selftests.odd_objects import NAMESPACE, ODD_OBJECTS, deployment, manifest
from selftests.outsiders import ask, pods, waiting_reason
from selftests.sandbox_process import Running, sandbox_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")

# The objects that a controller of the sandbox cannot reconcile, with the reason of its event.
FAILING = {
    "Application odd/no-source": "ComparisonError",
    "Pod odd/lost": "FailedSync",
    "Pod odd/on-a-bare-node": "FailedSync",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give one sandbox, to which every odd object has been applied."""
    folder = tmp_path_factory.mktemp("sandbox")
    up = sandbox_command(folder, "up")
    assert up.returncode == 0, up.stderr
    try:
        running = Running(folder, json.loads((folder / "state.json").read_text()))
        _admin(running, "create", "namespace", NAMESPACE)
        everything = {"apiVersion": "v1", "kind": "List", "items": ODD_OBJECTS}
        _admin(running, "create", "--validate=false", "-f", "-", stdin=json.dumps(everything))
        for _ in range(3):
            made = json.dumps(odd_objects.GENERATED)
            _admin(running, "create", "--validate=false", "-f", "-", stdin=made)
        _admin(running, "delete", "pod", "kept", "-n", NAMESPACE, "--wait=false")
        yield running
    finally:
        sandbox_command(folder, "down")


def _admin(sandbox: Running, *words: str, stdin: str = "") -> str:
    environment = {**os.environ, "KUBECONFIG": sandbox.variables["KUBECONFIG"]}
    command = ["kubectl", "--context", sandbox.state["admin"]["kube_context"], *words]
    done = subprocess.run(
        command, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _items(sandbox: Running, kind: str) -> list[Any]:
    found: list[Any] = json.loads(_admin(sandbox, "get", kind, "-n", NAMESPACE, "-o", "json"))["items"]
    return found


def _failing(sandbox: Running) -> set[str]:
    """Read what `status` says, which is its exit status too."""
    said = sandbox.command("status")
    lines = [line for line in said.stdout.splitlines() if line.startswith("failing: ")]
    assert said.returncode == (1 if lines else 0)
    return {line.partition(" on ")[2].partition(" since ")[0] for line in lines}


def _eventually(look: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _applied(sandbox: Running, *objects: Any) -> None:
    everything = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    _admin(sandbox, "apply", "--validate=false", "-f", "-", stdin=json.dumps(everything))


def test_status_names_each_object_that_fails(sandbox: Running) -> None:
    """Which controller, which object, since when, why; and the exit status is 1."""
    _eventually(lambda: _failing(sandbox) >= set(FAILING))
    said = sandbox.command("status").stdout

    assert {name for name in _failing(sandbox) if not name.startswith("Deployment odd/nnn")} == set(FAILING)
    assert "failing: kubelet on Pod odd/lost since 20" in said
    assert 'no kubelet runs on node "nowhere"' in said


def test_each_failing_object_has_one_warning_event(sandbox: Running) -> None:
    """As Kubernetes' controllers report it."""
    sandbox.command("settle")
    events = [event for event in _items(sandbox, "events") if event["type"] == "Warning"]
    for title, reason in FAILING.items():
        kind, _, name = title.partition(" odd/")
        own = [
            event["reason"]
            for event in events
            if (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == (kind, name)
        ]
        assert own == [reason]


def test_controllers_reconcile_what_is_applied_afterwards(sandbox: Running) -> None:
    """A Deployment comes up, its Service finds it by the name of a port, each pod by its own number."""
    named = deployment("named")
    box = named["spec"]["template"]["spec"]["containers"][0]
    box["ports"] = [{"name": "web", "containerPort": 8080}]
    other = manifest("v1", "Pod", "other", metadata={"labels": {"app": "named"}}, spec={
        "containers": [{"name": "box", "image": "shop:1", "ports": [{"name": "web", "containerPort": 9090}]}]
    })  # fmt: skip
    service = manifest("v1", "Service", "named", spec={
        "selector": {"app": "named"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]
    })  # fmt: skip
    _applied(sandbox, named, other, service)
    sandbox.command("settle")

    (found,) = (item for item in _items(sandbox, "endpoints") if item["metadata"]["name"] == "named")
    ports = {
        (port["name"], port["port"], len(subset["addresses"]))
        for subset in found["subsets"]
        for port in subset["ports"]
    }
    assert ports == {("http", 8080, 1), ("http", 9090, 1)}
    slices = [
        item
        for item in _items(sandbox, "endpointslices")
        if item["metadata"]["labels"]["kubernetes.io/service-name"] == "named"
    ]
    assert sorted(item["ports"][0]["port"] for item in slices) == [8080, 9090]


def test_service_with_a_named_port_answers_by_its_proxy(sandbox: Running) -> None:
    """The number is the pod's own, so requests arrive."""
    path = f"/api/v1/namespaces/{NAMESPACE}/services/named:http/proxy/"
    assert _admin(sandbox, "get", "--raw", path) == "ok"


def test_object_that_is_corrected_or_gone_fails_no_more(sandbox: Running) -> None:
    """Nothing has to be started again."""
    _admin(sandbox, "delete", "pod", "lost", "-n", NAMESPACE)
    sandbox.command("settle")
    assert "Pod odd/lost" not in _failing(sandbox)


def test_faults_break_and_mend_beside_odd_objects(sandbox: Running) -> None:
    """The environment that is verified is not touched by what fails beside it."""
    assert ask(sandbox, "origin-sandbox-kyeol.click", "/health/").status == 200
    with sandbox.broken("db-missing", "database=cart_service"):
        assert waiting_reason(pods(sandbox, "doa-market-prod")["cart-service"]) == "CrashLoopBackOff"
    assert waiting_reason(pods(sandbox, "doa-market-prod")["cart-service"]) is None


def test_sandbox_is_healthy_when_odd_objects_are_gone(sandbox: Running) -> None:
    """A namespace that is deleted takes its failures with it."""
    _admin(sandbox, "delete", "node", "bare")
    _admin(sandbox, "delete", "namespace", NAMESPACE)
    mended = sandbox.command("mend", "--all")

    assert mended.returncode == 0, mended.stderr
    assert _failing(sandbox) == set()
    log = (sandbox.folder / "world.log").read_text()
    assert "Traceback" not in log, log
