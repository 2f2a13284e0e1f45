"""Jobs: one pod each, unless the Job has already come to its end."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from sandbox.controllers.deployments import ALPHABET, owned_pods, owner_reference
from sandbox.controllers.pods import is_terminating
from sandbox.controllers.workqueue import Controller

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.workqueue import WorkQueue

CONTROLLER: Final = Controller("job-controller", "FailedCreate")


def reconcile(cluster: Cluster, queue: WorkQueue) -> None:
    """Make the pod of every unfinished Job, and count it."""
    for job in queue.due(CONTROLLER, cluster.all("jobs")):
        with queue.attempt(CONTROLLER, job):
            _reconcile(cluster, job)


def _reconcile(cluster: Cluster, job: Manifest) -> None:
    conditions = job.get("status", {}).get("conditions", ())
    if any(item["type"] in {"Complete", "Failed"} and item["status"] == "True" for item in conditions):
        return
    if is_terminating(job) or job["spec"].get("suspend"):
        return
    if not owned_pods(cluster, job):
        cluster.create(_pod(job))
    cluster.set_status(job, {**job.get("status", {}), "active": 1})


def _pod(job: Manifest) -> Manifest:
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    suffix = "".join(secrets.choice(ALPHABET) for _ in range(5))
    metadata = {
        "name": f"{name}-{suffix}",
        "namespace": namespace,
        "labels": {"job-name": name, "batch.kubernetes.io/job-name": name},
        "ownerReferences": [owner_reference(job)],
    }
    spec = dict(job["spec"]["template"]["spec"])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
