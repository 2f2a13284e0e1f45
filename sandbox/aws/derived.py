"""What AWS derives from other things and moto does not: brought up to date before an answer shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws import records
from sandbox.names import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.aws.operations import Operation

_ALB_ZONE = "ZWKZPGTI48KDX"


def refresh(operation: Operation) -> None:
    """Bring up to date what `operation` is about to show."""
    derive = _DERIVED.get(operation.name)
    if derive is not None:
        derive()


def _certificate_use() -> None:
    users: dict[str, list[str]] = {}
    for balancer in list(records.backend("elbv2").load_balancers.values()):
        for listener in list(balancer.listeners.values()):
            for arn in listener.certificates:
                users.setdefault(arn, []).append(balancer.arn)
    for distribution in list(records.backend("cloudfront", "aws").distributions.values()):
        arn = distribution.distribution_config.ViewerCertificate.acm_certificate_arn
        if arn:
            users.setdefault(arn, []).append(distribution.arn)
    for region in (REGION, "us-east-1"):
        for certificate in list(records.backend("acm", region)._certificates.values()):  # noqa: SLF001
            certificate.in_use_by = sorted(set(users.get(certificate.arn, ())))


def _route_states() -> None:
    for table in list(records.ec2().route_tables.values()):
        for route in table.routes:
            records.observed_route(route)


def _cache_members() -> None:
    caches: Any = records.backend("elasticache")
    for cluster in list(caches.cache_clusters.values()):
        cluster.security_groups = [
            {"security_group_id": group, "status": "active"} for group in cluster.security_group_ids
        ]


def _balancer_zones() -> None:
    for balancer in list(records.backend("elbv2").load_balancers.values()):
        balancer.canonical_hosted_zone_id = _ALB_ZONE


def _cache_subnet_zones() -> None:
    caches: Any = records.backend("elasticache")
    for group in list(caches.cache_subnet_groups.values()):
        for subnet in group.subnets:
            zone = subnet["subnet_availability_zone"]
            if isinstance(zone, str):
                subnet["subnet_availability_zone"] = {"Name": zone}


def _zone_authorities() -> None:
    """Mend the SOA records: moto writes the SOA's value as a dictionary where its text belongs."""
    for zone in list(records.backend("route53", "aws").zones.values()):
        for record in zone.rrsets:
            if record.type == "SOA":
                record.records = [_plain_value(value) for value in record.records]


def _plain_value(value: Any) -> Any:
    return value["Value"] if isinstance(value, dict) else value


_DERIVED: Mapping[str, Callable[[], None]] = {
    "acm:DescribeCertificate": _certificate_use,
    "acm:ListCertificates": _certificate_use,
    "ec2:DescribeRouteTables": _route_states,
    "elasticache:DescribeCacheClusters": _cache_members,
    "elasticache:DescribeCacheSubnetGroups": _cache_subnet_zones,
    "elasticloadbalancing:DescribeLoadBalancers": _balancer_zones,
    "route53:ListResourceRecordSets": _zone_authorities,
}
