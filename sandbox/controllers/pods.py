"""Questions about a Pod object, asked by several controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Manifest

TROUBLE: Final = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def _has_condition(pod: Manifest, kind: str, status: str) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(item.get("type") == kind and item.get("status") == status for item in conditions)


def is_ready(pod: Manifest) -> bool:
    """Whether the pod takes traffic."""
    return _has_condition(pod, "Ready", "True")


def is_finished(pod: Manifest) -> bool:
    """Whether the pod has ended for good and holds no resources any more."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_terminating(item: Manifest) -> bool:
    """Whether the object is only kept by its finalizers."""
    return "deletionTimestamp" in item["metadata"]


def trouble(pod: Manifest) -> str | None:
    """Name what keeps the pod from starting, if something does."""
    if _has_condition(pod, "PodScheduled", "False"):
        return "Unschedulable"
    for status in pod.get("status", {}).get("containerStatuses", ()):
        reason: str | None = status.get("state", {}).get("waiting", {}).get("reason")
        if reason in TROUBLE:
            return reason
    return None


def key(item: Manifest) -> tuple[str, str]:
    """Give the namespace and name of a namespaced object."""
    return item["metadata"]["namespace"], item["metadata"]["name"]
