"""What a fault gets to break things with."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.aws.seed_platform import push_image
from sandbox.controllers.argocd import merge_patch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from sandbox.apps.surroundings import Behaviour
    from sandbox.aws.client import Aws
    from sandbox.aws.seeded import Seeded
    from sandbox.controllers.images import Images
    from sandbox.controllers.repository import Repository
    from sandbox.facts import Facts
    from sandbox.kube_api.server import KubeApi
    from sandbox.kube_client import Kubernetes, Manifest
    from sandbox.network.dns import DnsServer
    from sandbox.servers import Authorities, Stores
    from sandbox.surface import Surface


@dataclass(frozen=True)
class Site:
    """The running sandbox as a fault sees it. Faults run in a thread beside the sandbox's event loop."""

    loop: asyncio.AbstractEventLoop
    aws: Aws
    seeded: Seeded
    facts: Facts
    kube: Kubernetes
    kube_api: KubeApi
    repository: Repository
    sync: Callable[[], None]
    stores: Stores
    authorities: Authorities
    surface: Surface
    dns: DnsServer
    name_servers: DnsServer
    behaviours: dict[str, Behaviour]
    images: Images

    def wait_for(self, action: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the sandbox's event loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(action, self.loop).result()

    def commit(
        self, kind: str, namespace: str, name: str, edit: Callable[[Manifest], object]
    ) -> Callable[[], None]:
        """Change what Git declares, as a release would; Argo CD syncs it. Returns what takes it back."""
        key = (kind, namespace, name)
        before = self.repository.manifest(key)
        after = copy.deepcopy(before)
        edit(after)
        back = merge_patch(after, before)
        self._declare(after)
        return lambda: self._declare(merged(self.repository.manifest(key), back))

    def _declare(self, manifest: Manifest) -> None:
        self.repository.commit(manifest)
        self.wait_for(self._sync())

    async def _sync(self) -> None:
        self.sync()

    def push_image(self, repository: str, tag: str, content: str = "") -> str:
        """Push an image; gives its digest. `content` tells apart two images of one tag."""
        return push_image(self.aws.client("ecr"), repository, tag, content)

    def edit(
        self, kind: str, namespace: str, name: str, edit: Callable[[Manifest], object]
    ) -> Callable[[], None]:
        """Change a live object by hand, behind Git's back. Returns what takes it back."""
        before = self.kube.get(kind, namespace, name)
        after = copy.deepcopy(before)
        edit(after)
        self.kube.patch(kind, namespace, name, merge_patch(before, after))
        back = merge_patch(after, before)
        return lambda: self.kube.patch(kind, namespace, name, back)

    def set_secret(self, namespace: str, name: str, **values: str | None) -> Callable[[], None]:
        """Change keys of a Secret. Returns what takes it back."""
        held = self.kube.secret(namespace, name)
        before = {key: held.get(key) for key in values}
        self.kube.set_secret(namespace, name, **values)
        return lambda: self.kube.set_secret(namespace, name, **before)

    def replace_pods(self, namespace: str, *workloads: str) -> None:
        """Let pods start afresh, as after a node is replaced: only so do they read changed configuration."""
        for workload in workloads:
            for pod in self.kube.list("Pod", namespace, labels=f"app={workload}"):
                self.kube.delete("Pod", namespace, pod["metadata"]["name"])


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch and give the result."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def container(manifest: Mapping[str, Any]) -> Manifest:
    """Give the one container of a Deployment's template, to be changed in place."""
    found: Manifest = manifest["spec"]["template"]["spec"]["containers"][0]
    return found
