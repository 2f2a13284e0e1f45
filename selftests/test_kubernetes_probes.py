"""What the Kubernetes probes see of a real API server, and what they refuse to do."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import (
    delivery,
    deployments,
    ingresses,
    nodes,
    pods,
    proxy,
    services,
    settings,
)
from postflight.probes.kubernetes import exec as commands
from postflight.probes.kubernetes.client import Call, Resource
from postflight.probes.kubernetes.context import context
from postflight.probes.kubernetes.deployments import Deployments
from postflight.probes.kubernetes.usage import quantity
from postflight.probes.reads import UndeclaredReadError, reads
from sandbox.kube_api.store import resource_of
from sandbox.network.certificates import Authority
from selftests.kube_api_server import Served, pod_manifest
from selftests.kubernetes_runs import kubeconfig, look, over_tls, post, run, run_at, serving_shop, set_status
from selftests.rude_servers import street

SHOP = "/api/v1/namespaces/shop"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


def test_the_context_tells_server_and_authority(served: Served, tmp_path: Path) -> None:
    """Identity is established by comparing both with what EKS says."""
    seen = look(context, run_at(served, tmp_path))
    assert seen.server == served.url
    assert seen.ca == served.ca_file.read_text()
    assert len(seen.fingerprints) == 1
    assert seen.user == "looker"
    assert not seen.in_cluster


def test_the_shell_cannot_change_whom_we_trust(served: Served, tmp_path: Path) -> None:
    """SSL_CERT_FILE and its like point elsewhere on many machines; the kubeconfig's CA decides."""
    elsewhere = {
        "SSL_CERT_FILE": "/dev/null",
        "REQUESTS_CA_BUNDLE": "/dev/null",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    assert look(context, run_at(served, tmp_path, **elsewhere)).server == served.url


def test_pages_are_put_together(served: Served, tmp_path: Path) -> None:
    """A pod on the second page is looked at like one on the first."""

    async def fill() -> None:
        for number in range(1_201):
            served.api.store.create(resource_of("pods"), "shop", pod_manifest(f"pod-{number:04}"))

    served.call(fill())
    connections = run_at(served, tmp_path)
    seen = look(pods.pods, connections, "shop")
    assert len({pod.name for pod in seen.items}) == 1_201
    calls = connections.calls.by_protocol()["kubernetes"]
    assert isinstance(calls, dict)
    assert calls["list pods"] in {1, 3}, "from its cache the server may answer in one piece"


def test_a_long_listing_is_light(tmp_path: Path) -> None:
    """An API server answers from its cache in one piece; with 5,000 pods that must not cost 300 MB."""
    authority = Authority("Long listing")
    item = json.dumps({"metadata": {"name": "cart", "annotations": {"padding": "x" * 6000}}, "spec": {}})
    listed = ", ".join([item] * 5_000)
    body = f'{{"kind": "PodList", "apiVersion": "v1", "items": [{listed}], "metadata": {{}}}}'.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with street() as town:
        port = town.house(over_tls(authority.issue("127.0.0.1"), town.speaks(head + body)))
        server = f"https://127.0.0.1:{port}"
        connections = run(kubeconfig(tmp_path, server, authority.pem.encode(), {"token": "viewer"}))
        tracemalloc.start()
        try:
            seen = look(pods.pods, connections, "shop")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(seen.items) == 5_000
    assert peak < 25 << 20, f"{peak >> 20} MB at the peak, for an answer of {len(body) >> 20} MB"


def test_only_declared_reads_are_sent(served: Served, tmp_path: Path) -> None:
    """The interlock: what a probe does not declare never leaves this process."""
    connections = run_at(served, tmp_path)

    @reads("list nodes")
    def greedy(connections: Connections) -> Deployments:
        list(connections.kubernetes.list(Resource("pods"), "shop"))
        return Deployments(namespace="shop", items=())

    with pytest.raises(UndeclaredReadError, match="list pods"):
        look(greedy, connections)
    assert connections.calls.by_protocol() == {}


def test_every_call_is_counted_as_sent(served: Served, tmp_path: Path) -> None:
    """`calls` in results.json is what budgets are held against."""
    connections = run_at(served, tmp_path)
    look(nodes.nodes, connections)
    look(services.services, connections, "shop")
    assert connections.calls.by_protocol() == {"kubernetes": {"list nodes": 1, "list services": 1}}


def test_a_refused_listing_names_the_missing_permission(served: Served, tmp_path: Path) -> None:
    """Who reads `unverified` wants to know what to grant."""
    with pytest.raises(Unverified, match="does not let us list configmaps in shop") as refused:
        look(settings.config_maps, run_at(served, tmp_path), "shop", ())
    assert refused.value.permission == "list configmaps in shop"


def test_absent_objects_are_evidence(served: Served, tmp_path: Path) -> None:
    """That something is not there is an answer, not an error."""
    connections = run_at(served, tmp_path, who="admin")
    assert not look(deployments.deployments, connections, "shop", ()).named("cart").found
    assert not look(ingresses.ingresses, connections, "shop").named("shop").found
    assert not look(settings.secret, connections, "shop", "db", ()).found
    assert not look(services.service_accounts, connections, "shop").named("default").found
    assert not look(delivery.jobs, connections, "shop").named("migrate").found
    assert look(delivery.applications, connections, "shop").installed


def test_a_service_without_ready_pods_is_evidence(served: Served, tmp_path: Path) -> None:
    """The proxy's own 503 is the cluster's answer about the service, not our failure to look."""
    ports = [{"name": "http", "port": 80}]
    post(served, f"{SHOP}/services", {"metadata": {"name": "cart"}, "spec": {"ports": ports}})
    post(served, f"{SHOP}/endpoints", {"metadata": {"name": "cart"}, "subsets": []})
    seen = look(proxy.service_answer, run_at(served, tmp_path, who="admin"), "shop", "cart", 80, "/health")
    assert seen.status is None
    assert "no endpoints available" in seen.problem
    gone = look(proxy.service_answer, run_at(served, tmp_path, who="admin"), "shop", "none", 80, "/health")
    assert 'services "none" not found' in gone.problem


def test_the_proxy_needs_its_own_permission(served: Served, tmp_path: Path) -> None:
    """A 403 of the API server must not be taken for a 403 of the service."""
    with pytest.raises(Unverified) as refused:
        look(proxy.service_answer, run_at(served, tmp_path, who="readonly"), "shop", "cart", 80, "/health")
    assert refused.value.permission == "get services/proxy in shop"


def test_exec_runs_the_one_fixed_command(served: Served, tmp_path: Path) -> None:
    """The only thing that is ever run in a pod is the count of superusers."""
    post(served, f"{SHOP}/pods", pod_manifest("api-1"))
    running = {"running": {"startedAt": "2026-01-20T00:00:00Z"}}
    box = {
        "name": "box",
        "image": "shop:1",
        "imageID": "",
        "restartCount": 0,
        "ready": True,
        "state": running,
    }
    set_status(served, f"{SHOP}/pods/api-1", {"phase": "Running", "containerStatuses": [box]})
    connections = run_at(served, tmp_path, who="admin")
    seen = look(commands.superusers, connections, "shop", "api-1", "box")
    assert seen.count is None
    assert "manage.py shell failed in api-1" in seen.problem, "this kubelet echoes the command"
    assert "users.count()" in seen.problem
    gone = look(commands.superusers, connections, "shop", "api-2", "box")
    assert gone.problem == "pod api-2 is gone"
    with pytest.raises(Unverified) as refused:
        look(commands.superusers, run_at(served, tmp_path, who="viewer"), "shop", "api-1", "box")
    assert refused.value.permission == "create pods/exec in shop"


def test_a_path_with_odd_characters_is_escaped() -> None:
    """A name from an environment file must not become another path."""
    assert Resource("pods").path("a/b", "c?d") == "/api/v1/namespaces/a%2Fb/pods/c%3Fd"
    assert Resource("jobs", "batch/v1").path("a") == "/apis/batch/v1/namespaces/a/jobs"
    assert Call("list pods", " in shop", "/").need == "list pods in shop"


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    """Room on a node is what it has to give, less what pods ask for: in the same unit."""
    read = [quantity(written) for written in ("1930m", "2", "3388360Ki", "96Mi", "1G", "110", "")]
    assert read == [1.93, 2.0, 3388360 * 1024, 96 << 20, 1e9, 110.0, 0.0]
