"""Every assertion of every check has been seen to fail: by a fault, by an absent thing, or by hand here."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final

import pytest

from postflight.environment import Environment, load
from postflight.evidence import Evidence
from postflight.probes import postgres, tls_versions
from postflight.probes.aws import cloudfront, ec2, ecr, eks, elasticache, iam, rds, s3, terraform
from postflight.probes.aws.canary import Canary
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.nodes import Nodes
from postflight.probes.kubernetes.proxy import HealthAnswer
from postflight.probes.kubernetes.services import ServiceAccount
from postflight.subjects.health import ApplicationLogin
from postflight.subjects.images import ImageOfWorkload, Release, RunningImages, WorkloadImages
from postflight.subjects.nodes import ClusterRoom
from postflight.subjects.settings import Configuration
from selftests.proofs.asserts import assertion, assertions
from selftests.proofs.harness import ROOT
from selftests.proofs.seen import asserted
from selftests.test_runbook import CHECKS

SANDBOX: Final[Environment] = load(ROOT / "environments" / "sandbox.yaml", {})
SERVER = SANDBOX.database_servers["doa-market-rds"]
SERVICE = SANDBOX.services["cart-service"]
DEPLOYMENT = Deployment(namespace="doa-market-prod", name="cart-service")
IMAGES = WorkloadImages(
    title="Deployment", repository=ecr.Repository(name="cart"), all=("elsewhere/cart:1",), items=()
)
NOTHING_RUNS = RunningImages(title="Deployment", repository="cart", items=())
TO_THE_INTERNET = ec2.Route(destination="0.0.0.0/0", kind="internet gateway", target="igw-1", state="active")
Given = Mapping[str, Evidence | object]

# What the sandbox cannot be made to be: its nodes, its VPC and its lock table are what it stands on.
BY_HAND: Final[Mapping[str, Given]] = {
    "tests_infra/test_buckets.py::test_bucket_policy_lets_the_application_in#1": {
        "declared_bucket": SANDBOX.buckets["media"],
        "bucket_policy": s3.BucketPolicy(found=False, bucket="media"),
        "environment": SANDBOX,
    },
    "tests_infra/test_buckets.py::test_bucket_policy_lets_the_application_in#3": {
        "declared_bucket": SANDBOX.buckets["media"],
        "bucket_policy": s3.BucketPolicy(bucket="media"),
        "environment": SANDBOX,
    },
    "tests_infra/test_buckets.py::test_role_may_write_to_the_bucket#2": {
        "declared_bucket": SANDBOX.buckets["media"],
        "bucket_role_policy": iam.RolePolicy(role="api", policy="S3MediaAccess"),
        "environment": SANDBOX,
    },
    "tests_app/test_uploads.py::test_no_canary_is_left#2": {
        "declared_bucket": SANDBOX.buckets["media"],
        "canary": Canary(bucket="media", key="a", role=None, kept=("postflight/canary/a (3sL4)",)),
    },
    # Absent, and declared without TLS: nothing is encrypted, and that is not how it should be.
    "tests_infra/test_caches.py::test_cache_encrypts_in_transit#1": {
        "declared_cache": SANDBOX.caches["doa-market-redis"].model_copy(update={"tls": False}),
        "cache": elasticache.Cache(found=False, name="doa-market-redis"),
    },
    "tests_infra/test_databases.py::test_secret_names_the_endpoint#1": {
        "declared_database_server": SERVER,
        "database_server": rds.DatabaseServer(kind="cluster", identifier="doa-market-rds"),
        "application_login": ApplicationLogin(source="Secret a/b, key c", found=True),
    },
    "tests_infra/test_nat.py::test_default_route_leads_to_a_nat_gateway#2": {
        "declared_subnet": SANDBOX.subnets["private-a"],
        "route_table": ec2.RouteTable(id="rtb-1", name="private-rt-a", routes=(TO_THE_INTERNET,)),
    },
    "tests_infra/test_terraform.py::test_state_is_not_left_locked#1": {
        "declared_terraform_state": SANDBOX.terraform["kyeol"],
        "state_lock": terraform.Lock(found=False, has_table=False, place="bucket/key"),
    },
    "tests_infra/test_vpc.py::test_cluster_is_in_the_declared_vpc#1": {
        "eks_cluster": eks.Cluster(name="some-eks"),
        "vpc": ec2.Vpc.absent("some-vpc"),
        "environment": SANDBOX,
    },
    "tests_infra/test_vpc.py::test_database_subnet_group_is_in_the_declared_vpc#2": {
        "declared_database_server": SERVER,
        "database_subnet_group": rds.SubnetGroup(name="doa-market-db-subnet-group", vpc="vpc-2"),
        "vpc": ec2.Vpc(id="vpc-1", name="some-vpc"),
    },
    "tests_infra/test_vpc.py::test_cache_subnet_group_is_in_the_declared_vpc#2": {
        "declared_cache": SANDBOX.caches["doa-market-redis"],
        "cache_subnet_group": rds.SubnetGroup(name="doa-market-redis-subnet-group", vpc="vpc-2"),
        "vpc": ec2.Vpc(id="vpc-1", name="some-vpc"),
    },
    "tests_platform/test_controllers.py::test_controller_service_account_names_its_role#1": {
        "declared_controller": SANDBOX.controllers["external-dns"],
        "controller_account": ServiceAccount(namespace="kube-system", name="external-dns", found=False),
    },
    "tests_platform/test_images.py::test_image_is_in_its_repository#2": {"workload_images": IMAGES},
    "tests_platform/test_images.py::test_release_is_live#1": {
        "workload_images": IMAGES,
        "running_images": NOTHING_RUNS,
        "release": Release(revision="7114918"),
    },
    "tests_platform/test_images.py::test_release_is_live#3": {
        "workload_images": IMAGES.model_copy(
            update={
                "items": (ImageOfWorkload(reference="cart:7114918", tags=("7114918",), digest="sha256:1"),)
            }
        ),
        "running_images": NOTHING_RUNS,
        "release": Release(revision="7114918"),
    },
    "tests_platform/test_nodes.py::test_nodes_are_ready#1": {"worker_nodes": Nodes(items=())},
    "tests_platform/test_nodes.py::test_nodes_have_room#1": {"cluster_room": ClusterRoom(items=())},
    "tests_platform/test_workloads.py::test_images_have_fixed_tags#2": {"deployment": DEPLOYMENT},
    "tests_platform/test_workloads.py::test_node_affinity_names_labels_of_the_nodes#2": {
        "deployment": DEPLOYMENT,
        "cluster_labels": Nodes(items=()),
    },
    "tests_app/test_database_servers.py::test_server_version_is_the_declared_one#2": {
        "declared_database_server": SERVER,
        "database_login": postgres.Login(
            host="rds", port=5432, user="doaadmin", database="postgres", seconds=0.1, ok=True, version="16.4"
        ),
    },
    "tests_app/test_health.py::test_health_is_quick#2": {
        "declared_service": SERVICE,
        "health": HealthAnswer(asked="/health", through="direct", status=200, seconds=9.0),
    },
    "tests_network/test_distributions.py::test_distribution_is_deployed#2": {
        "declared_distribution": SANDBOX.distributions["store"],
        "distribution": cloudfront.Distribution(id="E1", enabled=True, status="InProgress"),
    },
    "tests_network/test_tls.py::test_old_tls_is_refused#2": {
        "declared_host": SANDBOX.hosts["api-sandbox.doa-market.click"],
        "old_tls": tls_versions.OldVersions(host="api", port=443, accepted=("TLS 1.0",)),
    },
    "tests_app/test_configuration.py::test_database_login_comes_from_its_secret#2": {
        "declared_service": SERVICE,
        "configuration": Configuration(title="Deployment doa-market-prod/cart-service"),
        "environment": SANDBOX,
    },
}


@cache
def module(name: str) -> ModuleType:
    """Import a module of checks, which is no package's."""
    spec = importlib.util.spec_from_file_location(name.replace("/", "_"), ROOT / name)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def function(check: str) -> Callable[..., Any]:
    """Return a check as a plain function."""
    name, _, test = check.partition("::")
    found: Callable[..., Any] = getattr(module(name), test)
    return found


