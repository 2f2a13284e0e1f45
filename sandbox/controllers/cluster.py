"""The Kubernetes objects as a controller handles them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from sandbox.controllers.conditions import timestamp
from sandbox.kube_api.store import RESOURCES, ApiError, Resource, Store, resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

Manifest = dict[str, Any]

GROUPS: Final = {
    "applications": "argoproj.io",
    "deployments": "apps",
    "endpointslices": "discovery.k8s.io",
    "ingressclasses": "networking.k8s.io",
    "ingresses": "networking.k8s.io",
    "jobs": "batch",
    "replicasets": "apps",
}


def _resource_of_kind(kind: str) -> Resource:
    return next(resource for resource in RESOURCES if resource.kind == kind)


class Cluster:
    """A view on the store in whole objects. What it hands out is shared: never change it in place."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def version(self) -> int:
        """A number that grows with every real change of any object."""
        return self._store.version

    async def changed(self, since: int) -> int:
        """Wait until the version exceeds `since`, for a while; gives the version."""
        return await self._store.wait_change(since, 10.0)

    def all(self, plural: str, namespace: str | None = None) -> list[Manifest]:
        """List objects in order of namespace and name."""
        resource = resource_of(plural, GROUPS.get(plural, ""))
        head = {"apiVersion": resource.api_version(), "kind": resource.kind}
        return [{**head, **entry.obj} for entry in self._store.entries(resource, namespace)]

    def find(self, plural: str, namespace: str | None, name: str) -> Manifest | None:
        """Give one object, or None when there is none of that name."""
        resource = resource_of(plural, GROUPS.get(plural, ""))
        try:
            entry = self._store.entry(resource, namespace, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        return {"apiVersion": resource.api_version(), "kind": resource.kind, **entry.obj}

    def current(self, item: Manifest) -> Manifest | None:
        """Look an object up again: as it is now, or None when it (this very one) is gone."""
        resource = _resource_of_kind(item["kind"])
        metadata = item["metadata"]
        now = self.find(resource.plural, metadata.get("namespace"), metadata["name"])
        return now if now is not None and now["metadata"]["uid"] == metadata["uid"] else None

    def create(self, item: Manifest) -> Manifest:
        """Store a new object and give it back as stored."""
        with self._store.trusting():
            return self._store.create(
                _resource_of_kind(item["kind"]), item["metadata"].get("namespace"), dict(item)
            )

    def patch(self, item: Manifest, change: Mapping[str, Any]) -> Manifest:
        """Apply a JSON merge patch to everything but the status."""
        metadata = item["metadata"]
        resource = _resource_of_kind(item["kind"])
        with self._store.trusting():
            return self._store.patch(resource, metadata.get("namespace"), metadata["name"], dict(change))

    def set_status(self, item: Manifest, status: Manifest) -> Manifest:
        """Replace the status, whole. `item` is the object as it is now."""
        if item.get("status") == status:
            return item
        metadata = item["metadata"]
        resource = _resource_of_kind(item["kind"])
        fresh = {name: value for name, value in metadata.items() if name != "resourceVersion"}
        changed = {**item, "metadata": fresh, "status": status}
        with self._store.trusting():
            return self._store.replace_status(resource, metadata.get("namespace"), metadata["name"], changed)

    def put(self, item: Manifest) -> None:
        """Create the object, or give it all the content of `item`."""
        resource = _resource_of_kind(item["kind"])
        metadata = item["metadata"]
        held = self.find(resource.plural, metadata.get("namespace"), metadata["name"])
        if held is None:
            self.create(item)
        elif any(held.get(name) != value for name, value in item.items() if name != "metadata"):
            with self._store.trusting():
                self._store.replace(resource, metadata.get("namespace"), metadata["name"], dict(item))

    def delete(self, item: Manifest) -> None:
        """Remove the object and what it owns, if it is still there."""
        if self.current(item) is not None:
            metadata = item["metadata"]
            self._store.delete(_resource_of_kind(item["kind"]), metadata.get("namespace"), metadata["name"])

    def event(
        self,
        about: Manifest,
        reason: str,
        message: str,
        *,
        source: str,
        kind: Literal["Normal", "Warning"] = "Warning",
    ) -> None:
        """Record an event once; to tell the same thing again is no news and changes nothing."""
        metadata = about["metadata"]
        namespace = metadata.get("namespace", "default")
        for event in self.all("events", namespace):
            same = event["involvedObject"].get("uid") == metadata["uid"]
            if same and event["reason"] == reason and event["message"] == message:
                return
        now = timestamp()
        with self._store.trusting():
            self._store.create(
                resource_of("events"),
                namespace,
                {
                    "metadata": {"generateName": f"{metadata['name']}.", "namespace": namespace},
                    "involvedObject": {
                        "apiVersion": about["apiVersion"],
                        "kind": about["kind"],
                        "namespace": namespace,
                        "name": metadata["name"],
                        "uid": metadata["uid"],
                    },
                    "reason": reason,
                    "message": message,
                    "type": kind,
                    "count": 1,
                    "firstTimestamp": now,
                    "lastTimestamp": now,
                    "source": {"component": source},
                },
            )
