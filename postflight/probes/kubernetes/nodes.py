"""The cluster's worker nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Any

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.deployments import Condition, NodeLabel, condition
from postflight.probes.kubernetes.reading import entries, mapping, text
from postflight.probes.reads import reads


class Node(Evidence):
    """A worker node. `allocatable` holds quantities as Kubernetes writes them (`1930m`, `3388360Ki`)."""

    name: str
    provider_id: str
    unschedulable: bool
    labels: dict[str, str]
    allocatable: dict[str, str]
    conditions: tuple[Condition, ...]

    @property
    def is_ready(self) -> bool:
        """Whether its kubelet reports it ready."""
        return any(item.type == "Ready" and item.status == "True" for item in self.conditions)

    @property
    def is_fargate(self) -> bool:
        """Whether it was made by EKS for a single pod."""
        return self.labels.get("eks.amazonaws.com/compute-type") == "fargate"

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

    def values(self, label: str) -> tuple[str, ...]:
        """Return the values that the nodes have for a label."""
        return tuple(sorted({node.labels[label] for node in self.items if label in node.labels}))

    def have(self, labels: Iterable[NodeLabel]) -> bool:
        """Whether there is a node that has all of these labels."""
        wanted = tuple(labels)
        return any(all(label.is_among(node.labels) for label in wanted) for node in self.items)

    def nearest(self, label: str) -> str:
        """Return the label of the nodes whose name is most like this one."""
        known = {key for node in self.items for key in node.labels}
        wanted = _plain(label)
        return max(
            sorted(known), key=lambda key: SequenceMatcher(None, wanted, _plain(key)).ratio(), default="none"
        )


@reads("list nodes")
def nodes(connections: Connections) -> Nodes:
    """List the cluster's nodes."""
    return Nodes(items=tuple(_node(item) for item in connections.kubernetes.list(Resource("nodes"), None)))


def _plain(label: str) -> str:
    """Return the name of a label without its domain, case and hyphens."""
    return label.rpartition("/")[2].replace("-", "").lower()


def _node(item: Mapping[str, Any]) -> Node:
    allocatable = mapping(item, "status", "allocatable")
    return Node(
        name=text(item, "metadata", "name"),
        provider_id=text(item, "spec", "providerID"),
        unschedulable=bool(mapping(item, "spec").get("unschedulable")),
        labels={str(key): str(value) for key, value in mapping(item, "metadata", "labels").items()},
        allocatable={str(key): str(value) for key, value in allocatable.items()},
        conditions=tuple(condition(each) for each in entries(item, "status", "conditions")),
    )
