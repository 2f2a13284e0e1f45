"""Which evidence says that waiting is in vain, and which says nothing of the sort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import Evidence
from postflight.probes.aws.acm import Certificate
from postflight.probes.aws.ec2 import NatGateway
from postflight.probes.aws.eks import Cluster
from postflight.probes.aws.elasticache import Cache
from postflight.probes.aws.elbv2 import LoadBalancer
from postflight.probes.aws.rds import DatabaseServer
from postflight.probes.kubernetes import delivery
from postflight.probes.kubernetes.delivery import Application, Job
from postflight.probes.kubernetes.deployments import Condition, Deployment
from selftests.kube_api_server import Served, serving
from selftests.kubernetes_runs import run_at

FAILED = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "7 pods failed"}
GAVE_UP = {"type": "SyncError", "message": "Failed sync attempt to 7114918: one or more objects failed"}


def job(kind: str, status: str = "True", reason: str = "BackoffLimitExceeded") -> Job:
    """Return a Job with one condition."""
    told = Condition(type=kind, status=status, reason=reason, message="")
    return Job(namespace="shop", name="migrate", failed=3, conditions=(told,))


def application(phase: str, *, gave_up: bool) -> Application:
    """Return an Application whose last operation is in a phase."""
    return Application(
        namespace="argocd", name="shop", sync="OutOfSync", operation_phase=phase, gave_up=gave_up
    )


def deployment(reason: str) -> Deployment:
    """Return a Deployment that does not progress."""
    told = Condition(type="Progressing", status="False", reason=reason, message="")
    return Deployment(namespace="shop", name="cart", conditions=(told,))


def server(status: str) -> DatabaseServer:
    """Return a database server in a state."""
    return DatabaseServer(kind="instance", identifier="shop", status=status)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(job("Failed"), id="job-failed"),
        pytest.param(job("Failed", reason="DeadlineExceeded"), id="job-too-late"),
        pytest.param(job("FailureTarget"), id="job-ending-its-pods"),
        pytest.param(application("Failed", gave_up=True), id="sync-failed"),
        pytest.param(application("Error", gave_up=True), id="sync-error"),
        pytest.param(NatGateway(name="a", state="failed"), id="nat"),
        pytest.param(LoadBalancer(name="a", state="failed"), id="load-balancer"),
        pytest.param(Certificate(arn="arn:a", status="FAILED"), id="certificate"),
        pytest.param(Certificate(arn="arn:a", status="VALIDATION_TIMED_OUT"), id="certificate-too-late"),
        pytest.param(server("incompatible-parameters"), id="database"),
        pytest.param(server("failed"), id="database-failed"),
        pytest.param(Cache(name="a", status="create-failed"), id="cache"),
        pytest.param(Cluster(name="a", status="FAILED"), id="cluster"),
    ],
)
def test_what_has_failed_for_good_is_not_waited_for(seen: Evidence) -> None:
    """Five minutes of waiting for what somebody has to make anew are five minutes lost to each gate."""
    assert seen.is_doomed


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(Job(namespace="shop", name="migrate", active=1, failed=3), id="job-retrying"),
        pytest.param(Job(namespace="shop", name="migrate", found=False), id="job-not-yet-there"),
        pytest.param(job("Failed", "False"), id="job-not-failed"),
        pytest.param(job("Suspended", reason="JobSuspended"), id="job-suspended"),
        pytest.param(job("Complete", reason="CompletionsReached"), id="job-complete"),
        pytest.param(application("Failed", gave_up=False), id="sync-failed-and-may-be-tried-again"),
        pytest.param(application("Running", gave_up=True), id="sync-started-by-hand"),
        pytest.param(deployment("ProgressDeadlineExceeded"), id="rollout-that-is-late"),
        pytest.param(NatGateway(name="a", state="pending"), id="nat"),
        pytest.param(LoadBalancer(name="a", state="provisioning"), id="load-balancer"),
        pytest.param(LoadBalancer(name="a", found=False), id="load-balancer-not-yet-there"),
        pytest.param(Certificate(arn="arn:a", status="PENDING_VALIDATION"), id="certificate"),
        pytest.param(server("modifying"), id="database"),
        pytest.param(Cache(name="a", status="creating"), id="cache"),
        pytest.param(Cluster(name="a", status="UPDATING"), id="cluster"),
    ],
)
def test_what_may_yet_become_right_is_waited_for(seen: Evidence) -> None:
    """A gate that gives up on a rollout which is only slow calls a good release bad."""
    assert not seen.is_doomed


@pytest.mark.parametrize(("conditions", "is_doomed"), [([FAILED], True), ([], False)])
def test_a_job_that_has_used_up_its_retries_is_seen(
    tmp_path: Path, conditions: list[dict[str, str]], is_doomed: bool
) -> None:
    """The API server says so in a condition; a count of failed pods says nothing."""
    with serving(tmp_path) as served:
        make(served, "batch/v1", "Job", "jobs", {"failed": 3, "conditions": conditions})
        connections = run_at(served, tmp_path, "admin")
        seen = delivery.jobs.looking(connections, "shop").look().named("thing")

    assert (seen.failed, seen.is_doomed) == (3, is_doomed)


@pytest.mark.parametrize(("conditions", "is_doomed"), [([GAVE_UP], True), ([], False)])
def test_an_application_on_which_argo_cd_gave_up_is_seen(
    tmp_path: Path, conditions: list[dict[str, str]], is_doomed: bool
) -> None:
    """Argo CD tries each revision once, and says that it will not again."""
    status = {"operationState": {"phase": "Failed"}, "conditions": conditions}
    with serving(tmp_path) as served:
        make(served, "argoproj.io/v1alpha1", "Application", "applications", status)
        connections = run_at(served, tmp_path, "admin")
        seen = delivery.applications.looking(connections, "shop").look().named("thing")

    assert (seen.operation_phase, seen.is_doomed) == ("Failed", is_doomed)


def make(served: Served, version: str, kind: str, plural: str, status: dict[str, Any]) -> None:
    """Create an object called `thing` with a status (of its own, for those kinds that have it apart)."""
    assert served.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}}).ok
    template = {"spec": {"containers": [{"name": "one", "image": "one"}], "restartPolicy": "Never"}}
    head = {"apiVersion": version, "kind": kind, "metadata": {"name": "thing"}}
    path = f"/apis/{version}/namespaces/shop/{plural}"
    body = {**head, "spec": {"template": template}, "status": status}
    assert served.request("POST", path, body=body).ok
    if kind == "Job":
        merge = "application/merge-patch+json"
        told = served.request("PATCH", f"{path}/thing/status", body={"status": status}, Content_Type=merge)
        assert told.ok, told.text
