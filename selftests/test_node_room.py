"""How full the nodes are: as the scheduler counts, and only those that take pods."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postflight.probes.kubernetes import usage
from postflight.probes.kubernetes.nodes import Node, Nodes
from postflight.probes.kubernetes.usage import ClusterUsage, Usage
from postflight.subjects.nodes import ClusterRoom, cluster_room
from postflight.subjects.registry import Ask
from selftests.aws_looks import connections
from selftests.kube_api_server import Served, pod_manifest
from selftests.kubernetes_runs import look, post, run_at, serving_shop
from selftests.recorded_answers import Recorded
from selftests.test_assertions import function

SHOP = "/api/v1/namespaces/shop"
ALLOCATABLE = {"cpu": "2", "memory": "4Gi", "pods": "29"}
FARGATE = {"eks.amazonaws.com/compute-type": "fargate"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


def asking(name: str, cpu: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "shop:1", "resources": {"requests": {"cpu": cpu}}, **more}


def node(name: str, labels: dict[str, str] | None = None) -> Node:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}
    return Node.model_validate(
        {"name": name, "provider_id": "", "unschedulable": False, "labels": labels or {},
         "allocatable": ALLOCATABLE, "conditions": [ready]}
    )  # fmt: skip


def room(used: Usage, *found: Node) -> ClusterRoom:
    """Return how full the cluster is when every node is used so."""
    usages = ClusterUsage(nodes={one.name: used for one in found})
    answers = Recorded({"kubernetes.usage.usage": usages, "kubernetes.nodes.nodes": Nodes(items=found)})
    reached = connections("http://127.0.0.1:1")
    return cluster_room(Ask(answers, reached), reached.environment)


def test_requests_are_counted_as_the_scheduler_does(served: Served, tmp_path: Path) -> None:
    """A sidecar runs beside the others, an init container before them, and a runtime takes its share."""
    manifest = pod_manifest("cart-1")
    manifest["spec"].update(
        nodeName="node-1",
        overhead={"cpu": "10m"},
        initContainers=[asking("proxy", "100m", restartPolicy="Always"), asking("migrate", "500m")],
        containers=[asking("cart", "200m")],
    )
    post(served, f"{SHOP}/pods", manifest)
    manifest["metadata"]["name"] = "cart-2"
    manifest["spec"]["containers"] = [asking("cart", "800m")]
    post(served, f"{SHOP}/pods", manifest)

    manifest["metadata"]["name"] = "cart-3"
    manifest["spec"]["resources"] = {"requests": {"cpu": "2"}}
    post(served, f"{SHOP}/pods", manifest)

    found = look(usage.usage, run_at(served, tmp_path, who="admin")).of("node-1")
    assert (found.pods, found.cpu) == (3, pytest.approx(0.61 + 0.91 + 2.01))


@pytest.mark.parametrize(
    ("used", "is_full"),
    [
        (Usage(pods=28, cpu=1.9, memory=2.0**31), False),
        (Usage(pods=29, cpu=0.1, memory=0.0), True),
        (Usage(pods=1, cpu=2.0, memory=0.0), True),
        (Usage(pods=1, cpu=0.1, memory=2.0**32), True),
    ],
    ids=["room", "pods", "cpu", "memory"],
)
def test_a_node_is_full_of_whatever_runs_out_first(used: Usage, is_full: bool) -> None:
    """Pods stay Pending for want of any one of them."""
    (one,) = room(used, node("node-1")).items
    assert one.is_full is is_full


def test_a_node_of_fargate_is_not_full() -> None:
    """EKS makes one for each pod: it is as full as it should be, and says nothing of the next pod."""
    full = Usage(pods=29, cpu=2.0, memory=2.0**32)
    seen = room(full, node("node-1"), node("fargate-1", FARGATE))
    assert ([one.node for one in seen.items], seen.is_fargate) == (["node-1"], False)
    assert room(full, node("fargate-1", FARGATE)).is_fargate


def test_a_pod_of_fargate_makes_no_room_for_others() -> None:
    """DNS may run on Fargate while all other nodes are cordoned: no application's pod has a place then."""
    cordoned = node("node-1").model_copy(update={"unschedulable": True})
    judge = function("tests_platform/test_nodes.py::test_nodes_have_room")
    idle = Usage(pods=1, cpu=0.1, memory=0.0)
    with pytest.raises(AssertionError, match="no node that takes pods"):
        judge(cluster_room=room(idle, cordoned, node("fargate-1", FARGATE)))
    judge(cluster_room=room(idle, node("fargate-1", FARGATE)))
