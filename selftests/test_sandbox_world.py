"""What is broken really breaks what depends on it, as an outsider sees it, and mends again."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import dns.flags
import dns.message
import dns.query
import dns.rcode
import psycopg
import pytest
from botocore.exceptions import ClientError

from selftests.outsiders import ask, client, get, kubectl, log_in, look_up, pods, secret, waiting_reason
from selftests.sandbox_process import Running, sandbox_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORIGIN = "origin-sandbox-kyeol.click"
STORE = "sandbox-kyeol.click"
DASHBOARD = "dashboard-sandbox.kyeol.click"
DOA = "api-sandbox.doa-market.click"

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Give one sandbox for all tests of this file."""
    folder: Path = tmp_path_factory.mktemp("sandbox") / "with a space"
    up = sandbox_command(folder, "up")
    assert up.returncode == 0, up.stderr
    try:
        yield Running(folder, json.loads((folder / "state.json").read_text()))
    finally:
        sandbox_command(folder, "down")


@needs_kubectl
def test_healthy_sandbox_runs_everything_without_a_restart(sandbox: Running) -> None:
    """A fault must be the only thing that is wrong: the healthy sandbox has nothing to complain of."""
    found = get(sandbox, "pods", "-A")["items"]
    statuses = [item["status"]["containerStatuses"][0] for item in found]
    assert len(found) == 26
    assert all(status["ready"] and status["restartCount"] == 0 for status in statuses)
    applications = get(sandbox, "applications", "-n", "argocd")["items"]
    states = {(item["status"]["sync"]["status"], item["status"]["health"]["status"]) for item in applications}
    assert states == {("Synced", "Healthy")}


@pytest.mark.parametrize(
    ("host", "path"),
    [(STORE, "/"), (ORIGIN, "/health/"), (DASHBOARD, "/"), (DOA, "/health")],
)
def test_every_host_answers_by_https(sandbox: Running, host: str, path: str) -> None:
    """The whole way is real: name, certificate, load balancer, target."""
    assert look_up(sandbox, host).answer
    assert ask(sandbox, host, path).status == 200


@needs_kubectl
def test_missing_database_crashes_its_service_alone(sandbox: Running) -> None:
    """One missing database explains one crashing service, and not its seventeen neighbours."""
    with sandbox.broken("db-missing", "database=cart_service"):
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            log_in(sandbox, "cart_service")
        running = pods(sandbox, "doa-market-prod")
        assert waiting_reason(running["cart-service"]) == "CrashLoopBackOff"
        assert [name for name, pod in running.items() if waiting_reason(pod)] == ["cart-service"]
        name = running["cart-service"]["metadata"]["name"]
        assert 'database "cart_service" does not exist' in kubectl(
            sandbox, "logs", "-n", "doa-market-prod", name, "--previous"
        )
    log_in(sandbox, "cart_service").close()
    assert waiting_reason(pods(sandbox, "doa-market-prod")["cart-service"]) is None


@needs_kubectl
def test_closed_security_group_silences_the_database(sandbox: Running) -> None:
    """Behind a closed security group a connection is not refused: nothing answers."""
    with sandbox.broken("db-sg-closed", "group=doa-market-rds-sg"):
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            log_in(sandbox, "auth_service")
        assert waiting_reason(pods(sandbox, "doa-market-prod")["auth-service"]) == "CrashLoopBackOff"
    log_in(sandbox, "auth_service").close()


@needs_kubectl
def test_untagged_subnets_take_address_and_name_from_the_ingress(sandbox: Running) -> None:
    """Tag, address, record: each follows from the one before, by its own controller."""
    with sandbox.broken("subnet-tags-public"):
        ingress = get(sandbox, "ingress", "saleor", "-n", "saleor")
        assert not ingress["status"]["loadBalancer"].get("ingress")
        assert "couldn't auto-discover subnets" in kubectl(sandbox, "get", "events", "-n", "saleor")
        assert look_up(sandbox, ORIGIN).rcode() == dns.rcode.NXDOMAIN or not look_up(sandbox, ORIGIN).answer
        assert ask(sandbox, STORE).status == 502
    assert ask(sandbox, ORIGIN, "/health/").status == 200


