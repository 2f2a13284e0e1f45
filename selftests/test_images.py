"""What a run makes of images: pinned by digests, under other names, of several platforms.

Over an API server and an AWS, so that what is told is what these two really answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postflight.environment import Environment, Service
from postflight.evidence import LiveAnswers, Looking, Unverified
from postflight.probes.aws import eks, iam
from postflight.probes.connections import Connections
from postflight.subjects.images import RunningImages, WorkloadImages, running_images, workload_images
from postflight.subjects.pulling import node_roles, pull_rights
from postflight.subjects.registry import Ask
from sandbox import names
from selftests.aws_looks import NO_FILES
from selftests.aws_server import Cloud
from selftests.kube_api_server import Served, deployment_manifest, pod_manifest
from selftests.kubernetes_runs import ENVIRONMENT, kubeconfig, post, serving_shop, set_status
from selftests.recorded_answers import Partly

pytest_plugins = ["selftests.aws_fixtures"]

REPOSITORY = "shop/cart"
REGISTRY = f"{names.REGISTRY}/{REPOSITORY}"
PLAIN = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
ONE, OTHER, WHOLE, PART, NOWHERE = (f"sha256:{word * 32}" for word in ("01", "02", "03", "04", "05"))
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
CART = Service(name="cart", namespace="shop", image_repository=REPOSITORY)


@pytest.fixture(scope="module")
def registry(cloud: Cloud) -> Iterator[Cloud]:
    """An AWS whose repository has two images and an index with an image of its own, and a bare cluster."""
    ecr, clusters = cloud.aws.client("ecr"), cloud.aws.client("eks")
    cluster = ENVIRONMENT["cluster"]["name"]
    clusters.create_cluster(
        name=cluster, roleArn=names.role_arn("eks"), resourcesVpcConfig={"subnetIds": ["subnet-1"]}
    )
    ecr.create_repository(repositoryName=REPOSITORY)
    pushed = ((ONE, PLAIN, "v1"), (OTHER, PLAIN, "latest"), (WHOLE, INDEX, "many"), (PART, PLAIN, ""))
    for digest, media_type, tag in pushed:
        manifest = json.dumps({"mediaType": media_type, "annotations": {"is": digest}})
        named = {"imageTag": tag} if tag else {}
        ecr.put_image(
            repositoryName=REPOSITORY,
            imageManifest=manifest,
            imageManifestMediaType=media_type,
            imageDigest=digest,
            **named,
        )
    yield cloud
    ecr.delete_repository(repositoryName=REPOSITORY, force=True)
    clusters.delete_cluster(name=cluster)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


@pytest.fixture
def asking(registry: Cloud, served: Served, tmp_path: Path) -> tuple[Ask, Environment]:
    """Give what a row is called with: a run that reaches both servers."""
    environment = Environment.model_validate(ENVIRONMENT)
    file = kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), {"token": "viewer"})
    process = {
        **NO_FILES,
        "HOME": "/nonexistent",
        "KUBECONFIG": str(file),
        "AWS_ENDPOINT_URL": registry.aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "AKIASELFTEST00000001",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    return Ask(LiveAnswers(), Connections(environment, "outside", process)), environment


Running = Callable[..., None]


@pytest.fixture
def running(served: Served) -> Running:
    """Give a function that makes a Deployment, and a pod of it as its node tells of it."""

    def make(image: str, image_id: str, told: str = "") -> None:
        deployment: Any = deployment_manifest("cart")
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image
        post(served, "/apis/apps/v1/namespaces/shop/deployments", deployment)
        pod = pod_manifest("cart-1", labels={"app": "cart"})
        pod["spec"]["containers"][0]["image"] = image
        post(served, "/api/v1/namespaces/shop/pods", pod)
        state = {"running": {}} if image_id else {"waiting": {"reason": "ContainerCreating"}}
        status = {"name": "box", "image": told or image, "imageID": image_id, "state": state}
        whole = {"phase": "Running", "containerStatuses": [{**status, "restartCount": 0, "ready": True}]}
        set_status(served, "/api/v1/namespaces/shop/pods/cart-1", whole)

    return make


def runs(asking: tuple[Ask, Environment]) -> RunningImages:
    """Look at what the pods run."""
    return running_images(*asking, CART)


def asked_for(asking: tuple[Ask, Environment]) -> WorkloadImages:
    """Look at what the Deployment asks for."""
    return workload_images(*asking, CART)


@pytest.mark.parametrize("tag", ["", ":v1", ":gone"])
@pytest.mark.parametrize(("digest", "is_there"), [(ONE, True), (WHOLE, True), (PART, True), (NOWHERE, False)])
def test_a_digest_is_looked_for_in_the_registry(
    asking: tuple[Ask, Environment], running: Running, tag: str, digest: str, *, is_there: bool
) -> None:
    """It was its own proof: pods that must start anew found out that a lifecycle policy had deleted it."""
    running(f"{REGISTRY}{tag}@{digest}", f"{REGISTRY}@{digest}")
    seen = asked_for(asking)

    assert seen.missing == (() if is_there else (f"{REGISTRY}{tag}@{digest}",))
    assert seen.is_doomed is not is_there


@pytest.mark.parametrize("reported", [ONE, PART, ""])
def test_a_pinned_pod_is_never_stale(
    asking: tuple[Ask, Environment], running: Running, reported: str
) -> None:
    """It was held against the tag `latest`, which it never named, and which is another image."""
    running(f"{REGISTRY}@{ONE}", f"{REGISTRY}@{reported}" if reported else "sha256:config", "sha256:config")
    (image,) = runs(asking).items

    assert image.is_current
    assert (image.digest, image.tags) == (ONE, ("v1",))


def test_a_tag_beside_a_digest_may_move(asking: tuple[Ask, Environment], running: Running) -> None:
    """Kubernetes pulls by the digest: the tag tells people which build it was."""
    running(f"{REGISTRY}:latest@{ONE}", f"{REGISTRY}@{ONE}")
    (image,) = runs(asking).items

    assert (image.is_current, image.tags) == (True, ("latest",))


@pytest.mark.parametrize("told", ["sha256:config", f"{REGISTRY}:latest", "docker.io/other/cart:v1"])
@pytest.mark.parametrize(("digest", "is_current"), [(ONE, True), (OTHER, False)])
def test_what_a_pod_asks_for_is_in_its_spec(
    asking: tuple[Ask, Environment], running: Running, told: str, digest: str, *, is_current: bool
) -> None:
    """A node may tell another name of the same content: nothing was compared then, or the wrong tag."""
    running(f"{REGISTRY}:v1", f"{REGISTRY}@{digest}", told)
    (image,) = runs(asking).items

    assert (image.reference, image.is_current) == (f"{REGISTRY}:v1", is_current)


@pytest.mark.parametrize("image_id", ["sha256:config", f"{REGISTRY}@{PART}"])
def test_what_cannot_be_compared_is_unverified(
    asking: tuple[Ask, Environment], running: Running, image_id: str
) -> None:
    """A bare ID, or one platform's digest where the tag stands for an index, is neither right nor stale."""
    running(f"{REGISTRY}:many", image_id)
    with pytest.raises(Unverified, match=image_id):
        runs(asking)