@pytest.mark.parametrize("which", BY_HAND)
def test_an_assertion_fails_on_what_it_is_there_for(which: str) -> None:
    """A check is a plain function of evidence: what the sandbox cannot show it is shown directly."""
    check = which.partition("#")[0]
    with pytest.raises(AssertionError) as failure:
        function(check)(**BY_HAND[which])

    assert assertion(check, str(failure.value)) == which


@pytest.mark.parametrize(
    ("check", "given"),
    [
        (
            "test_database_server_is_in_the_cluster_vpc",
            {
                "declared_database_server": SERVER,
                "database_server": rds.DatabaseServer(found=False, kind="cluster", identifier="gone"),
            },
        ),
        (
            "test_cache_is_in_the_cluster_vpc",
            {
                "declared_cache": SANDBOX.caches["doa-market-redis"],
                "cache": elasticache.Cache(found=False, name="gone"),
            },
        ),
    ],
    ids=["database server", "cache"],
)
def test_absent_things_are_not_in_one_vpc(check: str, given: Given) -> None:
    """Neither has a VPC: that is nothing which they have in common."""
    with pytest.raises(AssertionError, match="in VPC none, EKS cluster gone in none"):
        function(f"tests_infra/test_vpc.py::{check}")(
            **given, eks_cluster=eks.Cluster(found=False, name="gone")
        )


@pytest.mark.parametrize("check", CHECKS)
def test_every_assertion_has_been_seen_to_fail(check: str) -> None:
    """An assertion that never failed may say nothing, and a check with several hides one that is wrong."""
    seen = set().union(*asserted().values(), BY_HAND)

    assert set(assertions(check)) <= seen, "`make faults` keeps the record, asserted.json"


def test_no_assertion_is_proved_that_there_is_not() -> None:
    """A record of assertions that are gone would cover those that took their number."""
    every = {one for check in CHECKS for one in assertions(check)}

    assert set().union(*asserted().values(), BY_HAND) <= every
