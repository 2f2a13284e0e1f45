"""The AWS Load Balancer Controller: an Ingress becomes a load balancer, if everything it needs is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sandbox import names
from sandbox.controllers import alb_aws, alb_model, irsa, pods
from sandbox.controllers.workqueue import Controller

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import ThreadPoolExecutor

    from sandbox.controllers.account import Account
    from sandbox.controllers.alb_aws import Deployed
    from sandbox.controllers.cloud import Cloud
    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.workqueue import WorkQueue

SOURCE: Final = "ingress"
CONTROLLER: Final = Controller(SOURCE, "FailedDeployModel")
ACTION: Final = "elasticloadbalancing:DescribeLoadBalancers"


class AlbController:
    """Keeps the load balancers; an Ingress whose preconditions break stands as if it were just created."""

    def __init__(self, cluster: Cluster, account: Account, pool: ThreadPoolExecutor) -> None:
        self._cluster = cluster
        self._account = account
        self._pool = pool
        self._deployed: dict[tuple[str, str], Deployed] = {}

    @property
    def deployed(self) -> Mapping[tuple[str, str], Deployed]:
        """The load balancers that exist, by the namespace and name of their Ingress."""
        return self._deployed

    async def reconcile(self, cloud: Cloud, queue: WorkQueue) -> None:
        """Build, change or remove load balancers, and publish their addresses."""
        ingresses = self._cluster.all("ingresses")
        due = queue.due(CONTROLLER, ingresses)
        await asyncio.gather(*(self._attempt(cloud, item, queue) for item in due))
        for key in self._deployed.keys() - {pods.key(item) for item in ingresses}:
            await self._remove(key)

    async def _attempt(self, cloud: Cloud, ingress: Manifest, queue: WorkQueue) -> None:
        with queue.attempt(CONTROLLER, ingress):
            await self._bring(cloud, pods.key(ingress), ingress)

    async def _bring(self, cloud: Cloud, key: tuple[str, str], ingress: Manifest) -> None:
        model = self._model(cloud, ingress)
        if model is None:
            await self._remove(key)
            self._publish(ingress, None)
            return
        before = self._deployed.get(key)
        missing = before is not None and before.arn not in {item.arn for item in cloud.balancers}
        # Somebody deleted it behind our back, unless it is newer than this look at AWS.
        gone = before is not None and missing and await self._is_gone(before)
        # A load balancer keeps its scheme for life.
        if before is not None and (gone or before.model.scheme != model.scheme):
            await self._remove(key)
            before = None
        if before is None or before.model != model:
            self._deployed[key] = await self._in_thread(model, cloud.cluster_vpc, before)
        self._publish(ingress, self._deployed[key].dns)

    def _model(self, cloud: Cloud, ingress: Manifest) -> alb_model.Model | None:
        cluster = self._cluster
        if irsa.ready_deployment(cluster, names.ALB_CONTROLLER) is None:
            return None
        if not alb_model.is_ours(cluster, ingress):
            return None
        refusal = irsa.refusal(cluster, cloud, names.ALB_CONTROLLER, names.ALB_CONTROLLER_POLICY, ACTION)
        if refusal is not None:
            cluster.event(
                ingress, "FailedDeployModel", f"Failed deploy model due to {refusal}", source=SOURCE
            )
            return None
        try:
            return alb_model.build(cluster, cloud, ingress)
        except alb_model.BuildError as error:
            cluster.event(ingress, "FailedBuildModel", f"Failed build model due to {error}", source=SOURCE)
            return None

    async def _in_thread(self, model: alb_model.Model, vpc: str, before: Deployed | None) -> Deployed:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, alb_aws.deploy, self._account, model, vpc, before)

    async def _is_gone(self, deployed: Deployed) -> bool:
        def look() -> bool:
            found = self._account.client("elbv2").describe_load_balancers()["LoadBalancers"]
            return deployed.arn not in {item["LoadBalancerArn"] for item in found}

        return await asyncio.get_running_loop().run_in_executor(self._pool, look)

    async def _remove(self, key: tuple[str, str]) -> None:
        deployed = self._deployed.pop(key, None)
        if deployed is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._pool, alb_aws.remove, self._account, deployed)

    def _publish(self, ingress: Manifest, dns: str | None) -> None:
        status: Manifest = {"loadBalancer": {"ingress": [{"hostname": dns}]} if dns else {}}
        held = ingress.get("status", {}).get("loadBalancer", {})
        if held == status["loadBalancer"]:
            return
        self._cluster.set_status(ingress, status)
        if dns:
            done = "Successfully reconciled"
            self._cluster.event(ingress, "SuccessfullyReconciled", done, source=SOURCE, kind="Normal")
