"""The container runtime of the nodes: each image is a real little server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.apps.container import Container
from sandbox.apps.containers import Containers, program_of
from sandbox.apps.surroundings import Behaviour
from sandbox.manifests.objects import ROLE_ANNOTATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from sandbox.aws.client import Aws
    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.runtime import Running


@dataclass(frozen=True)
class WorkloadRuntime:
    """Starts what an image's name says. `behaviours` tells how a workload was built, where unusual."""

    containers: Containers
    cluster: Cluster
    aws: Aws
    pool: ThreadPoolExecutor
    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    async def start(self, pod: Manifest, container: Manifest, environment: Mapping[str, str]) -> Container:
        """Start a container; returns when it serves, or has ended."""
        program = program_of(container["image"])
        identity = await self._identity(pod)
        read_only = bool(container.get("securityContext", {}).get("readOnlyRootFilesystem"))
        behaviour = self.behaviours.get(container["name"], Behaviour())
        started = await self.containers.start(
            program, {**environment, **identity}, read_only_root=read_only, behaviour=behaviour
        )
        await started.settled()
        return started

    async def execute(
        self,
        pod: Manifest,
        container: Running,
        environment: Mapping[str, str],
        command: Sequence[str],
        stdin: bytes,
    ) -> tuple[bytes, bytes, int]:
        """Run a command beside a container."""
        if not isinstance(container, Container):
            raise TypeError("this runtime started no such container")
        program = program_of(pod["spec"]["containers"][0]["image"])
        return await self.containers.execute(program, container, environment, command, stdin)

    async def _identity(self, pod: Manifest) -> dict[str, str]:
        """Give a pod with IRSA its role's credentials, as the EKS webhook lets it find them."""
        name, namespace = pod["spec"].get("serviceAccountName", "default"), pod["metadata"]["namespace"]
        account = self.cluster.find("serviceaccounts", namespace, name)
        role = (account or {"metadata": {}})["metadata"].get("annotations", {}).get(ROLE_ANNOTATION)
        if role is None or not namespace.startswith("saleor"):
            return {}
        return await asyncio.get_running_loop().run_in_executor(self.pool, self._assume, role, name)

    def _assume(self, role: str, name: str) -> dict[str, str]:
        client: Any = self.aws.client("sts")
        credentials = client.assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
        return {
            "AWS_ENDPOINT_URL": self.aws.endpoint_url,
            "AWS_DEFAULT_REGION": self.aws.region,
            "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
            "AWS_SESSION_TOKEN": credentials["SessionToken"],
        }
