"""What the data plane is told: the edge's routes and the DNS server's names, computed from what exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.controllers.target_health import HEALTHY, admitted
from sandbox.names import LOOPBACK
from sandbox.network.records import Names, names_from, zone_from_route53
from sandbox.network.routes import Distribution, LoadBalancer, Routes, Rule, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sandbox.controllers.alb_aws import Deployed
    from sandbox.controllers.cloud import Cloud
    from sandbox.controllers.target_health import Health

HTTPS: Final = 443
Observed = dict[tuple[str, int], "Health"]


def routes(
    cloud: Cloud,
    balancers: Iterable[Deployed],
    health: Mapping[str, Observed],
    locate: Callable[[str, int], tuple[str, int] | None],
) -> Routes:
    """Compute where the edge sends requests. An internal load balancer is not reached from outside."""
    public = [item for item in balancers if item.model.scheme == "internet-facing"]
    return Routes(
        tuple(_balancer(cloud, item, health, locate) for item in public),
        tuple(Distribution(item.aliases, item.origin) for item in cloud.distributions),
    )


def _balancer(
    cloud: Cloud,
    deployed: Deployed,
    health: Mapping[str, Observed],
    locate: Callable[[str, int], tuple[str, int] | None],
) -> LoadBalancer:
    groups = deployed.model.security_groups

    def targets(group: str) -> tuple[Target, ...]:
        seen = health.get(deployed.groups[group], {})
        return tuple(
            Target(locate(*target), state == HEALTHY, admitted(cloud, deployed, target[1]))
            for target, state in seen.items()
        )

    return LoadBalancer(
        deployed.model.name,
        tuple(Rule(rule.host, rule.path, targets(rule.group)) for rule in deployed.model.rules),
        admits_clients=cloud.clients_reach(groups, HTTPS),
        admits_cdn=cloud.cloudfront_reaches(groups, HTTPS),
    )


def dns_names(cloud: Cloud) -> Names:
    """Compute all names that resolve: Route 53's records, and AWS's own names of what exists."""
    own = [
        *(store.host for store in cloud.stores.values() if store.host),
        *(balancer.dns for balancer in cloud.balancers),
        *(distribution.domain for distribution in cloud.distributions),
    ]
    zones = [zone_from_route53(zone.name, zone.records) for zone in cloud.zones]
    return names_from(zones, dict.fromkeys(own, LOOPBACK))


def certificates(cloud: Cloud, balancers: Iterable[Deployed], distribution: str) -> dict[str, str]:
    """Give the certificate (its ARN) of every host; `distribution` is the one that CloudFront presents."""
    own = {rule.host: item.model.certificate for item in balancers for rule in item.model.rules}
    return own | {alias: distribution for item in cloud.distributions for alias in item.aliases}
