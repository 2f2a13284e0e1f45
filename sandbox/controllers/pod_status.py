"""A pod's status, as the kubelet publishes it, from what the kubelet knows of its one container."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.controllers.conditions import condition, merged_conditions

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Manifest


@dataclass(frozen=True)
class ContainerState:
    """Everything about a container that its pod's status tells."""

    state: Manifest = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Manifest = field(default_factory=dict)
    ready: bool = False
    restarts: int = 0
    image_id: str = ""
    container_id: str = ""


def waiting(reason: str, message: str = "") -> Manifest:
    """Make the state of a container that does not run."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def pod_status(pod: Manifest, container: ContainerState, address: str, host: str) -> Manifest:
    """Give the whole status of a pod that has been put on a node."""
    held = pod.get("status", {})
    spec = pod["spec"]["containers"][0]
    unready = f"containers with unready status: [{spec['name']}]"
    words = ("", "") if container.ready else ("ContainersNotReady", unready)
    truth = "True" if container.ready else "False"
    started = container.restarts > 0 or "waiting" not in container.state
    status: Manifest = {
        "phase": "Running" if started else "Pending",
        "hostIP": host,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "qosClass": "Burstable",
        "conditions": merged_conditions(
            held.get("conditions", ()),
            [
                condition("Initialized", "True"),
                condition("Ready", truth, *words),
                condition("ContainersReady", truth, *words),
                condition("PodScheduled", "True"),
            ],
        ),
        "containerStatuses": [_container_status(spec, container)],
    }
    status["startTime"] = held.get("startTime") or pod["metadata"]["creationTimestamp"]
    return status


def _container_status(spec: Manifest, container: ContainerState) -> dict[str, Any]:
    return {
        "name": spec["name"],
        "image": _image(spec["image"], container),
        "imageID": container.image_id,
        "containerID": container.container_id,
        "ready": container.ready,
        "started": "running" in container.state,
        "restartCount": container.restarts,
        "state": container.state,
        "lastState": container.last,
    }


def _image(asked: str, container: ContainerState) -> str:
    """Give the name that containerd tells: of an image without a tag only the ID of its configuration."""
    if "@" not in asked or not container.image_id:
        return asked
    return f"sha256:{hashlib.sha256(container.image_id.encode()).hexdigest()}"
