"""The scheduler: puts a pod on a node that it fits, or says in the real one's words why there is none."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sandbox.controllers import pods as pod_state
from sandbox.controllers.conditions import condition, merged_conditions
from sandbox.controllers.workqueue import Controller
from sandbox.kube_api.quantities import quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.workqueue import WorkQueue

NAME: Final = "default-scheduler"
CONTROLLER: Final = Controller(NAME, "FailedScheduling")
SELECTOR_REASON: Final = "node(s) didn't match Pod's node affinity/selector"


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


def reconcile(cluster: Cluster, queue: WorkQueue) -> None:
    """Bind every pod that has no node yet, or publish why it cannot be bound."""
    nodes = cluster.all("nodes")
    pods = cluster.all("pods")
    used = _used(pods)
    for pod in queue.due(CONTROLLER, filter(_is_waiting, pods)):
        with queue.attempt(CONTROLLER, pod):
            _schedule(cluster, pod, nodes, used)


def _is_waiting(pod: Manifest) -> bool:
    spec = pod["spec"]
    # Another scheduler's pods are left to it, whether or not there is such a scheduler.
    ours = spec.get("schedulerName", NAME) == NAME
    return ours and not (spec.get("nodeName") or pod_state.is_finished(pod) or pod_state.is_terminating(pod))


def _schedule(cluster: Cluster, pod: Manifest, nodes: list[Manifest], used: dict[str, Demand]) -> None:
    refusals = {node["metadata"]["name"]: refusal(pod, node, used) for node in nodes}
    fitting = [name for name, reasons in refusals.items() if not reasons]
    if not fitting:
        _refuse(cluster, pod, refusals.values())
        return
    chosen = min(fitting, key=lambda name: (used[name].pods, name))
    used[chosen] += demand(pod)
    _bind(cluster, pod, chosen)


def _used(pods: Iterable[Manifest]) -> dict[str, Demand]:
    """Sum up, by the name of each node, what its pods ask for."""
    total: defaultdict[str, Demand] = defaultdict(Demand)
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node and not pod_state.is_finished(pod):
            total[node] += demand(pod)
    return total


def refusal(pod: Manifest, node: Manifest, used: dict[str, Demand]) -> list[str]:
    """List the scheduler's reasons for which `pod` does not fit `node`; empty when it does."""
    if not _selects(pod, node["metadata"].get("labels", {})):
        return [SELECTOR_REASON]
    # A node that has not reported yet has no room.
    free = node.get("status", {}).get("allocatable", {})
    cpu, memory, pods = (quantity(free.get(name, "0")) for name in ("cpu", "memory", "pods"))
    asked = demand(pod)
    total = used[node["metadata"]["name"]] + asked
    limits = (
        (total.pods > pods, "Too many pods"),
        (total.cpu > cpu and asked.cpu > 0, "Insufficient cpu"),
        (total.memory > memory and asked.memory > 0, "Insufficient memory"),
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
    operator, values = expression["operator"], expression.get("values", ())
    if operator == "In":
        return bool(value in values)
    if operator == "NotIn":
        return bool(value not in values)
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
