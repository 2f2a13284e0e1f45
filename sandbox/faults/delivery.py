"""Faults of how things get delivered: Terraform, Argo CD, Jobs, images that move, nodes that fill up."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.aws.seed_platform import NODE_POLICY, PREVIOUS_RELEASE
from sandbox.aws.seed_stores import LOCK_TABLE, STATE_BUCKET, STATE_KEY
from sandbox.controllers.scheduler import demand
from sandbox.faults import fault
from sandbox.faults.ingress import without_policy
from sandbox.faults.site import container
from sandbox.manifests import doa

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site

DOA = names.DOA_NAMESPACE


def _ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@fault("tf-lock-left")
def tf_lock_left(site: Site, hours: str = "3") -> Generator[None]:
    """A Terraform run that died has left its lock."""
    table: Any = site.aws.client("dynamodb")
    lock = f"{STATE_BUCKET}/{STATE_KEY}"
    information = {
        "ID": "7c3f2b1e-8d4a-4f6e-9b0a-5e2d1c4f8a77",
        "Operation": "OperationTypeApply",
        "Info": "",
        "Who": "deployer@ci-runner-12",
        "Version": "1.9.8",
        "Created": _ago(float(hours)),
        "Path": lock,
    }
    item = {"LockID": {"S": lock}, "Info": {"S": json.dumps(information)}}
    table.put_item(TableName=LOCK_TABLE, Item=item)
    yield
    table.delete_item(TableName=LOCK_TABLE, Key={"LockID": {"S": lock}})


@fault("tf-state-drift")
def tf_state_drift(site: Site, kind: str = "aws_eks_cluster") -> Generator[None]:
    """The cluster exists, but the Terraform state does not hold it."""
    s3: Any = site.aws.client("s3")
    before = s3.get_object(Bucket=STATE_BUCKET, Key=STATE_KEY)["Body"].read()
    state = json.loads(before)
    state["resources"] = [item for item in state["resources"] if item["type"] != kind]
    state["serial"] += 1
    s3.put_object(Bucket=STATE_BUCKET, Key=STATE_KEY, Body=json.dumps(state).encode())
    yield
    s3.put_object(Bucket=STATE_BUCKET, Key=STATE_KEY, Body=before)


@fault("argocd-stuck")
def argocd_stuck(site: Site, application: str = names.DOA_APPLICATION, hours: str = "2") -> Generator[None]:
    """An operation of Argo CD has been running for hours."""
    operation = {
        "phase": "Running",
        "message": "waiting for completion of hook batch/Job/create-databases",
        "startedAt": _ago(float(hours)),
        "finishedAt": None,
    }
    undo = site.edit(
        "Application", "argocd", application, lambda item: item["status"]["operationState"].update(operation)
    )
    yield
    undo()


@fault("argocd-degraded")
def argocd_degraded(site: Site, service: str = "saleor-dashboard") -> Generator[None]:
    """A Service was changed by hand, so its application is OutOfSync."""
    namespace = names.KYEOL_NAMESPACE if service in names.SALEOR_WORKLOADS else DOA
    undo = site.edit(
        "Service", namespace, service, lambda item: item["spec"]["ports"][0].update(name="by-hand")
    )
    yield
    undo()


@fault("env-drift")
def env_drift(
    site: Site, workload: str = "inventory-service", key: str = "NODE_ENV", value: str = "development"
) -> Generator[None]:
    """A variable of a workload was patched by hand and differs from what Git declares."""

    def change(item: dict[str, Any]) -> None:
        for entry in container(item)["env"]:
            if entry["name"] == key:
                entry["value"] = value

    undo = site.edit("Deployment", DOA, workload, change)
    yield
    undo()


@fault("image-stale")
def image_stale(site: Site, workload: str = "stats-service") -> Generator[None]:
    """A tag was pushed again after the pod had pulled it."""
    repository = names.repository_of(workload)
    site.push_image(repository, names.RELEASE, content="built again")
    yield
    site.push_image(repository, names.RELEASE)


@fault("release-not-live")
def release_not_live(site: Site, workload: str = "review-service") -> Generator[None]:
    """Argo CD is Synced, but Git still declares the previous release of one workload."""
    image = names.image(names.repository_of(workload), PREVIOUS_RELEASE)
    undo = site.commit("Deployment", DOA, workload, lambda item: container(item).update(image=image))
    yield
    undo()


@fault("image-repo-denied")
def image_repo_denied(
    site: Site, workload: str = "shipping-service", part: str = "repository"
) -> Generator[None]:
    """The image's repository denies the nodes to pull (part=repository), or their role lets them not."""
    steps = (
        without_policy(site, names.NODE_ROLE, NODE_POLICY)
        if part == "role"
        else _with_denial(site, names.repository_of(workload))
    )
    next(steps)
    # On a node that has the image nobody would notice.
    site.images.forget(names.repository_of(workload))
    site.replace_pods(DOA, workload)
    yield
    next(steps, None)
    site.replace_pods(DOA, workload)


def _with_denial(site: Site, repository: str) -> Generator[None]:
    """Let a repository deny the nodes to pull."""
    ecr: Any = site.aws.client("ecr")
    denial = {
        "Sid": "DenyPull",
        "Effect": "Deny",
        "Principal": {"AWS": names.role_arn(names.NODE_ROLE)},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    ecr.set_repository_policy(repositoryName=repository, policyText=policy)
    yield
    ecr.delete_repository_policy(repositoryName=repository)


@fault("job-pending")
def job_pending(site: Site, memory: str = "16Gi") -> Generator[None]:
    """The pod of the create-databases Job asks for more than any node has."""
    job = doa.create_databases_job()
    name = job["metadata"]["name"]
    status = site.kube.get("Job", DOA, name)["status"]
    site.kube.delete("Job", DOA, name)
    greedy = doa.create_databases_job()
    greedy["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["memory"] = memory
    site.kube.create(greedy)
    yield
    site.kube.delete("Job", DOA, name)
    site.kube.create(job, status)


@fault("nodes-full")
def nodes_full(site: Site) -> Generator[None]:
    """Every node runs as many pods as it may, and nearly all of its memory is asked for."""
    before = {}
    for node in site.kube.list("Node", None):
        name = node["metadata"]["name"]
        before[name] = node["status"]["allocatable"]
        used = [pod for pod in site.kube.list("Pod", None) if pod["spec"].get("nodeName") == name]
        memory = sum((demand(pod).memory for pod in used), Decimal(0)) / Decimal("0.99")
        full = {"pods": str(len(used)), "memory": f"{int(memory / 1024) + 1}Ki"}
        site.kube.patch_status("Node", None, name, {"allocatable": {**before[name], **full}})
    yield
    for name, allocatable in before.items():
        site.kube.patch_status("Node", None, name, {"allocatable": allocatable})
