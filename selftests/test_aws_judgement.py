"""What AWS evidence says of itself: policies, security groups, routes, records, certificates."""

from __future__ import annotations

from typing import Any

import pytest

from postflight.probes.aws import acm, cloudfront, ec2, elasticache, rds, route53, s3
from postflight.probes.aws.policies import statements
from postflight.probes.aws.proxies import proxies_for
from postflight.probes.aws.security_groups import Rule, SecurityGroup, Source, passage
from postflight.subjects.edge import HostRecords

ROLE = "arn:aws:iam::123456789012:role/api"
OTHER = "arn:aws:iam::123456789012:role/other"
OBJECTS = "arn:aws:s3:::media/*"


def policy(*found: dict[str, Any]) -> s3.BucketPolicy:
    """Return a bucket policy of these statements."""
    return s3.BucketPolicy(bucket="media", statements=statements({"Statement": list(found)}))


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """Return a statement about reading objects as ROLE, but for what is said otherwise."""
    plain: dict[str, Any] = {"Effect": effect, "Resource": OBJECTS}
    if "NotAction" not in more:
        plain["Action"] = "s3:GetObject"
    if "NotPrincipal" not in more:
        plain["Principal"] = {"AWS": ROLE}
    return plain | more


TLS_ONLY = statement("Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})


@pytest.mark.parametrize(
    ("found", "allowed"),
    [
        ((statement(),), True),
        ((statement(), TLS_ONLY), True),
        ((statement(Principal="*"),), True),
        ((statement(Principal={"AWS": "123456789012"}),), True),
        ((statement(Action="s3:*", Resource=["arn:aws:s3:::media", OBJECTS]),), True),
        ((statement(Condition={"StringEquals": {"aws:PrincipalArn": ROLE}}, Principal="*"),), True),
        ((), False),
        ((statement(Principal={"AWS": OTHER}),), False),
        ((statement(Action="s3:PutObject"),), False),
        ((statement(Resource="arn:aws:s3:::another/*"),), False),
        ((statement(), statement("Deny", Action="s3:*")), False),
        ((statement(), statement("Deny", NotPrincipal={"AWS": OTHER})), False),
        ((statement(), statement("Deny", NotAction="s3:PutObject")), False),
    ],
)
def test_bucket_policy_is_judged_as_s3_does(found: tuple[dict[str, Any], ...], *, allowed: bool) -> None:
    """A policy that looks right and lets nobody in is the usual one."""
    assert policy(*found).allows(ROLE, "s3:GetObject") is allowed


def group(*rules: Rule) -> SecurityGroup:
    """Return a database's security group with these rules."""
    return SecurityGroup(id="sg-db", name="db", vpc="vpc-1", rules=rules)


NODES = Source(id="sg-nodes", words="nodes (sg-nodes)")


@pytest.mark.parametrize(
    ("rule", "is_open"),
    [
        (Rule(protocol="tcp", first=5432, last=5432, groups=("sg-nodes",)), True),
        (Rule(protocol="-1", groups=("sg-nodes",)), True),
        (Rule(protocol="tcp", first=0, last=65535, networks=("10.0.0.0/8",)), True),
        (Rule(protocol="tcp", first=5432, last=5432, groups=("sg-other",)), False),
        (Rule(protocol="tcp", first=3306, last=3306, groups=("sg-nodes",)), False),
        (Rule(protocol="udp", first=5432, last=5432, groups=("sg-nodes",)), False),
        (Rule(protocol="tcp", first=5432, last=5432, networks=("10.0.10.0/24",)), False),
    ],
)
def test_passage_is_open_by_group_or_by_every_network(rule: Rule, *, is_open: bool) -> None:
    """A rule for one subnet's addresses does not let the pods of the other subnets in."""
    seen = passage((NODES,), (group(rule),), (5432,), ("10.0.10.0/24", "10.0.11.0/24"))
    assert seen.is_open is is_open


def test_rules_of_several_subnets_add_up() -> None:
    """One rule a subnet is how many teams write it, in one group or in two that are both attached."""
    first, second = (
        Rule(protocol="tcp", first=5432, last=5432, networks=("10.0.10.0/24",)),
        Rule(protocol="tcp", first=0, last=65535, networks=("10.0.11.0/24",)),
    )
    networks = ("10.0.10.0/24", "10.0.11.0/24")
    assert passage((NODES,), (group(first, second),), (5432,), networks).is_open
    assert passage((NODES,), (group(first), group(second)), (5432,), networks).is_open
    assert not passage((NODES,), (group(first, second),), (5432,), (*networks, "10.0.12.0/24")).is_open


def test_closed_passage_names_both_groups_and_the_port() -> None:
    """Whoever mends it has to know which group lets which one in, and where."""
    words = passage((NODES,), (group(),), (5432,)).words
    assert words == "db (sg-db) does not let nodes (sg-nodes) in on TCP port 5432"


def test_every_closed_port_is_opened_by_the_command() -> None:
    """A command for the first port of three leaves two services away."""
    open_one = group(Rule(protocol="tcp", first=80, last=80, groups=("sg-nodes",)))
    assert passage((NODES,), (open_one,), (80, 3000, 8000)).missing_ports == "3000 8000"


def test_passage_without_port_or_target_proves_nothing() -> None:
    """A server that is not there has no port that could be open."""
    assert not passage((NODES,), (), (5432,)).is_open
    assert not passage((NODES,), (group(Rule(protocol="-1", groups=("sg-nodes",))),), ()).is_open


@pytest.mark.parametrize(
    ("rule", "network", "is_open"),
    [
        ("192.168.0.1/31", "192.168.0.0/31", True),
        ("192.168.0.1/31", "192.168.0.0/24", False),
        ("10.0.5.7/16", "10.0.10.0/24", True),
        ("2001:db8::1/32", "2001:db8:1::/48", True),
        ("2001:db8::/32", "10.0.10.0/24", False),
        ("0.0.0.0/0", "2001:db8:1::/48", False),
        ("::/0", "2001:db8:1::/48", True),
    ],
)
def test_rule_opens_the_network_that_its_prefix_means(rule: str, network: str, *, is_open: bool) -> None:
    """AWS takes addresses that have more bits than their prefix, and IPv6."""
    opened = group(Rule(protocol="tcp", first=5432, last=5432, networks=(rule,)))
    assert passage((), (opened,), (5432,), (network,)).is_open is is_open


def test_subnet_without_a_table_of_its_own_uses_the_main_one() -> None:
    """AWS lists no association for such a subnet."""
    subnet = ec2.Subnet(id="subnet-1", name="private-a", vpc="vpc-1")
    main = ec2.RouteTable(id="rtb-main", name="", vpc="vpc-1", is_main=True)
    own = ec2.RouteTable(id="rtb-own", name="", vpc="vpc-1", subnets=("subnet-1",))
    assert ec2.RouteTables(items=(main, own)).of(subnet) == own
    assert ec2.RouteTables(items=(main,)).of(subnet) == main
    assert not ec2.RouteTables(items=()).of(subnet).found


@pytest.mark.parametrize(
    ("status", "serves"),
    [
        ("available", True),
        ("backing-up", True),
        ("storage-optimization", True),
        ("configuring-enhanced-monitoring", True),
        ("modifying", False),
        ("rebooting", False),
        ("storage-full", False),
        ("stopped", False),
        ("", False),
    ],
)
def test_database_server_serves_while_it_is_backed_up(status: str, *, serves: bool) -> None:
    """A nightly run in the backup window would else be red every night, and its readers stop reading."""
    found = rds.DatabaseServer(kind="instance", identifier="rds", status=status)
    assert found.is_available is serves


@pytest.mark.parametrize(
    ("status", "serves"),
    [("available", True), ("snapshotting", True), ("modifying", False), ("create-failed", False)],
)
def test_cache_serves_while_it_is_backed_up(status: str, *, serves: bool) -> None:
    """As with databases: a snapshot is taken from a cache that goes on answering."""
    assert elasticache.Cache(name="valkey", status=status).is_available is serves


def test_gateway_that_serves_goes_before_its_deleted_namesake() -> None:
    """AWS lists a deleted gateway for about an hour after its replacement has its name."""
    old = ec2.NatGateway(id="nat-old", name="natgw", state="deleted", created="2026-01-02")
    new = ec2.NatGateway(id="nat-new", name="natgw", state="available", created="2026-01-01")
    assert ec2.NatGateways(items=(old, new)).of("natgw") == new


def test_records_compare_as_dns_names_do() -> None:
    """Route 53 adds a last dot, `dualstack.`, and escapes a wildcard."""
    assert route53.domain("dualstack.K8S-Saleor.elb.amazonaws.com.") == "k8s-saleor.elb.amazonaws.com"
    assert route53.domain("\\052.kyeol.click.") == "*.kyeol.click"


@pytest.mark.parametrize(
    ("host", "answering"),
    [
        ("shop.ex.com", ["*.ex.com"]),
        ("a.b.ex.com", ["*.ex.com"]),
        ("www.ex.com", ["www.ex.com"]),
        ("mail.ex.com", []),
        ("a.mail.ex.com", []),
        ("sub.ex.com", []),
        ("a.sub.ex.com", []),
        ("x.deep.sub.ex.com", ["*.deep.sub.ex.com"]),
        ("ex.com", []),
        ("shop.other.com", []),
    ],
)
def test_wildcard_record_answers_where_no_name_exists(host: str, answering: list[str]) -> None:
    """RFC 4592: a host that resolves by a wildcard has its record, and one that exists otherwise has not."""
    found = route53.Records(
        zone="ex.com",
        items=(
            route53.Record(name="ex.com", type="NS", values=("ns-1.awsdns-1.com.",)),
            route53.Record(name="*.ex.com", type="A", alias="alb.elb.amazonaws.com"),
            route53.Record(name="www.ex.com", type="A", alias="other.elb.amazonaws.com"),
            route53.Record(name="mail.ex.com", type="MX", values=("10 mx.ex.com.",)),
            route53.Record(name="*.deep.sub.ex.com", type="CNAME", values=("alb.elb.amazonaws.com.",)),
        ),
    )
    assert [one.name for one in found.addressing(host)] == answering


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("www.shop.com", True),
        ("a.b.shop.com", True),
        ("shop.com", False),
        ("myshop.com", False),
        ("store.example", True),
    ],
)
def test_distribution_serves_what_its_wildcard_covers(host: str, *, is_served: bool) -> None:
    """CloudFront's wildcard stands for any number of labels, unlike a certificate's."""
    found = cloudfront.Distribution(id="E1", aliases=("*.shop.com", "store.example"))
    assert found.serves(host) is is_served