def test_service_without_pods_is_a_503_at_its_host(sandbox: Running) -> None:
    """The load balancer answers for a service that is not there."""
    with sandbox.broken("service-down", "service=api-gateway"):
        assert ask(sandbox, DOA, "/health").status == 503
    assert ask(sandbox, DOA, "/health").status == 200


def test_missing_origin_fails_its_preflight(sandbox: Running) -> None:
    """A browser is let in by what the API's pods read when they started."""
    headers = {"Origin": f"https://{DASHBOARD}", "Access-Control-Request-Method": "POST"}

    def allowed() -> str | None:
        answer = ask(sandbox, ORIGIN, "/graphql/", method="OPTIONS", headers=headers)
        return answer.headers.get("Access-Control-Allow-Origin")

    assert allowed() == f"https://{DASHBOARD}"
    with sandbox.broken("cors-origin-missing"):
        assert allowed() is None
    assert allowed() == f"https://{DASHBOARD}"


def test_cdn_without_its_prefix_list_cannot_fetch(sandbox: Running) -> None:
    """Users who ask the load balancer itself are let in by another rule."""
    with sandbox.broken("cdn-blocked-by-sg"):
        assert ask(sandbox, STORE).status == 504
        assert ask(sandbox, DASHBOARD).status == 200
    assert ask(sandbox, STORE).status == 200


def test_unserved_zone_is_refused_by_its_servers_and_fails_at_the_resolver(sandbox: Running) -> None:
    """Who asks for a name learns only that something is wrong; the name server says what."""
    with sandbox.broken("zone-unserved", "zone=doa-market.click"):
        assert look_up(sandbox, DOA, "SANDBOX_NAME_SERVER").rcode() == dns.rcode.REFUSED
        assert look_up(sandbox, DOA).rcode() == dns.rcode.SERVFAIL
        assert look_up(sandbox, ORIGIN, "SANDBOX_NAME_SERVER").rcode() == dns.rcode.NOERROR
    answers = {name: look_up(sandbox, DOA, name) for name in ("SANDBOX_DNS", "SANDBOX_NAME_SERVER")}
    assert {answer.rcode() for answer in answers.values()} == {dns.rcode.NOERROR}
    assert answers["SANDBOX_NAME_SERVER"].flags & dns.flags.AA
    assert not answers["SANDBOX_DNS"].flags & dns.flags.AA


@needs_kubectl
def test_paused_rollout_keeps_the_old_pods(sandbox: Running) -> None:
    """A release that comes while a rollout is paused changes the Deployment and no pod."""

    def review() -> Any:
        return pods(sandbox, "doa-market-prod")["review-service"]["metadata"]["uid"]

    before = review()
    with sandbox.broken("rollout-paused"):
        status = get(sandbox, "deployment", "review-service", "-n", "doa-market-prod")["status"]
        assert status.get("updatedReplicas", 0) == 0
        assert status["readyReplicas"] == 1
        assert review() == before
    status = get(sandbox, "deployment", "review-service", "-n", "doa-market-prod")["status"]
    assert status["updatedReplicas"] == 1


@needs_kubectl
def test_missing_image_leaves_the_pod_in_back_off(sandbox: Running) -> None:
    """The kubelet asks the registry, and the registry has no such tag."""
    with sandbox.broken("image-missing"):
        assert waiting_reason(pods(sandbox, "saleor")["saleor-dashboard"]) == "ImagePullBackOff"
    assert ask(sandbox, DASHBOARD).status == 200


def test_failed_nat_gateway_is_seen_by_boto3(sandbox: Running) -> None:
    """A state that no AWS API can set is answered by the API all the same."""
    ec2 = client(sandbox, "ec2")

    def states() -> list[str]:
        return sorted(gateway["State"] for gateway in ec2.describe_nat_gateways()["NatGateways"])

    with sandbox.broken("nat-failed", "zone=b"):
        assert states() == ["available", "available", "failed"]
    assert states() == ["available"] * 3


def test_denied_action_is_denied_to_the_suite_only(sandbox: Running) -> None:
    """A missing permission is a fault of our own access, and breaks nothing else."""
    ec2 = client(sandbox, "ec2")
    with sandbox.broken("access-denied", "action=ec2:DescribeNatGateways"):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            ec2.describe_nat_gateways()
        assert ask(sandbox, ORIGIN, "/health/").status == 200
    assert ec2.describe_nat_gateways()["NatGateways"]


