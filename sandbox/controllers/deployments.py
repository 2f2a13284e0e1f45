"""Deployments and ReplicaSets: pods of the wanted template, rolled out as the strategy allows."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox.controllers import pods as pod_state
from sandbox.controllers.conditions import condition, merged_conditions
from sandbox.controllers.workqueue import Controller

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.workqueue import WorkQueue

# Kubernetes' own alphabet for generated names: nothing in it can spell a word.
ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
HASH_LABEL: Final = "pod-template-hash"
CONTROLLER: Final = Controller("deployment-controller", "FailedCreate")


def template_hash(template: Manifest) -> str:
    """Give the suffix of the ReplicaSet that a pod template belongs to."""
    digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:10])


def reconcile(cluster: Cluster, queue: WorkQueue) -> None:
    """Bring every Deployment's ReplicaSets, pods and status up to date."""
    for deployment in queue.due(CONTROLLER, cluster.all("deployments")):
        with queue.attempt(CONTROLLER, deployment):
            if not pod_state.is_terminating(deployment):
                _Rollout(cluster, deployment).run()


def owned_pods(cluster: Cluster, owner: Manifest) -> list[Manifest]:
    """List the pods whose controller is `owner`, without those that are being deleted."""
    uid = owner["metadata"]["uid"]
    return [
        pod
        for pod in cluster.all("pods", owner["metadata"]["namespace"])
        if _is_owned(pod, uid) and not pod_state.is_terminating(pod)
    ]


def _is_owned(item: Manifest, uid: str) -> bool:
    return any(reference["uid"] == uid for reference in item["metadata"].get("ownerReferences", ()))


