"""DNS, records, certificates, TLS, load balancers, CDN, CORS, GraphQL."""

import ssl
import time
from datetime import UTC, datetime
from typing import Any

import dns.message
import dns.query
import dns.resolver
import pytest
import requests
from cryptography import x509

from bench.plain.expected import (
    BACKENDS,
    CERTIFICATES,
    CLUSTER,
    DISTRIBUTION,
    HTTPS_PORT,
    INGRESS_OF,
    LOAD_BALANCER_GROUP,
    ORIGIN,
    ORIGINS,
    RESOLVER,
    RESOLVER_PORT,
    STACKS,
    STORE,
    ZONE_OF,
)  # fmt: skip
from bench.plain.reach import Reach
from bench.plain.test_network import group_of

API = f"https://{ORIGIN}:{HTTPS_PORT}/graphql/"
hosts_of_origins = pytest.mark.parametrize("origin", ORIGINS)
zones = pytest.mark.parametrize("zone", sorted(set(ZONE_OF.values())))
backends = pytest.mark.parametrize("backend", BACKENDS)
certificates = pytest.mark.parametrize("name", CERTIFICATES)


def authoritative(server: str, name: str, kind: str) -> dns.message.Message:
    # The sandbox serves all of its zones on one port; elsewhere this asks the name server's own address.
    assert server
    query = dns.message.make_query(name, kind)
    return dns.query.udp(query, RESOLVER, port=int(RESOLVER_PORT), timeout=5)


@zones
def test_name_servers_answer(resolver: dns.resolver.Resolver, zone: str) -> None:
    for server in resolver.resolve(zone, "NS"):
        assert authoritative(str(server), zone, "SOA").answer


def test_host_resolves_at_its_name_servers(resolver: dns.resolver.Resolver, host: str) -> None:
    server = resolver.resolve(ZONE_OF[host], "NS")[0]
    assert authoritative(str(server), host, "A").answer


def test_host_resolves(resolver: dns.resolver.Resolver, host: str) -> None:
    assert resolver.resolve(host, "A")


def zone_id(route53: Any, zone: str) -> str:
    found = route53.list_hosted_zones_by_name(DNSName=zone, MaxItems="1")["HostedZones"]
    assert found, f"no hosted zone {zone}"
    assert found[0]["Name"] == f"{zone}."
    return str(found[0]["Id"])


@zones
def test_hosted_zone_exists(aws: Any, zone: str) -> None:
    assert zone_id(aws("route53"), zone)


def record_of(route53: Any, host: str) -> Any:
    zone = zone_id(route53, ZONE_OF[host])
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return next(one for one in records if one["Name"] == f"{host}." and one["Type"] in ("A", "CNAME"))


def test_record_exists(aws: Any, host: str) -> None:
    assert record_of(aws("route53"), host)


def balancer_of(elbv2: Any, stack: str) -> Any:
    balancers = elbv2.describe_load_balancers()["LoadBalancers"]
    tags = elbv2.describe_tags(ResourceArns=[one["LoadBalancerArn"] for one in balancers])["TagDescriptions"]
    wanted = {("ingress.k8s.aws/stack", stack), ("elbv2.k8s.aws/cluster", CLUSTER)}
    arns = [
        one["ResourceArn"] for one in tags if wanted <= {(tag["Key"], tag["Value"]) for tag in one["Tags"]}
    ]
    return next(one for one in balancers if one["LoadBalancerArn"] in arns)


def test_record_points_at_its_target(aws: Any, host: str) -> None:
    if host == STORE:
        target = aws("cloudfront").get_distribution(Id=DISTRIBUTION)["Distribution"]["DomainName"]
    else:
        target = balancer_of(aws("elbv2"), INGRESS_OF[host])["DNSName"]
    alias = record_of(aws("route53"), host)["AliasTarget"]["DNSName"]
    assert alias.rstrip(".").removeprefix("dualstack.") == target


@certificates
def test_certificate_is_issued(aws: Any, name: str) -> None:
    found = aws("acm").describe_certificate(CertificateArn=CERTIFICATES[name][0])["Certificate"]
    assert found["Status"] == "ISSUED"


