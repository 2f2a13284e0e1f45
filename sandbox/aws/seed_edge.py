"""Makes what the world outside sees: certificates, hosted zones, the distribution and its alias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from sandbox.aws.client import Aws
    from sandbox.aws.seeded import Pem

CLOUDFRONT_REGION = "us-east-1"
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"


def seed_certificate(aws: Aws, pem: Pem, region: str) -> str:
    """Import a certificate and let it look like one that ACM itself issued; give its ARN."""
    acm = aws.client("acm", region)
    arn = acm.import_certificate(Certificate=pem.certificate, PrivateKey=pem.key, CertificateChain=pem.chain)[
        "CertificateArn"
    ]
    aws.set("certificate", arn, type="AMAZON_ISSUED", status="ISSUED")
    return str(arn)


def seed_zones(aws: Aws, pool: Executor) -> dict[str, str]:
    """Make the public hosted zones; give their ids (without the /hostedzone/ prefix) by name."""
    route53 = aws.client("route53")

    def make(name: str) -> tuple[str, str]:
        answer = route53.create_hosted_zone(Name=name, CallerReference=name)
        return name, answer["HostedZone"]["Id"].removeprefix("/hostedzone/")

    return dict(pool.map(make, names.HOSTED_ZONES))


def seed_validation_records(aws: Aws, arns: Mapping[str, str], zones: Mapping[str, str]) -> None:
    """Leave in the zones the CNAMEs by which ACM validated each certificate (ARN to region)."""
    changes: dict[str, dict[str, dict[str, Any]]] = {}
    for arn, region in arns.items():
        certificate = aws.client("acm", region).describe_certificate(CertificateArn=arn)["Certificate"]
        for option in certificate["DomainValidationOptions"]:
            zone = zone_of(option["DomainName"], zones)
            record = option["ResourceRecord"]
            changes.setdefault(zone, {})[record["Name"]] = {
                "Name": record["Name"],
                "Type": "CNAME",
                "TTL": 300,
                "ResourceRecords": [{"Value": record["Value"]}],
            }
    for zone, records in changes.items():
        upsert(aws, zone, *records.values())


def seed_distribution(aws: Aws, certificate: str, zones: Mapping[str, str]) -> tuple[str, str]:
    """Make the distribution in front of the storefront, and its alias; give its id and domain name."""
    answer = aws.client("cloudfront").create_distribution(DistributionConfig=_distribution(certificate))
    made = answer["Distribution"]
    aws.set("distribution", made["Id"], status="Deployed")
    alias = {
        "HostedZoneId": CLOUDFRONT_ZONE,
        "DNSName": made["DomainName"],
        "EvaluateTargetHealth": False,
    }
    upsert(aws, zones[names.STORE_HOST], {"Name": names.STORE_HOST, "Type": "A", "AliasTarget": alias})
    return made["Id"], made["DomainName"]


def zone_of(host: str, zones: Mapping[str, str]) -> str:
    """Give the id of the most specific zone that holds a host name. None is a LookupError."""
    holders = [zone for zone in zones if host == zone or host.endswith(f".{zone}")]
    if not holders:
        raise LookupError(f"no hosted zone holds {host}")
    return zones[max(holders, key=len)]


def upsert(aws: Aws, zone: str, *records: Mapping[str, Any]) -> None:
    """Write record sets into a zone."""
    changes = [{"Action": "UPSERT", "ResourceRecordSet": dict(record)} for record in records]
    aws.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def _distribution(certificate: str) -> dict[str, Any]:
    origin = {
        "Id": "alb",
        "DomainName": names.ORIGIN_HOST,
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
            "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
        },
    }
    methods = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    return {
        "CallerReference": names.PREFIX,
        "Comment": f"{names.PREFIX} storefront",
        "Enabled": True,
        "Aliases": {"Quantity": 1, "Items": [names.STORE_HOST]},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "alb",
            "ViewerProtocolPolicy": "redirect-to-https",
            "AllowedMethods": {
                "Quantity": len(methods),
                "Items": methods,
                "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]},
            },
            "ForwardedValues": {"QueryString": True, "Cookies": {"Forward": "all"}},
            "MinTTL": 0,
        },
        "ViewerCertificate": {
            "CloudFrontDefaultCertificate": False,
            "ACMCertificateArn": certificate,
            "SSLSupportMethod": "sni-only",
            "MinimumProtocolVersion": "TLSv1.2_2021",
        },
    }
