"""AWS probes: only declared reads are sent, and whatever stops a look is said in one paragraph, in time."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from postflight.evidence import Evidence, LiveAnswers, Unverified
from postflight.probes.aws import acm, ec2, eks, elbv2, rds, route53, s3, sts
from postflight.probes.connections import Connections
from postflight.probes.reads import Probe, UndeclaredReadError, reads
from sandbox import names
from selftests.aws_looks import connections, difference, hanging, look, refusal
from selftests.aws_server import Cloud
from selftests.serving import in_a_thread

pytest_plugins = ["selftests.aws_fixtures"]

LOOKS: tuple[tuple[Probe[..., Any], tuple[Any, ...], str], ...] = (
    (sts.caller, (), "sts:GetCallerIdentity"),
    (eks.cluster, (names.CLUSTER,), "eks:DescribeCluster"),
    (ec2.subnets, (), "ec2:DescribeSubnets"),
    (rds.instances, (), "rds:DescribeDBInstances"),
    (elbv2.load_balancers, (), "elasticloadbalancing:DescribeLoadBalancers"),
    (route53.zones, (), "route53:ListHostedZones"),
    (acm.certificate, ("arn:aws:acm:::certificate/0", names.REGION), "acm:DescribeCertificate"),
    (s3.bucket, (names.MEDIA_BUCKET,), "s3:ListBucket"),
    (s3.cors, (names.MEDIA_BUCKET,), "s3:GetBucketCORS"),
    (s3.public_access_block, (names.MEDIA_BUCKET,), "s3:GetBucketPublicAccessBlock"),
)
EVERY_LOOK = pytest.mark.parametrize(
    ("probe", "arguments", "permission"), LOOKS, ids=[one[2] for one in LOOKS]
)


# HeadBucket has no body: its status is the whole answer.
EVERY_BODY = pytest.mark.parametrize(
    ("probe", "arguments", "permission"),
    [one for one in LOOKS if one[0] is not s3.bucket],
    ids=[one[2] for one in LOOKS if one[0] is not s3.bucket],
)


@pytest.fixture(scope="module")
def reached(cloud: Cloud) -> Connections:
    """One run's connections, as the checks of a run share them."""
    return connections(cloud.aws.endpoint_url)


class Nothing(Evidence):
    """Evidence of a probe that must not get any."""


@reads("ec2:DescribeVpcs", "ec2:CreateVpc", "s3:PutObject")
def meddler(connections: Connections, service: str, operation: str, arguments: Any) -> Nothing:
    """Make a call that no probe should make, although it declares it."""
    connections.aws.one(service, operation, None, **arguments)
    return Nothing()


@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("ec2", "CreateVpc", {"CidrBlock": "10.9.0.0/16"}),
        ("ec2", "DescribeSubnets", {}),
        ("s3", "DeleteObject", {"Bucket": names.MEDIA_BUCKET, "Key": "postflight/canary/x"}),
        ("s3", "PutObject", {"Bucket": names.MEDIA_BUCKET, "Key": "products/1.png"}),
        ("s3", "PutObject", {"Bucket": "another-bucket", "Key": "postflight/canary/x"}),
    ],
)
def test_write_or_undeclared_read_is_not_sent(
    cloud: Cloud, reached: Connections, service: str, operation: str, arguments: Any
) -> None:
    """Read-only by construction: not even a probe that goes astray changes an environment."""
    before = cloud.aws.calls()
    with pytest.raises(UndeclaredReadError, match="not sent"):
        look(reached, meddler, service, operation, arguments)
    assert difference(cloud.aws.calls(), before) == {}


@EVERY_LOOK
def test_denied_look_names_the_missing_permission(
    cloud: Cloud, reached: Connections, probe: Probe[..., Any], arguments: tuple[Any, ...], permission: str
) -> None:
    """Whoever runs the suite reads from it what to add to the role."""
    cloud.aws.deny([permission])
    try:
        said = refusal(lambda: look(reached, probe, *arguments))
    finally:
        cloud.aws.deny([])
    assert said.permission == permission
    assert permission in str(said)


@EVERY_BODY
def test_garbage_is_unverified(
    cloud: Cloud, reached: Connections, probe: Probe[..., Any], arguments: tuple[Any, ...], permission: str
) -> None:
    """A proxy's login page with status 200 must not be taken for an empty listing."""
    cloud.aws.mode("garbage")
    try:
        said = refusal(lambda: look(reached, probe, *arguments))
    finally:
        cloud.aws.mode("")
    assert permission in str(said)
    assert said.permission is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("ASIAEXPIRED00000001", "have expired"),
        ("AKIAUNKNOWN00000001", "does not know these credentials"),
        (None, "no AWS credentials"),
    ],
)
@pytest.mark.parametrize("probe", [sts.caller, ec2.subnets, route53.zones], ids=lambda probe: probe.name)
def test_useless_credentials_are_told_as_such(
    cloud: Cloud, key: str | None, words: str, probe: Probe[..., Any]
) -> None:
    """Expired, unknown and absent credentials have different remedies."""
    assert words in str(refusal(lambda: look(connections(cloud.aws.endpoint_url, key), probe)))