def owner_reference(owner: Manifest) -> Manifest:
    """Make the reference by which an object names its controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


@dataclass(frozen=True)
class Room:
    """How far a rollout may leave the wanted number of pods, up and down."""

    surge: int
    unavailable: int


def room(deployment: Manifest) -> Room:
    """Read the strategy: percentages round up for surge and down for unavailability."""
    replicas = int(deployment["spec"].get("replicas", 1))
    strategy = deployment["spec"].get("strategy", {})
    if strategy.get("type") == "Recreate":
        return Room(0, replicas)
    limits = strategy.get("rollingUpdate", {})
    surge = math.ceil(_share(limits.get("maxSurge", "25%"), replicas))
    unavailable = math.floor(_share(limits.get("maxUnavailable", "25%"), replicas))
    return Room(surge, unavailable) if surge or unavailable else Room(0, 1)


def _share(value: Any, replicas: int) -> float:
    if isinstance(value, str) and value.endswith("%"):
        return replicas * int(value[:-1]) / 100
    return float(value)


def _revision(replica_set: Manifest) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", 0))


class _Rollout:
    """One look at one Deployment."""

    def __init__(self, cluster: Cluster, deployment: Manifest) -> None:
        self.cluster = cluster
        self.deployment = deployment
        self.replicas = int(deployment["spec"].get("replicas", 1))
        self.is_paused = bool(deployment["spec"].get("paused"))
        self.current = self._current_set()
        self.new = owned_pods(cluster, self.current)
        self.others = [item for item in self._sets() if item != self.current]
        self.old = [pod for item in self.others for pod in owned_pods(cluster, item)]

    def run(self) -> None:
        # While it is paused, what is lost is replaced and nothing is rolled out.
        if not (self.is_paused and self.old):
            self._scale_new()
            self._scale_old()
        for replica_set in (self.current, *self.others):
            self._publish_set(replica_set)
        self._publish()

    def _sets(self) -> list[Manifest]:
        uid = self.deployment["metadata"]["uid"]
        every = self.cluster.all("replicasets", self.deployment["metadata"]["namespace"])
        return [item for item in every if _is_owned(item, uid) and not pod_state.is_terminating(item)]

    def _current_set(self) -> Manifest:
        template = self.deployment["spec"]["template"]
        suffix = template_hash(template)
        name = f"{self.deployment['metadata']['name']}-{suffix}"
        existing = self._sets()
        for item in existing:
            if item["metadata"]["name"] == name:
                return item
        if self.is_paused and existing:
            return max(existing, key=_revision)
        labels = {**template["metadata"].get("labels", {}), HASH_LABEL: suffix}
        selector = self.deployment["spec"]["selector"]
        selector = {**selector, "matchLabels": {**selector.get("matchLabels", {}), HASH_LABEL: suffix}}
        metadata = {
            "name": name,
            "namespace": self.deployment["metadata"]["namespace"],
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(len(existing) + 1)},
            "ownerReferences": [owner_reference(self.deployment)],
        }
        content = {
            "replicas": self.replicas,
            "selector": selector,
            "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
        }
        return self.cluster.create(
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": content}
        )

    def _scale_new(self) -> None:
        allowed = self.replicas + room(self.deployment).surge - len(self.old)
        wanted = max(min(self.replicas, allowed), min(len(self.new), self.replicas))
        for _ in range(wanted - len(self.new)):
            self.new.append(self.cluster.create(self._pod()))
        for pod in sorted(self.new, key=pod_state.is_ready)[: len(self.new) - wanted]:
            self.cluster.delete(pod)
            self.new.remove(pod)

    def _scale_old(self) -> None:
        needed = self.replicas - room(self.deployment).unavailable
        spare = sum(map(pod_state.is_ready, [*self.new, *self.old])) - needed
        for pod in sorted(self.old, key=pod_state.is_ready):
            if pod_state.is_ready(pod):
                if spare <= 0:
                    continue
                spare -= 1
            self.cluster.delete(pod)
            self.old.remove(pod)

    def _pod(self) -> Manifest:
        template = self.current["spec"]["template"]
        suffix = "".join(secrets.choice(ALPHABET) for _ in range(5))
        metadata = {
            **template["metadata"],
            "name": f"{self.current['metadata']['name']}-{suffix}",
            "namespace": self.current["metadata"]["namespace"],
            "ownerReferences": [owner_reference(self.current)],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": dict(template["spec"])}

    def _publish_set(self, replica_set: Manifest) -> None:
        pods = [pod for pod in (*self.new, *self.old) if _is_owned(pod, replica_set["metadata"]["uid"])]
        ready = sum(map(pod_state.is_ready, pods))
        if replica_set["spec"].get("replicas") != len(pods):
            self.cluster.patch(replica_set, {"spec": {"replicas": len(pods)}})
        counts = {"readyReplicas": ready, "availableReplicas": ready} if ready else {}
        status = {"replicas": len(pods), "fullyLabeledReplicas": len(pods), **counts}
        self.cluster.set_status(replica_set, status)

    def _publish(self) -> None:
        pods = [*self.new, *self.old]
        ready = sum(map(pod_state.is_ready, pods))
        counts = {
            "replicas": len(pods),
            "updatedReplicas": len(self.new) if self._is_of_the_template() else 0,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "unavailableReplicas": max(self.replicas - ready, 0),
        }
        status: dict[str, Any] = {name: count for name, count in counts.items() if count}
        status["observedGeneration"] = self.deployment["metadata"].get("generation", 1)
        wanted = [self._available(ready), self._progressing()]
        held = self.deployment.get("status", {}).get("conditions", [])
        status["conditions"] = merged_conditions(held, wanted)
        self.cluster.set_status(self.deployment, status)

    def _is_of_the_template(self) -> bool:
        return bool(
            self.current["metadata"].get("labels", {}).get(HASH_LABEL)
            == template_hash(self.deployment["spec"]["template"])
        )

    def _available(self, ready: int) -> Manifest:
        if ready >= self.replicas - room(self.deployment).unavailable:
            message = "Deployment has minimum availability."
            return condition("Available", "True", "MinimumReplicasAvailable", message)
        message = "Deployment does not have minimum availability."
        return condition("Available", "False", "MinimumReplicasUnavailable", message)

    def _progressing(self) -> Manifest:
        if self.is_paused:
            return condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        name = self.current["metadata"]["name"]
        finished = f'ReplicaSet "{name}" has successfully progressed.'
        held = self.deployment.get("status", {}).get("conditions", [])
        if any(item.get("message") == finished and item.get("status") == "True" for item in held):
            return condition("Progressing", "True", "NewReplicaSetAvailable", finished)
        ready = sum(map(pod_state.is_ready, self.new))
        if ready == len(self.new) == self.replicas and not self.old:
            return condition("Progressing", "True", "NewReplicaSetAvailable", finished)
        if any(map(pod_state.trouble, self.new)):
            # The sandbox's clock runs fast: a pod that cannot start has missed its deadline at once.
            late = f'ReplicaSet "{name}" has timed out progressing.'
            return condition("Progressing", "False", "ProgressDeadlineExceeded", late)
        return condition("Progressing", "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
