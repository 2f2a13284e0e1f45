"""Rows that put several answers together: whose load balancer, which certificates, which policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from postflight.environment import Bucket, Controller, Environment
from postflight.evidence import LiveAnswers
from postflight.probes.aws import elbv2, s3
from postflight.probes.aws.policies import statements
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.ingresses import Ingress, Ingresses
from postflight.subjects import Ask, edge, infra, stores
from sandbox import names
from selftests.aws_looks import connections, difference, look
from selftests.aws_server import Cloud
from selftests.recorded_answers import Recorded
from selftests.test_assertions import function

pytest_plugins = ["selftests.aws_fixtures"]

BALANCER = elbv2.LoadBalancer(arn="arn:alb", name="k8s-shared-1")
GROUP = "alb.ingress.kubernetes.io/group.name"
SHOP = Environment.model_validate(
    {
        "aws": {"account": "123456789012", "region": "ap-northeast-2"},
        "cluster": {"name": "shop-eks", "node_security_group": "nodes"},
        "certificates": {"shop": {"name": "shop", "arn": "arn:aws:acm:::certificate/shop"}},
        "ingresses": {"web": {"name": "web", "namespace": "shop", "certificate": "shop"}},
    }
)


def recorded(answers: dict[str, Any]) -> Ask:
    """Return how a row asks for these answers."""
    return Ask(Recorded(answers), Connections(SHOP, "outside", {}))


@pytest.mark.parametrize(
    ("annotations", "stack", "is_found"),
    [
        ({}, "shop/web", True),
        ({GROUP: "shared"}, "shared", True),
        ({GROUP: "shared"}, "shop/web", False),
        ({}, "shared", False),
    ],
)
def test_load_balancer_of_a_group_is_tagged_with_its_name(
    annotations: dict[str, str], stack: str, *, is_found: bool
) -> None:
    """Ingresses that share a load balancer by `group.name` would else all be told to have none."""
    tags = {elbv2.STACK_TAG: stack, elbv2.CLUSTER_TAG: "shop-eks"}
    ingress = Ingress(namespace="shop", name="web", annotations=annotations)
    ask = recorded(
        {
            "aws.elbv2.load_balancers": elbv2.LoadBalancers(items=(BALANCER,)),
            "aws.elbv2.tags": elbv2.Tags(by_arn={"arn:alb": tags}),
            "kubernetes.ingresses.ingresses": Ingresses(namespace="shop", items=(ingress,)),
        }
    )
    assert edge.load_balancer(ask, SHOP, SHOP.ingresses["web"]).found is is_found


DECLARED = "arn:aws:acm:::certificate/shop"
OTHER = "arn:aws:acm:::certificate/other"


@pytest.mark.parametrize(
    ("default", "all_of_them", "is_served", "calls"),
    [
        (DECLARED, (), True, 0),
        (OTHER, (OTHER, DECLARED), True, 1),
        (OTHER, (OTHER,), False, 1),
    ],
)
def test_certificate_that_sni_chooses_is_served(
    default: str, all_of_them: tuple[str, ...], calls: int, *, is_served: bool
) -> None:
    """A listener's second certificate is served as well as its first, and asked for where it matters."""
    listener = elbv2.Listener(arn="arn:https", port=443, protocol="HTTPS", certificates=(default,))
    plain = elbv2.Listener(arn="arn:http", port=80, protocol="HTTP")
    tags = {elbv2.STACK_TAG: "shop/web", elbv2.CLUSTER_TAG: "shop-eks"}
    ask = recorded(
        {
            "aws.elbv2.load_balancers": elbv2.LoadBalancers(items=(BALANCER,)),
            "aws.elbv2.tags": elbv2.Tags(by_arn={"arn:alb": tags}),
            "aws.elbv2.listeners": elbv2.Listeners(load_balancer="arn:alb", items=(plain, listener)),
            "aws.elbv2.listener_certificates": elbv2.ListenerCertificates(arns=all_of_them),
            "kubernetes.ingresses.ingresses": Ingresses(namespace="shop", items=()),
        }
    )
    found = edge.listeners(ask, SHOP, SHOP.ingresses["web"])
    assert (DECLARED in found.certificates) is is_served
    assert [one.probe for one in ask.asked].count("aws.elbv2.listener_certificates") == calls


