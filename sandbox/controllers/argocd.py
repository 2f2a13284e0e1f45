"""Argo CD: applies what Git declares anew, and says whether the cluster is still what Git declares.

It syncs automatically and does not heal by itself: what is changed by hand stays, and shows as OutOfSync.
An Application that says so is passed over, and keeps the status that it has.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sandbox.controllers.conditions import timestamp
from sandbox.controllers.workqueue import Controller, ReconcileError
from sandbox.manifests.objects import applied

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.repository import Key, Repository, Tree
    from sandbox.controllers.workqueue import WorkQueue

CONTROLLER: Final = Controller("argocd-application-controller", "ComparisonError")
REFRESH: Final = timedelta(minutes=3)  # the real one's too, between two comparisons with Git
SKIPPED: Final = "argocd.argoproj.io/skip-reconcile"
WORST_FIRST: Final = ("Missing", "Degraded", "Progressing", "Suspended", "Healthy")
PLURALS: Final = {
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Ingress": "ingresses",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}


def merge_patch(old: Any, new: Any) -> Any:
    """Give the JSON merge patch that turns `old` into `new`."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    changed = {key: merge_patch(old.get(key), value) for key, value in new.items() if old.get(key) != value}
    return {**changed, **dict.fromkeys(old.keys() - new.keys())}


def holds(live: Any, declared: Any) -> bool:
    """Whether everything declared is so in the live object; what a server adds does not count."""
    if isinstance(declared, dict):
        return isinstance(live, dict) and all(
            key in live and holds(live[key], value) for key, value in declared.items()
        )
    if isinstance(declared, list):
        return (
            isinstance(live, list)
            and len(live) == len(declared)
            and all(holds(mine, theirs) for mine, theirs in zip(live, declared, strict=True))
        )
    return bool(live == declared)


def health(live: Manifest) -> str:
    """Judge one live object as Argo CD does."""
    if live["kind"] == "Ingress":
        addresses = live.get("status", {}).get("loadBalancer", {}).get("ingress")
        return "Healthy" if addresses else "Progressing"
    if live["kind"] != "Deployment":
        return "Healthy"
    if live["spec"].get("paused"):
        return "Suspended"
    status = live.get("status", {})
    if any(item.get("reason") == "ProgressDeadlineExceeded" for item in status.get("conditions", ())):
        return "Degraded"
    wanted = live["spec"].get("replicas", 1)
    counts = [status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    current = status.get("observedGeneration") == live["metadata"].get("generation", 1)
    return "Healthy" if current and counts == [wanted] * 3 else "Progressing"


class ArgoCd:
    """Keeps the Applications' status, and syncs when their tree changes."""

    def __init__(self, cluster: Cluster, repository: Repository) -> None:
        self._cluster = cluster
        self._repository = repository
        self._synced: dict[str, Tree] = {}

    def sync(self, queue: WorkQueue) -> None:
        """Apply what was committed since the last sync."""
        for application in queue.due(CONTROLLER, self._followed()):
            with queue.attempt(CONTROLLER, application):
                self._sync(application["metadata"]["name"])

    def publish(self, queue: WorkQueue) -> None:
        """Bring every Application's status up to date."""
        for application in queue.due(CONTROLLER, self._followed()):
            with queue.attempt(CONTROLLER, application):
                self._publish(application)

    def _sync(self, name: str) -> None:
        tree = self._tree(name)
        before = self._synced.setdefault(name, tree)
        if before is not tree:
            for key, manifest in tree.manifests.items():
                self._apply(key, before.manifests.get(key), manifest)
            self._synced[name] = tree

    def _publish(self, application: Manifest) -> None:
        tree = self._tree(application["metadata"]["name"])
        held = application.get("status", {})
        resources = [self._resource(key, item) for key, item in tree.manifests.items()]
        status = _status(held, tree, resources)
        if status != held:
            self._cluster.put({**application, "status": status})

    def _tree(self, name: str) -> Tree:
        try:
            return self._repository.tree(name)
        except KeyError:
            raise ReconcileError(
                f'failed to generate manifests: the sandbox has no repository for the Application "{name}"'
            ) from None

    def _followed(self) -> list[Manifest]:
        every = self._cluster.all("applications")
        return [one for one in every if one["metadata"].get("annotations", {}).get(SKIPPED) != "true"]

    def _apply(self, key: Key, before: Manifest | None, manifest: Manifest) -> None:
        live = self._live(key)
        if live is None:
            self._cluster.create(applied(manifest))
        elif before is not None and before != manifest:
            self._cluster.patch(live, merge_patch(applied(before), applied(manifest)))

    def _live(self, key: Key) -> Manifest | None:
        kind, namespace, name = key
        return self._cluster.find(PLURALS[kind], namespace, name)

    def _resource(self, key: Key, declared: Manifest) -> Manifest:
        kind, namespace, name = key
        group, _, version = declared["apiVersion"].rpartition("/")
        live = self._live(key)
        same = live is not None and holds(live, declared)
        row = {
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "version": version,
            "status": "Synced" if same else "OutOfSync",
            "health": {"status": "Missing" if live is None else health(live)},
        }
        return {"group": group, **row} if group else row


def _status(held: Manifest, tree: Tree, resources: list[Manifest]) -> Manifest:
    states = {item["health"]["status"] for item in resources}
    worst = next(state for state in WORST_FIRST if state in states)
    synced = all(item["status"] == "Synced" for item in resources)
    operation = held.get("operationState", {})
    if operation.get("syncResult", {}).get("revision") != tree.revision:
        now = timestamp()
        operation = {
            "operation": {"sync": {"revision": tree.revision}},
            "phase": "Succeeded",
            "message": "successfully synced (all tasks run)",
            "startedAt": now,
            "finishedAt": now,
            "syncResult": {"revision": tree.revision},
        }
    return {
        "sync": {"status": "Synced" if synced else "OutOfSync", "revision": tree.revision},
        "health": {"status": worst},
        "operationState": operation,
        "resources": resources,
        "reconciledAt": compared_at(held, tree),
    }


def compared_at(held: Manifest, tree: Tree) -> str:
    """Give when the tree was last compared with the cluster: a change in the cluster alone does not count."""
    before: str | None = held.get("reconciledAt")
    if before is None or held.get("sync", {}).get("revision") != tree.revision:
        return timestamp()
    return timestamp() if datetime.now(UTC) - datetime.fromisoformat(before) >= REFRESH else before