@needs_kubectl
def test_command_runs_in_a_pod_of_the_api(sandbox: Running) -> None:
    """Where the database cannot be reached, Saleor itself is asked through exec."""
    users = "get_user_model().objects.filter(is_superuser=True)"
    script = f"from django.contrib.auth import get_user_model; print({users}.count())"
    words = ("exec", "-n", "saleor", "deploy/saleor-api", "--", "python", "manage.py", "shell", "-c", script)
    assert kubectl(sandbox, *words).strip() == "1"
    with sandbox.broken("superuser-missing"):
        assert kubectl(sandbox, *words).strip() == "0"


@needs_kubectl
def test_secret_names_the_database_that_aws_names(sandbox: Running) -> None:
    """Nothing has to be mapped: what AWS tells is what the applications use."""
    url = urlsplit(secret(sandbox, "saleor", "saleor-db-secret")["DATABASE_URL"])
    rds = client(sandbox, "rds")

    def endpoint() -> tuple[str, int]:
        found = rds.describe_db_instances(DBInstanceIdentifier="min-kyeol-sandbox-rds")["DBInstances"][0]
        return found["Endpoint"]["Address"], found["Endpoint"]["Port"]

    assert (url.hostname, url.port) == endpoint()
    assert unquote(url.path) == "/saleordb"
    with sandbox.broken("db-endpoint-moved"):
        assert url.hostname != endpoint()[0]
        assert look_up(sandbox, str(url.hostname)).rcode() == dns.rcode.NXDOMAIN


def test_unknown_fault_is_answered_with_the_nearest(sandbox: Running) -> None:
    """A typing error costs one look, not a search."""
    answer = sandbox.command("break", "nat-faild")
    assert answer.returncode == 1
    assert "did you mean nat-failed?" in answer.stderr


@pytest.mark.parametrize(
    ("fault", "wrong", "usual"),
    [
        ("reference-broken", "service=nope", "service=cart-service"),
        ("redis-hangs", "cache=nope", "cache=doa-market-redis"),
    ],
)
def test_a_value_that_names_nothing_is_answered_with_the_usual(
    sandbox: Running, fault: str, wrong: str, usual: str
) -> None:
    """`StopIteration` is for whoever wrote the fault; and nothing has been broken."""
    answer = sandbox.command("break", fault, wrong)

    assert answer.returncode == 1
    assert f"{fault} finds nothing of that name: {wrong} (by default {usual}" in answer.stderr
    assert fault not in sandbox.command("status").stdout


def test_breaking_and_mending_are_told(sandbox: Running) -> None:
    """Some of it takes half a minute; silence looks like nothing, and nobody knows whether it was done."""
    broken = sandbox.command("break", "db-missing", "database=cart_service")
    mended = sandbox.command("mend", "--all")

    assert broken.stderr == "sandbox: breaking db-missing database=cart_service … done\n"
    assert mended.stderr == "sandbox: mending everything … done\n"
    assert (broken.stdout, mended.stdout) == ("", "")


def test_a_shell_can_export_the_variables(sandbox: Running) -> None:
    """`eval "$(python -m sandbox env)"`, and kubectl, psql, aws find the sandbox; a path may hold a space."""
    said = sandbox.command("env").stdout
    names = " ".join(f'"${name}"' for name in sandbox.variables)
    done = subprocess.run(
        ["bash", "-c", f'eval "$1"; printf "%s\\n" {names}', "-", said],
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.splitlines() == list(sandbox.variables.values())
    assert [line.partition("=")[0] for line in said.splitlines()] == [
        f"export {it}" for it in sandbox.variables
    ]
    assert sandbox.state["control"]["token"] not in said
    assert sandbox.state["admin"]["aws_access_key_id"] not in said


def test_every_fault_tells_what_it_breaks() -> None:
    """`python -m sandbox faults` is the index of what the suite must catch."""
    from sandbox.faults import catalogue

    faults = catalogue()
    assert len(faults) >= 46
    assert all(fault.summary.endswith(".") for fault in faults.values())