def test_certificates_besides_the_default_are_listed(cloud: Cloud) -> None:
    """DescribeListeners tells one certificate of a listener, however many it has."""
    elb, seeded = cloud.aws.client("elbv2"), cloud.seeded
    group = [seeded.network.security_groups[names.ALB_GROUP]]
    subnets = [identifier for name, identifier in seeded.network.subnets.items() if "-public-" in name]
    made = elb.create_load_balancer(Name="two", Subnets=subnets, SecurityGroups=group)["LoadBalancers"][0]
    first, second = ({"CertificateArn": arn} for arn in (seeded.kyeol_certificate, seeded.doa_certificate))
    balancer, reached = made["LoadBalancerArn"], connections(cloud.aws.endpoint_url)
    try:
        listener = elb.create_listener(
            LoadBalancerArn=balancer,
            Protocol="HTTPS",
            Port=443,
            Certificates=[first],
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        )["Listeners"][0]["ListenerArn"]
        elb.add_listener_certificates(ListenerArn=listener, Certificates=[second])
        before = cloud.aws.calls()
        assert look(reached, elbv2.listeners, balancer).certificates == (seeded.kyeol_certificate,)
        found = look(reached, elbv2.listener_certificates, listener)
        called = difference(cloud.aws.calls(), before)
    finally:
        elb.delete_load_balancer(LoadBalancerArn=balancer)
    assert found.arns == (seeded.kyeol_certificate, seeded.doa_certificate)
    assert called["elasticloadbalancing:DescribeListenerCertificates"] == 1


MEDIA = Bucket(name="media", bucket=names.MEDIA_BUCKET, role="uploader", role_policy="Uploads")
CONTROLLER = Controller(
    name="alb", kind="aws-load-balancer-controller", deployment="alb", service_account="alb",
    role="uploader", policy="Uploads",
)  # fmt: skip


@contextmanager
def role_with_a_managed_policy(cloud: Cloud) -> Iterator[Callable[[], None]]:
    """Make a role to which a policy of the account is attached; what is given detaches it."""
    iam = cloud.aws.client("iam")
    allowed = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{names.MEDIA_BUCKET}/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    arn = iam.create_policy(PolicyName="Uploads", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_role(RoleName="uploader", AssumeRolePolicyDocument=document)
    iam.attach_role_policy(RoleName="uploader", PolicyArn=arn)

    def detach() -> None:
        iam.detach_role_policy(RoleName="uploader", PolicyArn=arn)

    try:
        yield detach
    finally:
        iam.delete_role(RoleName="uploader")
        iam.delete_policy(PolicyArn=arn)


def test_attached_policy_is_as_good_as_an_inline_one(cloud: Cloud) -> None:
    """AWS's own instructions attach a managed policy; GetRolePolicy knows inline ones only."""
    reached = connections(cloud.aws.endpoint_url)

    def seen() -> tuple[bool, bool]:
        ask = Ask(LiveAnswers(), reached)
        of_bucket = stores.bucket_role_policy(ask, SHOP, MEDIA)
        may_write = of_bucket.allows("s3:PutObject", f"arn:aws:s3:::{names.MEDIA_BUCKET}/any-object")
        return infra.controller_policy(ask, SHOP, CONTROLLER).found, may_write

    with role_with_a_managed_policy(cloud) as detach:
        attached = seen()
        detach()
        detached = seen()
    assert attached == (True, True)
    assert detached == (False, False)


def test_bucket_needs_a_policy_only_where_one_is_declared() -> None:
    """Within one account the role's own policy lets it in; a bucket without a policy is no fault then."""
    check = function("tests_infra/test_buckets.py::test_bucket_policy_lets_the_application_in")
    without = s3.BucketPolicy(found=False, bucket="media")
    check(MEDIA, without, SHOP)
    with pytest.raises(AssertionError, match="has no policy"):
        check(MEDIA.model_copy(update={"bucket_policy": True}), without, SHOP)
    with pytest.raises(AssertionError, match="denies"):
        check(MEDIA, _denying(), SHOP)


def _denying() -> s3.BucketPolicy:
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    return s3.BucketPolicy(bucket="media", statements=statements({"Statement": [denial]}))
