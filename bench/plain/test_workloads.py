"""Deployments, their pods and images."""

import json
from typing import Any

import kubernetes
import pytest

from bench.plain.expected import CLUSTER, Service

KEYS_OF_NODES = ("kubernetes.io/", "eks.amazonaws.com/", "topology.kubernetes.io/", "node.kubernetes.io/")


def deployment_of(apps: Any, service: Service) -> Any:
    return apps.read_namespaced_deployment(service.name, service.namespace)


def pods_of(core: Any, service: Service) -> list[Any]:
    found = core.list_namespaced_pod(service.namespace, label_selector=f"app={service.name}").items
    assert found, f"{service.name} has no pod"
    return list(found)


def containers_of(core: Any, service: Service) -> list[Any]:
    return [one for pod in pods_of(core, service) for one in pod.status.container_statuses or []]


def test_deployment_exists(apps: Any, service: Service) -> None:
    assert deployment_of(apps, service)


def test_deployment_asks_for_its_replicas(apps: Any, service: Service) -> None:
    assert deployment_of(apps, service).spec.replicas >= service.replicas


def test_images_have_fixed_tags(apps: Any, service: Service) -> None:
    for container in deployment_of(apps, service).spec.template.spec.containers:
        assert ":" in container.image
        assert not container.image.endswith(":latest")


def test_node_affinity_names_labels_of_the_nodes(apps: Any, core: Any, service: Service) -> None:
    affinity = deployment_of(apps, service).spec.template.spec.affinity
    labels = {label for node in core.list_node().items for label in node.metadata.labels}
    required = affinity and affinity.node_affinity
    required = required and required.required_during_scheduling_ignored_during_execution
    terms = required.node_selector_terms if required else []
    asked = {expression.key for term in terms for expression in term.match_expressions or []}
    assert asked <= labels


def test_deployment_has_its_pods(core: Any, service: Service) -> None:
    assert len(pods_of(core, service)) >= service.replicas


def test_pods_are_scheduled(core: Any, service: Service) -> None:
    assert all(pod.spec.node_name for pod in pods_of(core, service))


def test_image_can_be_pulled(core: Any, service: Service) -> None:
    waiting = [one.state.waiting for one in containers_of(core, service) if one.state.waiting]
    assert not [one for one in waiting if one.reason in ("ImagePullBackOff", "ErrImagePull")]


def test_no_container_is_waiting(core: Any, service: Service) -> None:
    assert not [one for one in containers_of(core, service) if one.state.waiting]


def test_restarts_are_not_climbing(core: Any, service: Service) -> None:
    assert all(one.restart_count < 5 for one in containers_of(core, service))


def test_readiness_probe_asks_the_health_path(apps: Any, service: Service) -> None:
    container = deployment_of(apps, service).spec.template.spec.containers[0]
    assert container.readiness_probe.http_get.path == service.path


def test_running_pods_take_traffic(core: Any, service: Service) -> None:
    assert all(one.ready for one in containers_of(core, service))


def test_deployment_has_its_replicas_ready(apps: Any, service: Service) -> None:
    assert deployment_of(apps, service).status.ready_replicas >= service.replicas


def test_deployment_runs_its_current_generation(apps: Any, service: Service) -> None:
    found = deployment_of(apps, service)
    assert found.status.observed_generation == found.metadata.generation
    assert found.status.updated_replicas == found.spec.replicas


def test_service_has_ready_endpoints(cluster: Any, service: Service) -> None:
    discovery = kubernetes.client.DiscoveryV1Api(cluster)
    selector = f"kubernetes.io/service-name={service.name}"
    slices = discovery.list_namespaced_endpoint_slice(service.namespace, label_selector=selector).items
    assert any(
        endpoint.conditions and endpoint.conditions.ready
        for one in slices
        for endpoint in one.endpoints or []
    )


def test_image_is_in_its_repository(apps: Any, aws: Any, service: Service) -> None:
    image = deployment_of(apps, service).spec.template.spec.containers[0].image
    wanted = [{"imageTag": image.rpartition(":")[2]}]
    assert aws("ecr").describe_images(repositoryName=service.repository, imageIds=wanted)["imageDetails"]


def test_pods_run_what_their_tag_stands_for(core: Any, aws: Any, service: Service) -> None:
    for container in containers_of(core, service):
        wanted = [{"imageTag": container.image.rpartition(":")[2]}]
        found = aws("ecr").describe_images(repositoryName=service.repository, imageIds=wanted)["imageDetails"]
        assert container.image_id.endswith(found[0]["imageDigest"])


def node_roles(eks: Any) -> set[str]:
    groups = eks.list_nodegroups(clusterName=CLUSTER)["nodegroups"]
    found = (eks.describe_nodegroup(clusterName=CLUSTER, nodegroupName=name)["nodegroup"] for name in groups)
    return {group["nodeRole"] for group in found}


def test_repository_lets_the_nodes_pull(aws: Any, service: Service) -> None:
    ecr = aws("ecr")
    try:
        text = ecr.get_repository_policy(repositoryName=service.repository)["policyText"]
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        text = '{"Statement": []}'
    denied = [one for one in json.loads(text)["Statement"] if one["Effect"] == "Deny"]
    for role in node_roles(aws("eks")):
        assert role not in json.dumps(denied)


def test_node_role_may_pull_images(aws: Any) -> None:
    for role in node_roles(aws("eks")):
        name = role.rpartition("/")[2]
        attached = aws("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        inline = aws("iam").list_role_policies(RoleName=name)["PolicyNames"]
        names = {policy["PolicyName"] for policy in attached} | set(inline)
        assert any("ContainerRegistry" in one for one in names)


@pytest.mark.parametrize("condition", ["Ready"])
def test_nodes_are_ready(core: Any, condition: str) -> None:
    for node in core.list_node().items:
        assert {one.type: one.status for one in node.status.conditions}[condition] == "True"


def test_nodes_have_room(core: Any) -> None:
    pods = core.list_pod_for_all_namespaces().items
    for node in core.list_node().items:
        used = [pod for pod in pods if pod.spec.node_name == node.metadata.name]
        assert len(used) < int(node.status.allocatable["pods"])
