"""Ingresses, controllers, deliveries."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import kubernetes
import pytest

from bench.plain.expected import APPLICATIONS, CERTIFICATES, CLUSTER, CONTROLLERS, INGRESSES, PREFIX

ANNOTATION = "alb.ingress.kubernetes.io"
controllers = pytest.mark.parametrize("controller", CONTROLLERS)
applications = pytest.mark.parametrize("application", APPLICATIONS)


def ingress_of(networking: Any, name: str) -> Any:
    return networking.read_namespaced_ingress(name, INGRESSES[name])


def test_ingress_exists(networking: Any, ingress_name: str) -> None:
    assert ingress_of(networking, ingress_name)


def test_ingress_declares_its_scheme(networking: Any, ingress_name: str) -> None:
    annotations = ingress_of(networking, ingress_name).metadata.annotations
    assert annotations[f"{ANNOTATION}/scheme"] == "internet-facing"


def test_ingress_declares_its_target_type(networking: Any, ingress_name: str) -> None:
    assert ingress_of(networking, ingress_name).metadata.annotations[f"{ANNOTATION}/target-type"] == "ip"


def test_ingress_names_its_certificate(networking: Any, ingress_name: str) -> None:
    named = ingress_of(networking, ingress_name).metadata.annotations[f"{ANNOTATION}/certificate-arn"]
    assert CERTIFICATES[ingress_name][0] in named.split(",")


def test_ingress_has_an_address(networking: Any, ingress_name: str) -> None:
    assert ingress_of(networking, ingress_name).status.load_balancer.ingress[0].hostname


@controllers
def test_controller_is_ready(apps: Any, controller: str) -> None:
    assert apps.read_namespaced_deployment(controller, "kube-system").status.ready_replicas >= 1


@controllers
def test_service_account_of_the_controller_names_its_role(core: Any, controller: str) -> None:
    account = core.read_namespaced_service_account(controller, "kube-system")
    role = account.metadata.annotations["eks.amazonaws.com/role-arn"]
    assert role.endswith(f"/{CONTROLLERS[controller][0]}")


@controllers
def test_role_trusts_the_controller(aws: Any, controller: str) -> None:
    trust = aws("iam").get_role(RoleName=CONTROLLERS[controller][0])["Role"]["AssumeRolePolicyDocument"]
    issuer = aws("eks").describe_cluster(name=CLUSTER)["cluster"]["identity"]["oidc"]["issuer"]
    assert f"system:serviceaccount:kube-system:{controller}" in json.dumps(trust)
    assert issuer.removeprefix("https://") in json.dumps(trust)


@controllers
def test_role_of_the_controller_has_its_policy(aws: Any, controller: str) -> None:
    role, policy = CONTROLLERS[controller]
    iam = aws("iam")
    attached = {
        one["PolicyName"] for one in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    }
    assert policy in attached | set(iam.list_role_policies(RoleName=role)["PolicyNames"])


def arguments_of_external_dns(apps: Any) -> list[str]:
    found = apps.read_namespaced_deployment("external-dns", "kube-system").spec.template.spec.containers[0]
    return list(found.args or [])


def test_external_dns_has_its_own_owner_id(apps: Any) -> None:
    assert f"--txt-owner-id={PREFIX}-externaldns" in arguments_of_external_dns(apps)


def test_external_dns_covers_its_domains(apps: Any) -> None:
    filters = [one.partition("=")[2] for one in arguments_of_external_dns(apps) if "domain-filter" in one]
    assert not filters or {"kyeol.click", "doa-market.click"} <= set(filters)


def application_of(custom: Any, name: str) -> Any:
    found = custom.get_namespaced_custom_object("argoproj.io", "v1alpha1", "argocd", "applications", name)
    return found["status"]


@applications
def test_application_exists(custom: Any, application: str) -> None:
    assert application_of(custom, application)


@applications
def test_application_is_synced(custom: Any, application: str) -> None:
    assert application_of(custom, application)["sync"]["status"] == "Synced"


@applications
def test_application_is_healthy(custom: Any, application: str) -> None:
    assert application_of(custom, application)["health"]["status"] == "Healthy"


@applications
def test_operation_is_not_stuck(custom: Any, application: str) -> None:
    assert application_of(custom, application).get("operationState", {}).get("phase") != "Running"


def test_databases_were_created(cluster: Any) -> None:
    batch = kubernetes.client.BatchV1Api(cluster)
    status = batch.read_namespaced_job("create-databases", "doa-market-prod").status
    assert status
    assert status.succeeded


def test_api_pods_run_as_their_service_account(apps: Any) -> None:
    spec = apps.read_namespaced_deployment("saleor-api", "saleor").spec.template.spec
    assert spec.service_account_name == "saleor-api"


def test_service_account_of_the_api_names_its_role(core: Any) -> None:
    account = core.read_namespaced_service_account("saleor-api", "saleor")
    role = account.metadata.annotations["eks.amazonaws.com/role-arn"]
    assert role.endswith(f"/{PREFIX}-saleor-api-role")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_application_status_is_current(custom: Any, name: str) -> None:
    seen = datetime.fromisoformat(application_of(custom, name)["reconciledAt"])
    assert datetime.now(UTC) - seen < timedelta(minutes=15)
