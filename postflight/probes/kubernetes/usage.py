"""What the pods of the whole cluster have asked of each node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.reading import entries, text
from postflight.probes.reads import reads

_UNITS: Final = {
    "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip


class Usage(Evidence):
    """What runs on one node: pods, and the CPU (cores) and memory (bytes) that they have asked for."""

    pods: int
    cpu: float
    memory: float


class ClusterUsage(Evidence):
    """Usage by node; pods that have ended hold nothing."""

    nodes: dict[str, Usage]

    def of(self, node: str) -> Usage:
        """Return what runs on a node."""
        return self.nodes.get(node, Usage(pods=0, cpu=0.0, memory=0.0))


@reads("list pods")
def usage(connections: Connections) -> ClusterUsage:
    """Add up the requests of all pods of the cluster, without keeping the pods."""
    pods: Counter[str] = Counter()
    cpu: dict[str, float] = {}
    memory: dict[str, float] = {}
    for item in connections.kubernetes.list(Resource("pods"), None):
        node = text(item, "spec", "nodeName")
        if not node or text(item, "status", "phase") in {"Succeeded", "Failed"}:
            continue
        pods[node] += 1
        cpu[node] = cpu.get(node, 0.0) + _asked(item, "cpu")
        memory[node] = memory.get(node, 0.0) + _asked(item, "memory")
    found = {node: Usage(pods=pods[node], cpu=round(cpu[node], 3), memory=memory[node]) for node in pods}
    return ClusterUsage(nodes=found)


def quantity(written: str) -> float:
    """Return a Kubernetes quantity (`1930m`, `3388360Ki`, `2`) as a number; 0 for what is none."""
    number = written.rstrip("mkKMGTi")
    unit = written[len(number) :]
    try:
        return float(number) * _UNITS.get(unit, 1.0)
    except ValueError:
        return 0.0


def _asked(pod: Mapping[str, Any], kind: str) -> float:
    """Add up as the scheduler does: what runs side by side, or more where an init container needs it before.

    What is asked for the pod as a whole goes before both.
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
    """
    beside = most = 0.0
    for each in entries(pod, "spec", "initContainers"):
        wanted = _request(each, kind)
        if text(each, "restartPolicy") == "Always":
            beside += wanted
            wanted = 0.0
        most = max(most, beside + wanted)
    beside += sum(_request(each, kind) for each in entries(pod, "spec", "containers"))
    as_a_whole = text(pod, "spec", "resources", "requests", kind)
    wanted = quantity(as_a_whole) if as_a_whole else max(most, beside)
    return wanted + quantity(text(pod, "spec", "overhead", kind))


def _request(container: Mapping[str, Any], kind: str) -> float:
    return quantity(text(container, "resources", "requests", kind))