@certificates
def test_certificate_covers_its_hosts(aws: Any, name: str) -> None:
    arn, hosts = CERTIFICATES[name]
    found = aws("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    assert set(hosts) <= {found["DomainName"], *found["SubjectAlternativeNames"]}


@certificates
def test_listener_uses_its_certificate(aws: Any, name: str) -> None:
    elbv2 = aws("elbv2")
    arn = balancer_of(elbv2, STACKS[name])["LoadBalancerArn"]
    listeners = elbv2.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert CERTIFICATES[name][0] in {one["CertificateArn"] for it in listeners for one in it["Certificates"]}


def test_load_balancer_exists(aws: Any, ingress_name: str) -> None:
    assert balancer_of(aws("elbv2"), STACKS[ingress_name])


def test_load_balancer_is_active(aws: Any, ingress_name: str) -> None:
    found = balancer_of(aws("elbv2"), STACKS[ingress_name])
    assert found["State"]["Code"] == "active"


def test_load_balancer_has_its_security_group(aws: Any) -> None:
    found = balancer_of(aws("elbv2"), STACKS["saleor"])["SecurityGroups"]
    assert group_of(aws("ec2"), LOAD_BALANCER_GROUP)["GroupId"] in found


def targets_of(elbv2: Any, backend: str) -> list[Any]:
    groups = elbv2.describe_target_groups()["TargetGroups"]
    tags = elbv2.describe_tags(ResourceArns=[one["TargetGroupArn"] for one in groups])["TagDescriptions"]
    wanted = ("ingress.k8s.aws/resource", BACKENDS[backend])
    arns = [one["ResourceArn"] for one in tags if wanted in {(it["Key"], it["Value"]) for it in one["Tags"]}]
    found = (elbv2.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"] for arn in arns)
    return [target for targets in found for target in targets]


@backends
def test_target_group_has_targets(aws: Any, backend: str) -> None:
    assert targets_of(aws("elbv2"), backend)


@backends
def test_targets_are_healthy(aws: Any, backend: str) -> None:
    targets = targets_of(aws("elbv2"), backend)
    assert all(one["TargetHealth"]["State"] in ("healthy", "draining") for one in targets)


def distribution_of(aws: Any) -> Any:
    return aws("cloudfront").get_distribution(Id=DISTRIBUTION)["Distribution"]


def test_distribution_exists(aws: Any) -> None:
    assert distribution_of(aws)


def test_distribution_is_deployed(aws: Any) -> None:
    found = distribution_of(aws)
    assert (found["Status"], found["DistributionConfig"]["Enabled"]) == ("Deployed", True)


def test_distribution_fetches_from_its_origin(aws: Any) -> None:
    origins = distribution_of(aws)["DistributionConfig"]["Origins"]["Items"]
    assert ORIGIN in {origin["DomainName"] for origin in origins}


def test_distribution_serves_its_alias(aws: Any) -> None:
    assert STORE in distribution_of(aws)["DistributionConfig"]["Aliases"]["Items"]


def served(reach: Reach, host: str) -> x509.Certificate:
    with reach.tls(host) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")


def test_host_serves_tls(reach: Reach, host: str) -> None:
    with reach.tls(host) as connection:
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


def test_certificate_chain_is_trusted(reach: Reach, host: str) -> None:
    assert served(reach, host)


def test_certificate_names_the_host(reach: Reach, host: str) -> None:
    names = served(reach, host).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert host in names.get_values_for_type(x509.DNSName)


def test_certificate_lasts_long_enough(reach: Reach, host: str) -> None:
    assert (served(reach, host).not_valid_after_utc - datetime.now(UTC)).days >= 21


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(reach: Reach, host: str) -> None:
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(OSError, match=r"\w"):
            reach.tls(host, version)


def test_host_answers(web: requests.Session, host: str) -> None:
    assert web.get(f"https://{host}:{HTTPS_PORT}/", timeout=10, allow_redirects=False).status_code < 500


def preflight(web: requests.Session, origin: str) -> requests.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    return web.options(API, headers=asked, timeout=10)


@hosts_of_origins
def test_browser_may_call_the_api(web: requests.Session, origin: str) -> None:
    answer = preflight(web, origin)
    assert answer.ok
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]


@hosts_of_origins
def test_answers_carry_cors_headers(web: requests.Session, origin: str) -> None:
    answer = web.post(API, json={"query": "{ shop { name } }"}, headers={"Origin": origin}, timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == origin


@hosts_of_origins
def test_error_answers_carry_cors_headers(web: requests.Session, origin: str) -> None:
    answer = web.get(f"{API}no-such-path", headers={"Origin": origin}, timeout=10)
    assert answer.status_code >= 400
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_foreign_origin_is_refused(web: requests.Session) -> None:
    foreign = "https://postflight-foreign.example"
    assert preflight(web, foreign).headers.get("Access-Control-Allow-Origin") not in ("*", foreign)


def test_api_tells_the_shop_name(web: requests.Session) -> None:
    answer = web.post(API, json={"query": "{ shop { name } }"}, timeout=10).json()
    assert answer["data"]["shop"]["name"]


def test_products_answer_in_time(web: requests.Session) -> None:
    began = time.monotonic()
    query = "{ products(first: 20) { edges { node { id name } } } }"
    answer = web.post(API, json={"query": query}, timeout=10).json()
    assert answer["data"]["products"]["edges"] is not None
    assert time.monotonic() - began < 2
