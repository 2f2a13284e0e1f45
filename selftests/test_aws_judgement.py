"""What AWS evidence says of itself: policies, security groups, routes, records, certificates."""

from __future__ import annotations

from typing import Any

import pytest

from postflight.probes.aws import acm, ec2, iam, route53, s3
from postflight.probes.aws.policies import statements
from postflight.probes.aws.proxies import proxies_for
from postflight.probes.aws.security_groups import Rule, SecurityGroup, Source, passage
from postflight.subjects.images import Release

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
        ((statement(), statement("Deny", NotPrincipal={"AWS": ROLE})), True),
        ((statement(), statement("Deny", NotAction="s3:PutObject")), False),
        ((statement(Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),), False),
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


def test_closed_passage_names_both_groups_and_the_port() -> None:
    """Whoever mends it has to know which group lets which one in, and where."""
    words = passage((NODES,), (group(),), (5432,)).words
    assert words == "db (sg-db) does not let nodes (sg-nodes) in on TCP port 5432"


def test_passage_without_port_or_target_proves_nothing() -> None:
    """A server that is not there has no port that could be open."""
    assert not passage((NODES,), (), (5432,)).is_open
    assert not passage((NODES,), (group(Rule(protocol="-1", groups=("sg-nodes",))),), ()).is_open


def test_subnet_without_a_table_of_its_own_uses_the_main_one() -> None:
    """AWS lists no association for such a subnet."""
    subnet = ec2.Subnet(id="subnet-1", name="private-a", vpc="vpc-1")
    main = ec2.RouteTable(id="rtb-main", name="", vpc="vpc-1", is_main=True)
    own = ec2.RouteTable(id="rtb-own", name="", vpc="vpc-1", subnets=("subnet-1",))
    assert ec2.RouteTables(items=(main, own)).of(subnet) == own
    assert ec2.RouteTables(items=(main,)).of(subnet) == main
    assert not ec2.RouteTables(items=()).of(subnet).found


def test_gateway_that_serves_goes_before_its_deleted_namesake() -> None:
    """AWS lists a deleted gateway for about an hour after its replacement has its name."""
    old = ec2.NatGateway(id="nat-old", name="natgw", state="deleted", created="2026-01-02")
    new = ec2.NatGateway(id="nat-new", name="natgw", state="available", created="2026-01-01")
    assert ec2.NatGateways(items=(old, new)).of("natgw") == new


def test_records_compare_as_dns_names_do() -> None:
    """Route 53 adds a last dot, `dualstack.`, and escapes a wildcard."""
    assert route53.domain("dualstack.K8S-Saleor.elb.amazonaws.com.") == "k8s-saleor.elb.amazonaws.com"
    assert route53.domain("\\052.kyeol.click.") == "*.kyeol.click"


def test_wildcard_covers_one_label() -> None:
    """Browsers refuse two."""
    found = acm.Certificate(arn="arn", names=("*.kyeol.click",))
    hosts = ("dashboard.kyeol.click", "kyeol.click", "a.b.kyeol.click")
    assert found.uncovered(hosts) == ("kyeol.click", "a.b.kyeol.click")


def test_trust_of_another_cluster_or_account_does_not_count() -> None:
    """A cluster that was made again has another OIDC issuer, and every old trust is void."""
    issuer = "https://oidc.eks.ap-northeast-2.amazonaws.com/id/NEW"
    test = {f"{issuer.removeprefix('https://')}:sub": "system:serviceaccount:kube-system:external-dns"}
    trust = statements({"Statement": {"Effect": "Allow", "Condition": {"StringEquals": test}}})
    role = iam.Role(name="dns", trust=trust)
    assert role.trusts("kube-system", "external-dns", issuer)
    assert not role.trusts("kube-system", "external-dns", issuer.replace("NEW", "OLD"))
    assert not role.trusts("kube-system", "aws-load-balancer-controller", issuer)


def test_proxies_are_those_of_the_shell_but_for_what_they_spare() -> None:
    """Company networks reach AWS through a proxy, and a local endpoint never."""
    shell = {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "127.0.0.1,.internal"}
    assert proxies_for(None, shell) == {"https": "http://proxy:3128"}
    assert proxies_for("http://127.0.0.1:5000", shell) == {}
    assert proxies_for(None, {**shell, "no_proxy": ".amazonaws.com"}) == {}
    assert proxies_for(None, {}) == {}


COMMIT = "7114918aa0c3f1e2d4b5a69788776655443322ff"
DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("revision", "image", "digest", "is_of"),
    [
        (COMMIT, f"r/cart:{COMMIT}", None, True),
        (COMMIT, "r/cart:7114918", None, True),
        ("7114918", f"r/cart:{COMMIT}", None, True),
        ("7114918", "r/cart:7114918", None, True),
        ("7114918", f"r/cart:7114918@{DIGEST}", DIGEST, True),
        ("711491", f"r/cart:{COMMIT}", None, False),
        (COMMIT, "r/cart:711491", None, False),
        ("7114919", f"r/cart:{COMMIT}", None, False),
        ("release-1.2", "r/cart:release-1", None, False),
        ("release-1", "r/cart:release-1.2", None, False),
        ("v1.2", "r/cart:v1.2", None, True),
        (DIGEST, "r/cart:7114918", DIGEST, True),
        (DIGEST, "r/cart:7114918", f"sha256:{'cd' * 32}", False),
        (DIGEST, "r/cart:7114918", None, False),
    ],
)
def test_release_is_known_by_commit_tag_or_digest(
    revision: str, image: str, digest: str | None, *, is_of: bool
) -> None:
    """Pipelines cut commits where they like; a tag that merely begins alike is another release."""
    release = Release(revision=revision)
    assert release.is_of(image, digest) is is_of
    if not is_of and release.is_digest:
        assert (digest or "does not have") in release.told(image, digest)
