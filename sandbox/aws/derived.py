"""What AWS derives from other things and moto does not: brought up to date before an answer shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws import records
from sandbox.names import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.aws.operations import Operation


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
        for route in list(table.routes.values()):
            records.observed_route(route)


def _cache_members() -> None:
    caches: Any = records.backend("elasticache")
    for cluster in list(caches.cache_clusters.values()):
        cluster.security_groups = [
            {"security_group_id": group, "status": "active"} for group in cluster.security_group_ids
        ]


_DERIVED: Mapping[str, Callable[[], None]] = {
    "acm:DescribeCertificate": _certificate_use,
    "acm:ListCertificates": _certificate_use,
    "ec2:DescribeRouteTables": _route_states,
    "elasticache:DescribeCacheClusters": _cache_members,
}
