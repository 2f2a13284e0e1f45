"""The load balancers' health checks: real requests to the pods, if the security groups let them through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox import names
from sandbox.controllers import probing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import aiohttp

    from sandbox.controllers.alb_aws import Deployed
    from sandbox.controllers.alb_model import TargetGroup
    from sandbox.controllers.cloud import Cloud

Target = tuple[str, int]
AGENT: Final = {"User-Agent": "ELB-HealthChecker/2.0"}


@dataclass(frozen=True)
class Health:
    """A target's state as AWS describes it."""

    state: str
    reason: str | None = None
    description: str | None = None


HEALTHY: Final = Health("healthy")
FAILED: Final = Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMED_OUT: Final = Health("unhealthy", "Target.Timeout", "Request timed out")


def admitted(cloud: Cloud, deployed: Deployed, port: int) -> bool:
    """Whether the nodes' security group lets the load balancer in on a target port."""
    node = cloud.group_named(names.NODE_GROUP)
    sources = deployed.model.security_groups
    return node is not None and any(node.admits(source, port) for source in sources)


class TargetHealth:
    """Asks every registered target and tells AWS what it saw, when that has changed."""

    def __init__(self, session: aiohttp.ClientSession, locate: Callable[[str, int], Target | None]) -> None:
        self._session = session
        self._locate = locate
        self._seen: dict[str, dict[Target, Health]] = {}

    async def look(self, cloud: Cloud, balancers: Mapping[Any, Deployed]) -> dict[str, dict[Target, Health]]:
        """Ask all targets; gives their health by target group ARN, for the groups where it changed."""
        groups = [
            (deployed, deployed.groups[group.name], group)
            for deployed in balancers.values()
            for group in deployed.model.groups
        ]
        results = await asyncio.gather(
            *(self._group(cloud, deployed, group) for deployed, _, group in groups)
        )
        now = {arn: result for (_, arn, _), result in zip(groups, results, strict=True)}
        changed = {arn: result for arn, result in now.items() if self._seen.get(arn) != result}
        self._seen = now
        return changed

    @property
    def seen(self) -> dict[str, dict[Target, Health]]:
        """What the last look saw, by target group ARN."""
        return self._seen

    async def _group(self, cloud: Cloud, deployed: Deployed, group: TargetGroup) -> dict[Target, Health]:
        targets = sorted(group.targets)
        found = await asyncio.gather(*(self._target(cloud, deployed, group, target) for target in targets))
        return dict(zip(targets, found, strict=True))

    async def _target(self, cloud: Cloud, deployed: Deployed, group: TargetGroup, target: Target) -> Health:
        if not admitted(cloud, deployed, target[1]):
            return TIMED_OUT
        address = self._locate(*target)
        answer = await probing.ask(self._session, address, group.health_path, AGENT)
        if answer.status == 200:
            return HEALTHY
        if answer.status is not None:
            words = f"Health checks failed with these codes: [{answer.status}]"
            return Health("unhealthy", "Target.ResponseCodeMismatch", words)
        return TIMED_OUT if answer.trouble == "timeout" else FAILED