def alternative(kind: str, alias: str, **policy: Any) -> route53.Record:
    return route53.Record(name="www.ex.com", type=kind, alias=alias, **policy)


@pytest.mark.parametrize(
    ("records", "leads_there"),
    [
        ((alternative("A", "alb"), alternative("AAAA", "alb")), True),
        ((alternative("A", "alb"), alternative("AAAA", "other")), False),
        ((alternative("A", "alb"), alternative("A", "other", is_secondary=True)), True),
        ((alternative("A", "other"), alternative("A", "alb", is_secondary=True)), False),
        ((alternative("A", "alb", weight=9), alternative("A", "other", weight=0)), True),
        ((alternative("A", "alb", weight=9), alternative("A", "other", weight=1)), False),
        ((alternative("A", "alb", weight=0),), True),
        ((alternative("A", "alb", weight=0), alternative("A", "other", weight=0)), False),
        ((alternative("A", "alb", region="here"), alternative("A", "other", region="there")), True),
        ((alternative("A", "other", region="here"), alternative("A", "alb", region="there")), False),
        ((alternative("A", "other", region="there"),), False),
        ((), False),
    ],
    ids=[
        "both types", "one type elsewhere", "standby elsewhere", "only the standby", "weight 0 elsewhere",
        "a tenth elsewhere", "alone with weight 0", "all with weight 0", "another region elsewhere",
        "own region elsewhere", "only another region", "none",
    ],
)  # fmt: skip
def test_every_record_that_takes_traffic_leads_to_the_target(
    records: tuple[route53.Record, ...], *, leads_there: bool
) -> None:
    """Standbys and other regions lead elsewhere on purpose; what an old cluster has left takes its share."""
    zone = route53.Zone(id="Z1", name="ex.com")
    found = HostRecords(zone=zone, region="here", records=records, target="alb", target_words="the balancer")
    assert found.leads_to_target is leads_there


def test_wildcard_covers_one_label() -> None:
    """Browsers refuse two."""
    found = acm.Certificate(arn="arn", names=("*.kyeol.click",))
    hosts = ("dashboard.kyeol.click", "kyeol.click", "a.b.kyeol.click")
    assert found.uncovered(hosts) == ("kyeol.click", "a.b.kyeol.click")


def test_proxies_are_those_of_the_shell_but_for_what_they_spare() -> None:
    """Company networks reach AWS through a proxy, and a local endpoint never."""
    shell = {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "127.0.0.1,.internal"}
    assert proxies_for(None, shell) == {"https": "http://proxy:3128"}
    assert proxies_for("http://127.0.0.1:5000", shell) == {}
    assert proxies_for(None, {**shell, "no_proxy": ".amazonaws.com"}) == {}
    assert proxies_for(None, {}) == {}