@pytest.mark.parametrize(("digest", "is_current"), [(WHOLE, True), (NOWHERE, False)])
def test_an_index_is_compared_as_a_whole(
    asking: tuple[Ask, Environment], running: Running, digest: str, *, is_current: bool
) -> None:
    """Nodes report the index; what the registry no longer has is no part of one that is there."""
    running(f"{REGISTRY}:many", f"{REGISTRY}@{digest}")
    (image,) = runs(asking).items

    assert image.is_current is is_current


def test_a_pod_that_has_pulled_nothing_runs_nothing(
    asking: tuple[Ask, Environment], running: Running
) -> None:
    """Patience waits for what fails, not for what is unverified: a pod that still pulls may be right soon."""
    running(f"{REGISTRY}:v1", "")

    assert runs(asking).items == ()


@pytest.mark.parametrize("row", [node_roles, lambda ask, environment: pull_rights(ask, environment, CART)])
def test_nodes_of_no_managed_group_pull_as_nobody_knows_whom(
    asking: tuple[Ask, Environment], row: Callable[..., Any]
) -> None:
    """Karpenter, Auto Mode and Fargate are no fault of the environment."""
    with pytest.raises(Unverified, match="no managed node group"):
        row(*asking)


def _with_a_group(ask: Ask) -> Ask:
    """Return what asks in a cluster with one managed node group, whose role may pull."""
    group = eks.NodeGroup(name="small", role_arn=names.role_arn("node"))
    seen = {
        "aws.eks.node_groups": eks.NodeGroups(names=("small",)),
        "aws.eks.node_group": group,
        "aws.iam.attached_policies": iam.RolePolicies(role="node", attached=(PULL_ONLY,)),
        "aws.iam.inline_policies": iam.RolePolicies(role="node"),
    }
    return Ask(Partly(seen, LiveAnswers()), ask.connections)


@pytest.mark.parametrize("row", [node_roles, lambda ask, environment: pull_rights(ask, environment, CART)])
def test_role_of_a_small_group_does_not_stand_for_the_nodes_of_karpenter(
    asking: tuple[Ask, Environment], served: Served, row: Callable[..., Any]
) -> None:
    """Karpenter itself runs on a managed group, and all the rest on nodes with another role."""
    ask, environment = asking
    labels = {"eks.amazonaws.com/nodegroup": "small"}
    post(served, "/api/v1/nodes", {"metadata": {"name": "managed", "labels": labels}})
    assert row(_with_a_group(ask), environment)

    post(served, "/api/v1/nodes", {"metadata": {"name": "made-by-karpenter"}})
    with pytest.raises(Unverified, match=r"1 of the nodes .* made-by-karpenter for one"):
        row(_with_a_group(ask), environment)


@dataclass(frozen=True)
class _OneIsUnseen:
    """Two node groups; of one of their roles nothing can be seen, the other has no policy at all."""

    renewals = 0

    roles: tuple[str, str]

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Answer by what is asked."""
        del since
        about = [one for one in self.roles if one in str(looking.question.arguments)]
        match looking.question.probe.rpartition(".")[2], about:
            case "node_groups", _:
                return eks.NodeGroups(names=self.roles)
            case "node_group", [name]:
                return eks.NodeGroup(name=name, role_arn=names.role_arn(name))
            case _, ["unseen"]:
                raise Unverified("AWS does not let us look")
        return iam.RolePolicies(role="bare")


@pytest.mark.parametrize("order", [("unseen", "bare"), ("bare", "unseen")])
def test_a_role_that_is_refused_is_told_beside_one_that_is_not_known(
    asking: tuple[Ask, Environment], order: tuple[str, str]
) -> None:
    """Images of half of the nodes cannot be pulled: that is a finding, whatever the others may do."""
    ask, environment = asking
    seen = node_roles(Ask(_OneIsUnseen(order), ask.connections), environment)
    assert [(one.name, bool(one.refused)) for one in seen.items] == [("bare", True)]
