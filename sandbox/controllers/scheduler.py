"""The scheduler: puts a pod on a node that it fits, or says in the real one's words why there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sandbox.controllers import pods as pod_state
from sandbox.controllers.conditions import condition, merged_conditions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.controllers.cluster import Cluster, Manifest

UNITS: Final = {
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
}
NAME: Final = "default-scheduler"
SELECTOR_REASON: Final = "node(s) didn't match Pod's node affinity/selector"


def quantity(text: str) -> Decimal:
    """Read a Kubernetes quantity ("500m", "256Mi", "2") as a number of cores or bytes."""
    for unit in sorted(UNITS, key=len, reverse=True):
        if text.endswith(unit):
            return Decimal(text[: -len(unit)]) * UNITS[unit]
    return Decimal(text)


@dataclass(frozen=True)
class Demand:
    """What a pod, or all pods of a node, ask for."""

    cpu: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)
    pods: int = 0

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)


def demand(pod: Manifest) -> Demand:
    """Sum up the requests of a pod's containers."""
    requests = [item.get("resources", {}).get("requests", {}) for item in pod["spec"]["containers"]]
    cpu = sum((quantity(item.get("cpu", "0")) for item in requests), Decimal(0))
    memory = sum((quantity(item.get("memory", "0")) for item in requests), Decimal(0))
    return Demand(cpu, memory, 1)


def reconcile(cluster: Cluster) -> None:
    """Bind every pod that has no node yet, or publish why it cannot be bound."""
    nodes = cluster.all("nodes")
    pods = cluster.all("pods")
    used = {node["metadata"]["name"]: _used(node, pods) for node in nodes}
    for pod in pods:
        if pod["spec"].get("nodeName") or pod_state.is_finished(pod):
            continue
        if pod["spec"].get("schedulerName", NAME) != NAME:
            continue  # somebody else's, whether or not there is such a scheduler
        refusals = {node["metadata"]["name"]: refusal(pod, node, used) for node in nodes}
        fitting = [name for name, reasons in refusals.items() if not reasons]
        if fitting:
            chosen = min(fitting, key=lambda name: (used[name].pods, name))
            used[chosen] += demand(pod)
            _bind(cluster, pod, chosen)
        else:
            _refuse(cluster, pod, refusals.values())


def _used(node: Manifest, pods: Iterable[Manifest]) -> Demand:
    name = node["metadata"]["name"]
    total = Demand()
    for pod in pods:
        if pod["spec"].get("nodeName") == name and not pod_state.is_finished(pod):
            total += demand(pod)
    return total


def refusal(pod: Manifest, node: Manifest, used: dict[str, Demand]) -> list[str]:
    """List the scheduler's reasons for which `pod` does not fit `node`; empty when it does."""
    if not _selects(pod, node["metadata"].get("labels", {})):
        return [SELECTOR_REASON]
    free = node["status"]["allocatable"]
    total = used[node["metadata"]["name"]] + demand(pod)
    limits = (
        (total.pods > int(free["pods"]), "Too many pods"),
        (total.cpu > quantity(free["cpu"]), "Insufficient cpu"),
        (total.memory > quantity(free["memory"]), "Insufficient memory"),
    )
    return [reason for exceeded, reason in limits if exceeded]


def _selects(pod: Manifest, labels: dict[str, str]) -> bool:
    spec = pod["spec"]
    if any(labels.get(name) != value for name, value in spec.get("nodeSelector", {}).items()):
        return False
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    terms = required.get("nodeSelectorTerms", [])
    return any(all(_matches(item, labels) for item in term.get("matchExpressions", ())) for term in terms)


def _matches(expression: Manifest, labels: dict[str, str]) -> bool:
    value = labels.get(expression["key"])
    operator = expression["operator"]
    if operator == "In":
        return bool(value in expression["values"])
    if operator == "NotIn":
        return bool(value not in expression["values"])
    return bool((value is not None) == (operator == "Exists"))


def _bind(cluster: Cluster, pod: Manifest, node: str) -> None:
    bound = cluster.patch(pod, {"spec": {"nodeName": node}})
    status = {**bound.get("status", {}), "phase": "Pending"}
    status["conditions"] = merged_conditions(
        status.get("conditions", ()), [condition("PodScheduled", "True")]
    )
    cluster.set_status(bound, status)
    namespace, name = pod_state.key(pod)
    message = f"Successfully assigned {namespace}/{name} to {node}"
    cluster.event(pod, "Scheduled", message, kind="Normal", source="default-scheduler")


def _refuse(cluster: Cluster, pod: Manifest, refusals: Iterable[list[str]]) -> None:
    every = list(refusals)
    counts = Counter(reason for reasons in every for reason in reasons)
    reasons = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    total = len(every)
    helpless = sum(SELECTOR_REASON in reasons for reasons in every)
    victims = [
        f"{total - helpless} No preemption victims found for incoming pod" if total > helpless else "",
        f"{helpless} Preemption is not helpful for scheduling" if helpless else "",
    ]
    preemption = ", ".join(text for text in victims if text)
    message = (
        f"0/{total} nodes are available: {reasons}. preemption: 0/{total} nodes are available: {preemption}."
    )
    held = pod.get("status", {}).get("conditions", ())
    wanted = merged_conditions(held, [condition("PodScheduled", "False", "Unschedulable", message)])
    cluster.set_status(pod, {**pod.get("status", {}), "phase": "Pending", "conditions": wanted})
    cluster.event(pod, "FailedScheduling", message, source="default-scheduler")
