"""Faults of names, certificates, CORS and the CDN."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.faults import fault

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site

KYEOL = names.KYEOL_NAMESPACE


def _zone_of(site: Site, host: str) -> str:
    zones = site.seeded.zones
    holding = [zone for zone in zones if host == zone or host.endswith(f".{zone}")]
    if not holding:
        raise LookupError(f"no hosted zone holds {host}")
    return zones[max(holding, key=len)]


def _record(site: Site, host: str) -> dict[str, Any]:
    found = site.aws.client("route53").list_resource_record_sets(HostedZoneId=_zone_of(site, host))
    for item in found["ResourceRecordSets"]:
        if item["Name"].rstrip(".") == host and item["Type"] == "A":
            record: dict[str, Any] = item
            return record
    raise LookupError(f"{host} has no A record")


def _change(site: Site, action: str, host: str, record: dict[str, Any]) -> None:
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    site.aws.client("route53").change_resource_record_sets(
        HostedZoneId=_zone_of(site, host), ChangeBatch=batch
    )


@fault("dns-record-missing")
def dns_record_missing(site: Site, host: str = names.ORIGIN_HOST) -> Generator[None]:
    """The host's record is gone from Route 53."""
    record = _record(site, host)
    _change(site, "DELETE", host, record)
    yield
    _change(site, "UPSERT", host, record)


@fault("dns-record-stale")
def dns_record_stale(site: Site, host: str = names.ORIGIN_HOST) -> Generator[None]:
    """The host's record points at a load balancer that is no more."""
    record = _record(site, host)
    gone = f"k8s-saleor-saleor-0ldba1ance-1.{names.REGION}.elb.amazonaws.com."
    _change(site, "UPSERT", host, {**record, "AliasTarget": {**record["AliasTarget"], "DNSName": gone}})
    yield
    _change(site, "UPSERT", host, record)


@fault("acm-pending")
def acm_pending(site: Site) -> Generator[None]:
    """KYEOL's certificate waits for its validation."""
    site.aws.set("certificate", site.facts.kyeol_certificate, status="PENDING_VALIDATION")
    yield
    site.aws.set("certificate", site.facts.kyeol_certificate, status="ISSUED")


@fault("acm-arn-wrong")
def acm_arn_wrong(site: Site) -> Generator[None]:
    """The Ingress names a certificate that does not cover its hosts."""
    annotation = "alb.ingress.kubernetes.io/certificate-arn"
    other = site.facts.doa_certificate
    undo = site.commit(
        "Ingress", KYEOL, "saleor", lambda item: item["metadata"]["annotations"].update({annotation: other})
    )
    yield
    undo()


@fault("tls-expiring")
def tls_expiring(site: Site, days: str = "5") -> Generator[None]:
    """The certificate that DOA Market serves ends in a few days."""
    arn = site.facts.doa_certificate
    before = site.surface.certificates[arn]
    soon = site.authorities.public.issue(names.DOA_HOST, days=float(days))
    acm: Any = site.aws.client("acm")
    for certificate in (soon, before):
        acm.import_certificate(
            CertificateArn=arn,
            Certificate=certificate.cert_pem,
            PrivateKey=certificate.key_pem,
            CertificateChain=certificate.chain_pem,
        )
        site.aws.set("certificate", arn, type="AMAZON_ISSUED", status="ISSUED")
        site.surface.certificates[arn] = certificate
        if certificate is soon:
            yield


def _allow(site: Site, origins: str) -> Generator[None]:
    undo = site.commit(
        "ConfigMap",
        KYEOL,
        "saleor-api-config",
        lambda item: item["data"].update(ALLOWED_CLIENT_HOSTS=origins),
    )
    site.replace_pods(KYEOL, "saleor-api")
    yield
    undo()
    site.replace_pods(KYEOL, "saleor-api")


@fault("cors-origin-missing")
def cors_origin_missing(site: Site) -> Generator[None]:
    """ALLOWED_CLIENT_HOSTS lacks the dashboard."""
    yield from _allow(site, f"https://{names.STORE_HOST}")


@fault("cors-wide-open")
def cors_wide_open(site: Site) -> Generator[None]:
    """Any origin is let in, with credentials."""
    yield from _allow(site, "*")


@fault("cdn-origin-wrong")
def cdn_origin_wrong(site: Site, origin: str = "origin-dev-kyeol.click") -> Generator[None]:
    """The distribution fetches from another environment's host."""
    cloudfront: Any = site.aws.client("cloudfront")
    identifier = site.seeded.distribution_id

    def point_at(host: str) -> str:
        found = cloudfront.get_distribution_config(Id=identifier)
        configuration = found["DistributionConfig"]
        before: str = configuration["Origins"]["Items"][0]["DomainName"]
        configuration["Origins"]["Items"][0]["DomainName"] = host
        cloudfront.update_distribution(Id=identifier, IfMatch=found["ETag"], DistributionConfig=configuration)
        return before

    before = point_at(origin)
    site.aws.set("distribution", identifier, status="Deployed")
    yield
    point_at(before)
    site.aws.set("distribution", identifier, status="Deployed")


@fault("cdn-blocked-by-sg")
def cdn_blocked_by_sg(site: Site) -> Generator[None]:
    """The load balancers' security group lacks CloudFront's origin-facing prefix list."""
    ec2: Any = site.aws.client("ec2")
    group = site.seeded.network.security_groups[names.ALB_GROUP]
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "PrefixListIds": [{"PrefixListId": site.seeded.network.prefix_list}],
    }
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    yield
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


@fault("zone-unserved")
def zone_unserved(site: Site, zone: str = "doa-market.click") -> Generator[None]:
    """A zone is delegated to name servers that do not serve it: those of a hosted zone deleted since."""
    if zone not in names.HOSTED_ZONES:
        raise LookupError(f"{zone} is no hosted zone; there are {', '.join(names.HOSTED_ZONES)}")
    site.surface.unserved.add(zone)
    yield
    site.surface.unserved.discard(zone)