def test_throttled_look_is_tried_again_and_then_unverified(cloud: Cloud) -> None:
    """An account that is busy tells nothing about the environment."""
    before = cloud.aws.calls()
    cloud.aws.throttle(["ec2:DescribeSubnets"])
    try:
        said = refusal(lambda: look(connections(cloud.aws.endpoint_url), ec2.subnets))
    finally:
        cloud.aws.throttle([])
    assert "throttled" in str(said)
    assert difference(cloud.aws.calls(), before)["ec2:DescribeSubnets"] > 1


@pytest.mark.parametrize(("mode", "words"), [("500", "failed to answer"), ("reset", "could not be reached")])
def test_failing_control_plane_is_unverified(cloud: Cloud, mode: str, words: str) -> None:
    """AWS's own trouble is not the environment's."""
    cloud.aws.mode(mode)
    try:
        said = refusal(lambda: look(connections(cloud.aws.endpoint_url), rds.instances))
    finally:
        cloud.aws.mode("")
    assert words in str(said)


def test_hanging_control_plane_ends_by_the_deadline(cloud: Cloud) -> None:
    """A run ends by itself whatever the other side does."""
    patient = reads("ec2:DescribeVpcs", deadline_s=1.0)(ec2.vpcs.function)
    with hanging(cloud) as answers:
        began = time.monotonic()
        said = refusal(lambda: answers.ask(patient.looking(connections(cloud.aws.endpoint_url))))
        took_s = time.monotonic() - began
    assert "did not end within 1 s (it needs ec2:DescribeVpcs)" in str(said)
    assert took_s < 3


def test_nothing_listening_is_unverified() -> None:
    """A wrong endpoint or a network without a way out is our side's trouble."""
    said = refusal(lambda: look(connections("http://127.0.0.1:1"), sts.caller))
    assert "could not be reached" in str(said)


def test_unknown_profile_is_unverified(cloud: Cloud) -> None:
    """A typing error in AWS_PROFILE is told, not taken for absent credentials."""
    reached = connections(cloud.aws.endpoint_url, None, AWS_PROFILE="no-such-profile")
    assert "no-such-profile" in str(refusal(lambda: look(reached, sts.caller)))


def test_the_roots_of_the_shell_are_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_CA_BUNDLE is often set for something else; it must neither break TLS to AWS nor weaken it."""
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    for variable in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, str(bundle))
    with _https(authority) as endpoint:
        said = refusal(lambda: look(connections(endpoint), sts.caller))
    assert "TLS to AWS failed" in str(said)


@contextmanager
def _https(authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with in_a_thread(server):
        yield f"https://127.0.0.1:{server.server_address[1]}"


def test_clients_do_not_read_the_live_environment_for_proxies(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every test changes PYTEST_CURRENT_TEST; walking the environment in another thread then breaks."""
    for variable in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    assert look(connections(cloud.aws.endpoint_url), sts.caller).account == names.ACCOUNT


def test_every_call_is_counted_under_its_permission(cloud: Cloud) -> None:
    """The run's summary and the budgets count what was really sent."""
    reached = connections(cloud.aws.endpoint_url)
    answers = LiveAnswers()
    for _ in range(3):
        answers.ask(ec2.subnets.looking(reached))
        answers.ask(s3.bucket.looking(reached, names.MEDIA_BUCKET))
    assert reached.calls.by_protocol() == {"aws": {"ec2:DescribeSubnets": 1, "s3:ListBucket": 1}}


def test_environment_may_be_looked_at_as_an_assumed_role(cloud: Cloud) -> None:
    """Runs from a tools account assume a reader role in the environment's own."""
    reached = connections(cloud.aws.endpoint_url, assume_role=names.role_arn(names.API_ROLE))
    assert f"assumed-role/{names.API_ROLE}/postflight" in look(reached, sts.caller).arn


def test_role_that_may_not_be_assumed_is_unverified(cloud: Cloud) -> None:
    """The missing right is to assume, not to look."""
    cloud.aws.deny(["sts:AssumeRole"])
    try:
        reached = connections(cloud.aws.endpoint_url, assume_role=names.role_arn(names.API_ROLE))
        with pytest.raises(Unverified) as caught:
            look(reached, ec2.subnets)
    finally:
        cloud.aws.deny([])
    assert caught.value.permission == "sts:AssumeRole"


def test_absent_things_are_evidence(cloud: Cloud) -> None:
    """That something is not there is an answer, not a failed look."""
    reached = connections(cloud.aws.endpoint_url)
    assert not look(reached, eks.cluster, "no-such-cluster").found
    assert not look(reached, s3.bucket, "no-such-bucket").found
    assert not look(reached, rds.instance_parameters, "no-such-group").found
    assert not look(reached, route53.records, "example.test", "ZNOSUCHZONE").found
