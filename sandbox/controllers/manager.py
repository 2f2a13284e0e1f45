"""Runs the controllers: whenever something changes, and until nothing does when asked to settle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from sandbox.controllers import (
    account,
    alb,
    argocd,
    dataplane,
    deployments,
    endpoints,
    external_dns,
    jobs,
    scheduler,
)
from sandbox.controllers.workqueue import Controller

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import ThreadPoolExecutor

    from sandbox.aws.client import Aws
    from sandbox.controllers.alb import AlbController
    from sandbox.controllers.argocd import ArgoCd
    from sandbox.controllers.cloud import Cloud
    from sandbox.controllers.cluster import Cluster
    from sandbox.controllers.external_dns import ExternalDns
    from sandbox.controllers.kubelet import Kubelet
    from sandbox.controllers.target_health import TargetHealth
    from sandbox.controllers.workqueue import Failure, WorkQueue
    from sandbox.network.records import Names
    from sandbox.network.routes import Routes

TURN: Final = 6.0  # seconds between two looks at targets when nothing else happens
BREATH: Final = 0.05
CALM: Final = 0.25  # seconds after which news of the first round must have arrived
MANAGER: Final = Controller("manager")
CLOUD: Final = Controller("cloud")
DATA_PLANE: Final = Controller("data-plane")
TARGETS: Final = Controller("target-health")
WATCHED: Final = ("pods", "deployments", "endpoints", "ingresses", "applications", "jobs")


@dataclass(frozen=True)
class Parts:
    """The controllers, and how they tell the data plane what they decided."""

    cluster: Cluster
    queue: WorkQueue
    aws: Aws
    pool: ThreadPoolExecutor
    argocd: ArgoCd
    kubelet: Kubelet
    balancers: AlbController
    health: TargetHealth
    dns: ExternalDns
    route: Callable[[Routes], None]
    name: Callable[[Names], None]
    apply: Callable[[Cloud], Awaitable[None]]


class Manager:
    """One loop for all controllers, so that none of them ever sees half of another's change."""

    def __init__(self, parts: Parts) -> None:
        self.cloud: Cloud | None = None
        self._parts = parts
        self._seen = -1
        self._turn = asyncio.Lock()
        self._dirty = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._settling = False

    def start(self) -> None:
        """Begin to follow what happens."""
        for follow in (self._run(), self._follow_cluster(), self._follow_aws()):
            self._tasks.append(asyncio.create_task(follow))

    async def stop(self) -> None:
        """Stop following; pods keep running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def failures(self) -> list[Failure]:
        """What the controllers fail on at present."""
        return self._parts.queue.failures

    async def settle(self, patience: float = 120.0) -> None:
        """Return when full passes over everything change nothing any more, or TimeoutError."""
        self._settling = True
        try:
            await self._settle(patience)
        finally:
            self._settling = False

    async def outlive(self, longest: float = 10.0) -> None:
        """Return when what crashed runs for longer than it did: until then it may crash again."""
        await asyncio.sleep(min(self._parts.kubelet.owes_s(), longest))

    async def _settle(self, patience: float) -> None:
        self._parts.queue.retry_now()
        async with asyncio.timeout(patience):
            # First the world around the pods (security groups, names), and then their next try in it.
            await self._pass()
            await self._round(everything=True)
            # What was cut or removed shows a moment later in those that depend on it.
            while True:
                before = self._shape()
                await asyncio.sleep(CALM)
                await self._round(everything=False)
                if self._shape() == before:
                    return

    async def _round(self, *, everything: bool) -> None:
        self._parts.kubelet.look_again(everything=everything)
        while True:
            before = self._shape()
            pods_settled = self._parts.kubelet.settled()
            await self._pass()
            unchanged = pods_settled and self._shape() == before and await self._aws_is_known()
            # Judged last: a pass may have started or stopped pods.
            if unchanged and self._parts.kubelet.settled():
                return
            await asyncio.sleep(BREATH)

    def _shape(self) -> str:
        """Describe everything that counts as a change; restarts of what keeps failing do not."""
        objects = [
            [item["kind"], item["metadata"]["namespace"], item["metadata"]["name"], _essence(item)]
            for plural in WATCHED
            for item in self._parts.cluster.all(plural)
        ]
        health = {
            arn: [[*target, str(state)] for target, state in sorted(seen.items())]
            for arn, seen in self._parts.health.seen.items()
        }
        return json.dumps([objects, health, self._seen], sort_keys=True)

    async def _aws_is_known(self) -> bool:
        return bool(await self._in_thread(self._parts.aws.version) == self._seen)

    async def _pass(self) -> None:
        async with self._turn:
            parts, queue = self._parts, self._parts.queue
            cloud = await self._observe()
            with queue.attempt(DATA_PLANE):
                await parts.apply(cloud)
            with queue.attempt(argocd.CONTROLLER):
                parts.argocd.sync(queue)
            jobs.reconcile(parts.cluster, queue)
            deployments.reconcile(parts.cluster, queue)
            scheduler.reconcile(parts.cluster, queue)
            parts.kubelet.reconcile()
            endpoints.reconcile(parts.cluster, queue)
            with queue.attempt(alb.CONTROLLER):
                await parts.balancers.reconcile(cloud, queue)
            with queue.attempt(TARGETS):
                await self._look_at_targets(cloud)
            with queue.attempt(external_dns.CONTROLLER):
                await parts.dns.reconcile(cloud, queue)
            cloud = await self._observe()
            with queue.attempt(DATA_PLANE):
                deployed = tuple(parts.balancers.deployed.values())
                parts.route(dataplane.routes(cloud, deployed, parts.health.seen, parts.kubelet.locate))
                await parts.apply(cloud)
            with queue.attempt(argocd.CONTROLLER):
                parts.argocd.publish(queue)

    async def _look_at_targets(self, cloud: Cloud) -> None:
        parts = self._parts
        changed = await parts.health.look(cloud, parts.balancers.deployed)
        states = [
            (
                "target-health",
                arn,
                {
                    "targets": {
                        f"{address}:{port}": {
                            "state": health.state,
                            "reason": health.reason,
                            "description": health.description,
                        }
                        for (address, port), health in seen.items()
                    }
                },
            )
            for arn, seen in changed.items()
        ]
        if states:
            await self._in_thread(parts.aws.set_many, states)

    async def _observe(self) -> Cloud:
        with self._parts.queue.attempt(CLOUD):
            version = await self._in_thread(self._parts.aws.version)
            if self.cloud is None or version != self._seen:
                cloud: Cloud = await self._in_thread(account.observe, self._parts.aws, self._parts.pool)
                self.cloud, self._seen = cloud, version
                self._parts.name(dataplane.dns_names(cloud))
        if self.cloud is None:
            raise RuntimeError("the AWS account could not be read")
        return self.cloud

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        # Not the shared pool: `observe` waits for tasks that it hands to that one.
        return await asyncio.to_thread(function, *arguments)

    async def _run(self) -> None:
        while True:
            # Who waits for us to settle makes the passes meanwhile.
            if not self._settling:
                with self._parts.queue.attempt(MANAGER):
                    await self._pass()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._dirty.wait(), TURN)
                self._dirty.clear()
            await asyncio.sleep(BREATH)

    async def _follow_cluster(self) -> None:
        version = self._parts.cluster.version
        while True:
            version = await self._parts.cluster.changed(version)
            self._dirty.set()

    async def _follow_aws(self) -> None:
        version = 0
        while True:
            try:
                version = await self._in_thread(self._parts.aws.version, version, 10.0)
            except (OSError, ClientError) as error:
                # The passes go on meanwhile, every TURN seconds.
                sys.stderr.write(f"cannot follow the AWS account: {error}\n")
                await asyncio.sleep(TURN)
            if version != self._seen:
                self._dirty.set()


def _essence(item: dict[str, Any]) -> Any:
    if item["kind"] == "Pod":
        conditions = item.get("status", {}).get("conditions", ())
        return {entry.get("type", ""): entry.get("status") for entry in conditions}
    if item["kind"] == "Endpoints":
        return item.get("subsets")
    return item.get("status")
