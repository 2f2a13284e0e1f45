"""Checks demand no more than the software that they are about: red on what works, they are switched off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from postflight.environment import Environment, load
from postflight.evidence import Evidence, LiveAnswers, Unverified
from postflight.probes.aws import cloudfront, ec2, elbv2, security_groups
from postflight.probes.kubernetes import deployments
from postflight.probes.kubernetes.ingresses import Ingress, Ingresses
from postflight.probes.kubernetes.nodes import Node, Nodes
from postflight.subjects import Ask
from postflight.subjects.edge import distribution_passage
from sandbox import names
from selftests.aws_looks import connections
from selftests.aws_server import Cloud
from selftests.kube_api_server import Served, deployment_manifest
from selftests.kubernetes_runs import look, post, run_at, serving_shop
from selftests.proofs.harness import ROOT
from selftests.recorded_answers import Partly
from selftests.test_assertions import function

pytest_plugins = ["selftests.aws_fixtures"]

SANDBOX: Final[Environment] = load(ROOT / "environments" / "sandbox.yaml", {})
WORKLOADS = "tests_platform/test_workloads.py"
AFFINITY = f"{WORKLOADS}::test_node_affinity_names_labels_of_the_nodes"
OURS, THEIRS = f"kubernetes.io/cluster/{names.CLUSTER}", "kubernetes.io/cluster/another-eks"
SPOT, ARM = {"capacity": "SPOT", "arch": "amd64"}, {"capacity": "ON_DEMAND", "arch": "arm64"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


def holds(check: str, **given: Evidence | object) -> bool:
    """Whether a check, which is a plain function of evidence, passes."""
    try:
        function(check)(**given)
    except AssertionError:
        return False
    return True


def asks(key: str, *values: str) -> dict[str, Any]:
    """Return a rule of a node affinity."""
    return {"key": key, "operator": "In", "values": list(values)}


def affinity(*terms: list[dict[str, Any]], preferred: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """Return what a pod says of its nodes: one of the terms must fit, what it prefers need not."""
    required = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]} if terms else None
    wishes = [{"weight": 1, "preference": {"matchExpressions": [rule]}} for rule in preferred]
    rules = {
        "requiredDuringSchedulingIgnoredDuringExecution": required,
        "preferredDuringSchedulingIgnoredDuringExecution": wishes,
    }
    return {"affinity": {"nodeAffinity": {name: rule for name, rule in rules.items() if rule}}}


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (affinity([asks("capacity", "spot")], [asks("capacity", "SPOT")]), None),
        (affinity(preferred=(asks("capacity", "spot"),)), None),
        (affinity([asks("capacity", "SPOT", "spot")], preferred=(asks("no-such", "a"),)), None),
        ({"nodeSelector": {"arch": "arm64"}} | affinity([asks("capacity", "ON_DEMAND")]), None),
        (affinity([{"key": "capacity", "operator": "NotIn", "values": ["SPOT"]}]), None),
        (
            affinity([asks("capacity", "spot")]),
            "capacity: spot, but the nodes have capacity: ON_DEMAND or SPOT",
        ),
        (
            affinity([asks("no-such", "a")], [asks("capacity", "spot")]),
            "no-such: a, a label that no node has",
        ),
        (
            {"nodeSelector": {"arch": "arm64"}} | affinity([asks("capacity", "SPOT")]),
            "arch: arm64 and nodes with capacity: SPOT, which no node has together",
        ),
        ({"nodeSelector": {"arch": "arm"}}, "arch: arm, but the nodes have arch: amd64 or arm64"),
    ],
)
def test_a_pod_needs_one_node_that_fits(
    served: Served, tmp_path: Path, pod: dict[str, Any], words: str | None
) -> None:
    """Kubernetes takes any term that fits one node, and a pod runs where its preferences are not met."""
    manifest = deployment_manifest("cart")
    manifest["spec"]["template"]["spec"].update(pod)
    post(served, "/apis/apps/v1/namespaces/shop/deployments", manifest)
    seen = look(deployments.deployments, run_at(served, tmp_path), "shop", ()).named("cart")
    nodes = Nodes(items=tuple(node(labels) for labels in (SPOT, ARM)))
    if words is None:
        assert holds(AFFINITY, deployment=seen, cluster_labels=nodes)
    else:
        with pytest.raises(AssertionError, match=words):
            function(AFFINITY)(deployment=seen, cluster_labels=nodes)


def node(labels: dict[str, str]) -> Node:
    return Node(name="a", provider_id="", unschedulable=False, labels=labels, allocatable={}, conditions=())


@pytest.mark.parametrize(
    ("check", "annotations", "declared", "passes"),
    [
        ("scheme", {}, {"scheme": "internal"}, True),
        ("scheme", {}, {"scheme": "internet-facing"}, False),
        ("scheme", {"scheme": "internet-facing"}, {"scheme": "internal"}, False),
        ("target_type", {}, {"target_type": "instance"}, True),
        ("target_type", {}, {"target_type": "ip"}, False),
    ],
)
def test_what_an_annotation_s_absence_means_counts(
    check: str, annotations: dict[str, str], declared: dict[str, str], passes: bool
) -> None:
    """An internal load balancer needs no annotation: the controller makes it all the same."""
    written = {f"alb.ingress.kubernetes.io/{name}": value for name, value in annotations.items()}
    seen = Ingress(namespace="saleor", name="saleor", annotations=written)
    wanted = SANDBOX.ingresses["saleor"].model_copy(update=declared)
    name = f"tests_platform/test_ingress.py::test_ingress_declares_its_{check}"

    assert holds(name, declared_ingress=wanted, ingress=seen) is passes


@pytest.mark.parametrize(
    ("tags", "requires", "passes"),
    [
        ({}, False, True),
        ({}, True, False),
        ({OURS: "shared"}, True, True),
        ({OURS: "", THEIRS: "owned"}, True, True),
        ({THEIRS: "shared"}, False, False),
    ],
)
def test_a_subnet_need_not_name_its_cluster(tags: dict[str, str], requires: bool, passes: bool) -> None:
    """Since 2.1.2 the load balancer controller passes over a subnet only if it is tagged for others alone.

    An environment may require more.
    """
    assert SANDBOX.cluster is not None
    cluster = SANDBOX.cluster.model_copy(update={"requires_subnet_tag": requires})
    given = {
        "declared_subnet": SANDBOX.subnets["public-a"],
        "subnet": ec2.Subnet(id="subnet-1", name="public-a", tags=tags),
        "environment": SANDBOX.model_copy(update={"cluster": cluster}),
    }
    assert holds("tests_infra/test_subnets.py::test_subnet_is_tagged_for_the_cluster", **given) is passes


def test_an_origin_is_asked_on_its_own_port(cloud: Cloud) -> None:
    """An origin that CloudFront asks by HTTP is not closed because 443 is, and not open because 443 is."""
    client, identifier = cloud.aws.client("cloudfront"), cloud.seeded.distribution_id
    answer = client.get_distribution_config(Id=identifier)
    configuration = answer["DistributionConfig"]
    origin = configuration["Origins"]["Items"][0]["CustomOriginConfig"]
    ask = Ask(LiveAnswers(), connections(cloud.aws.endpoint_url))
    assert ask(cloudfront.distributions).of(identifier).ports == {names.ORIGIN_HOST: 443}

    origin.update(OriginProtocolPolicy="http-only", HTTPPort=8080)
    client.update_distribution(Id=identifier, IfMatch=answer["ETag"], DistributionConfig=configuration)
    none = Ingresses(namespace="saleor", items=())
    answers = Partly({"kubernetes.ingresses.ingresses": none}, LiveAnswers())
    ask = Ask(answers, connections(cloud.aws.endpoint_url))
    declared = SANDBOX.distributions["store"].model_copy(update={"id": identifier})
    passage = distribution_passage(ask, SANDBOX, declared)

    assert ask(cloudfront.distributions).of(identifier).ports == {names.ORIGIN_HOST: 8080}
    assert "8080" in passage.words


@pytest.mark.parametrize(("network", "is_open"), [("0.0.0.0/0", True), ("10.0.0.0/16", False)])
def test_load_balancer_that_lets_everybody_in_lets_cloudfront_in(
    cloud: Cloud, network: str, *, is_open: bool
) -> None:
    """So does the group that the AWS Load Balancer Controller makes by itself."""
    ingress = SANDBOX.ingresses["saleor"]
    tags = {elbv2.STACK_TAG: f"{ingress.namespace}/{ingress.resource}", elbv2.CLUSTER_TAG: names.CLUSTER}
    rule = security_groups.Rule(protocol="tcp", first=0, last=65535, networks=(network,))
    group = security_groups.SecurityGroup(id="sg-alb", name="alb", rules=(rule,))
    balancer = elbv2.LoadBalancer(arn="arn:1", name="alb", security_groups=("sg-alb",))
    seen = {
        "kubernetes.ingresses.ingresses": Ingresses(
            namespace=ingress.namespace,
            items=(Ingress(namespace=ingress.namespace, name=ingress.resource),),
        ),
        "aws.elbv2.load_balancers": elbv2.LoadBalancers(items=(balancer,)),
        "aws.elbv2.tags": elbv2.Tags(by_arn={"arn:1": tags}),
        "aws.security_groups.security_groups": security_groups.SecurityGroups(items=(group,)),
    }
    ask = Ask(Partly(seen, LiveAnswers()), connections(cloud.aws.endpoint_url))
    declared = SANDBOX.distributions["store"].model_copy(update={"id": cloud.seeded.distribution_id})
    assert distribution_passage(ask, SANDBOX, declared).is_open is is_open


def test_origin_that_is_no_load_balancer_of_ours_is_unverified(cloud: Cloud) -> None:
    """Which groups lead to a bucket or a VPC origin is not known: that is neither closed nor open."""
    declared = SANDBOX.distributions["store"].model_copy(update={"origin": "media.s3.amazonaws.com"})
    ask = Ask(LiveAnswers(), connections(cloud.aws.endpoint_url))
    with pytest.raises(Unverified, match=r"media\.s3\.amazonaws\.com .* is no declared host"):
        distribution_passage(ask, SANDBOX, declared)
