"""The cluster's worker nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.deployments import Condition, condition
from postflight.probes.kubernetes.reading import entries, mapping, text
from postflight.probes.reads import reads


class Node(Evidence):
    """A worker node. `allocatable` holds quantities as Kubernetes writes them (`1930m`, `3388360Ki`)."""

    name: str
    provider_id: str
    unschedulable: bool
    capacity_type: str
    allocatable: dict[str, str]
    conditions: tuple[Condition, ...]

    @property
    def is_ready(self) -> bool:
        """Whether its kubelet reports it ready."""
        return any(item.type == "Ready" and item.status == "True" for item in self.conditions)

    @property
    def trouble(self) -> str:
        """Why it is not ready, or what it is short of, in its own words."""
        ready = next((item for item in self.conditions if item.type == "Ready"), None)
        if ready is None:
            return "it reports no Ready condition"
        return f"{ready.reason}: {ready.message}"

    @property
    def shortages(self) -> tuple[str, ...]:
        """Conditions such as MemoryPressure and DiskPressure that hold."""
        return tuple(item.type for item in self.conditions if item.type != "Ready" and item.status == "True")


class Nodes(Evidence):
    """All nodes of the cluster."""

    items: tuple[Node, ...]


@reads("list nodes")
def nodes(connections: Connections) -> Nodes:
    """List the cluster's nodes."""
    return Nodes(items=tuple(_node(item) for item in connections.kubernetes.list(Resource("nodes"), None)))


def _node(item: Mapping[str, Any]) -> Node:
    allocatable = mapping(item, "status", "allocatable")
    return Node(
        name=text(item, "metadata", "name"),
        provider_id=text(item, "spec", "providerID"),
        unschedulable=bool(mapping(item, "spec").get("unschedulable")),
        capacity_type=text(item, "metadata", "labels", "eks.amazonaws.com/capacityType"),
        allocatable={str(key): str(value) for key, value in allocatable.items()},
        conditions=tuple(condition(each) for each in entries(item, "status", "conditions")),
    )
