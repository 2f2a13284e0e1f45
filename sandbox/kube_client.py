"""A small synchronous Kubernetes client: what seeding and the faults need, and no more."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import requests

from sandbox.kube_api.resources import RESOURCES, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Manifest = dict[str, Any]
TIMEOUT: Final = 30
KINDS: Final = {resource.kind: resource for resource in RESOURCES}


class Kubernetes:
    """Speaks to one API server with one token; safe to use from several threads at a time."""

    def __init__(self, url: str, token: str, authority: Path) -> None:
        self._url = url
        self._session = requests.Session()
        # Nothing of the user's shell (proxies, another bundle of authorities) concerns the sandbox.
        self._session.trust_env = False
        self._session.verify = str(authority)
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, kind: str, namespace: str | None, name: str) -> Manifest:
        """Read one object."""
        return self._call("GET", self._path(KINDS[kind], namespace, name))

    def list(self, kind: str, namespace: str | None, labels: str = "") -> list[Manifest]:
        """Read all objects of a kind in a namespace."""
        query = f"?labelSelector={labels}" if labels else ""
        found = self._call("GET", self._path(KINDS[kind], namespace) + query)
        items: list[Manifest] = found["items"]
        return items

    def create(self, manifest: Manifest, status: Manifest | None = None) -> None:
        """Make an object, and give it a status if one is given."""
        resource = KINDS[manifest["kind"]]
        metadata = manifest["metadata"]
        namespace = metadata.get("namespace")
        self._call("POST", self._path(resource, namespace), manifest)
        if status is not None:
            self.patch_status(manifest["kind"], namespace, metadata["name"], status)

    def ensure(self, manifest: Manifest) -> None:
        """Make an object unless it is there, or give it this content."""
        metadata = manifest["metadata"]
        path = self._path(KINDS[manifest["kind"]], metadata.get("namespace"), metadata["name"])
        answer = self._session.get(self._url + path, timeout=TIMEOUT)
        if answer.status_code == 404:
            self.create(manifest)
        else:
            self.patch(manifest["kind"], metadata.get("namespace"), metadata["name"], manifest)

    def create_all(self, manifests: Iterable[Manifest]) -> None:
        """Make many objects that do not need each other, several at a time."""
        with ThreadPoolExecutor(4, "kube-seed") as pool:
            list(pool.map(self.create, manifests))

    def patch(self, kind: str, namespace: str | None, name: str, change: Mapping[str, Any]) -> None:
        """Apply a JSON merge patch."""
        path = self._path(KINDS[kind], namespace, name)
        self._call("PATCH", path, dict(change), "application/merge-patch+json")

    def patch_status(self, kind: str, namespace: str | None, name: str, status: Mapping[str, Any]) -> None:
        """Apply a JSON merge patch to the status."""
        path = f"{self._path(KINDS[kind], namespace, name)}/status"
        self._call("PATCH", path, {"status": dict(status)}, "application/merge-patch+json")

    def delete(self, kind: str, namespace: str | None, name: str) -> None:
        """Remove an object."""
        self._call("DELETE", self._path(KINDS[kind], namespace, name))

    def secret(self, namespace: str, name: str) -> dict[str, str]:
        """Read a Secret's values."""
        data = self.get("Secret", namespace, name).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def set_secret(self, namespace: str, name: str, **values: str | None) -> None:
        """Change keys of a Secret; None removes a key."""
        encoded = {
            key: None if value is None else base64.b64encode(value.encode()).decode()
            for key, value in values.items()
        }
        self.patch("Secret", namespace, name, {"data": encoded})

    def _path(self, resource: Resource, namespace: str | None, name: str = "") -> str:
        root = "/api" if not resource.group else "/apis"
        place = f"/namespaces/{namespace}" if namespace else ""
        path = f"{root}/{resource.api_version()}{place}/{resource.plural}"
        return f"{path}/{name}" if name else path

    def _call(
        self, method: str, path: str, body: Manifest | None = None, content: str = "application/json"
    ) -> Manifest:
        answer = self._session.request(
            method, self._url + path, json=body, headers={"Content-Type": content}, timeout=TIMEOUT
        )
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.json().get('message')}")
        result: Manifest = answer.json()
        return result
