"""What the checks see of worker nodes, and of the room that is left on them."""

from __future__ import annotations

from postflight.environment import Environment, Service
from postflight.evidence import Evidence, Unverified
from postflight.probes.kubernetes import nodes, usage
from postflight.probes.kubernetes.nodes import Node, Nodes
from postflight.subjects.registry import Ask, about

# Of a node's CPU or memory; what is left beyond this is room for no pod.
_FULL = 0.99


@about()
def worker_nodes(ask: Ask, _: Environment) -> Nodes:
    """List the worker nodes."""
    return ask(nodes.nodes)


class NodeRoom(Evidence):
    """How full one node is."""

    node: str
    pods: int
    pods_allowed: int
    cpu_share: float
    memory_share: float
    cpu_free: float
    memory_free: float

    @property
    def is_full(self) -> bool:
        """Whether it takes no further pod that asks for anything."""
        return self.pods >= self.pods_allowed or max(self.cpu_share, self.memory_share) >= _FULL

    @property
    def words(self) -> str:
        """`node ip-10-0-10-10: 29 of 29 pods, CPU requested 40%, memory 99%`."""
        pods = f"{self.pods} of {self.pods_allowed} pods"
        return f"node {self.node}: {pods}, CPU requested {self.cpu_share:.0%}, memory {self.memory_share:.0%}"

    @property
    def free(self) -> str:
        """`ip-10-0-10-10 has cpu 830m, memory 1200Mi and room for 9 pods free`."""
        cpu, memory = int(self.cpu_free * 1000), int(self.memory_free / 2**20)
        room = self.pods_allowed - self.pods
        return (
            f"{self.node.partition('.')[0]} has cpu {cpu}m, memory {memory}Mi and room for {room} pods free"
        )


class ClusterRoom(Evidence):
    """How full each node is that takes pods.

    `is_fargate`: EKS makes a node for each pod, and there are no others.
    """

    items: tuple[NodeRoom, ...]
    is_fargate: bool = False


@about()
def cluster_room(ask: Ask, _: Environment) -> ClusterRoom:
    """Compare what all pods ask for with what each ready node has to give."""
    used = ask(usage.usage)
    if not used.nodes:
        raise Unverified("The cluster lists no pod on any node, so how full its nodes are is not known.")
    shared = [node for node in ask(nodes.nodes).items if not node.is_fargate]
    takers = (node for node in shared if node.is_ready and not node.unschedulable)
    return ClusterRoom(items=tuple(_room(node, used.of(node.name)) for node in takers), is_fargate=not shared)


def _room(node: Node, used: usage.Usage) -> NodeRoom:
    cpu, memory, pods_allowed = (
        usage.quantity(node.allocatable.get(kind, "0")) for kind in ("cpu", "memory", "pods")
    )
    return NodeRoom(
        node=node.name,
        pods=used.pods,
        pods_allowed=int(pods_allowed),
        cpu_share=used.cpu / (cpu or 1.0),
        memory_share=used.memory / (memory or 1.0),
        cpu_free=cpu - used.cpu,
        memory_free=memory - used.memory,
    )


@about("service")
def cluster_labels(ask: Ask, _: Environment, __: Service) -> Nodes:
    """List the worker nodes, for the labels that they carry."""
    return ask(nodes.nodes)
