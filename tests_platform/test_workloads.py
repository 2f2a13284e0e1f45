"""Deployments and their pods, from what is asked for to what runs."""

from __future__ import annotations

from typing import Any

import pytest


def _absent(deployment: Any) -> str:
    return f"{deployment.title} does not exist"


def _no_pods(deployment: Any) -> str:
    return f"{deployment.title} has no pod to look at" if deployment.found else _absent(deployment)


def test_deployment_exists(deployment: Any) -> None:
    """A Deployment that was pruned, renamed or never synced leaves its service without pods."""
    assert deployment.found, _absent(deployment)


def test_deployment_asks_for_its_replicas(declared_service: Any, deployment: Any) -> None:
    """Scaled down for a maintenance Job and forgotten, a service stays down with nothing in any log."""
    assert deployment.found, _absent(deployment)
    assert deployment.replicas >= declared_service.replicas, (
        f"{deployment.title} asks for {deployment.replicas} replicas, not {declared_service.replicas}"
    )


@pytest.mark.where(tag_policy="fixed")
def test_images_have_fixed_tags(deployment: Any) -> None:
    """Nodes keep an image that they have: under the tag `latest` pods run what it meant long ago."""
    assert deployment.found, _absent(deployment)
    assert deployment.images, f"{deployment.title} has no container"
    loose = [image for image in deployment.images if not _is_fixed(image)]
    assert not loose, f"{deployment.title} uses {', '.join(loose)}, whose tag does not fix what runs"


def _is_fixed(image: str) -> bool:
    name = image.rpartition("/")[2]
    return "@sha256:" in image or (":" in name and not name.endswith(":latest"))


def test_node_affinity_names_labels_of_the_nodes(deployment: Any, cluster_labels: Any) -> None:
    """A pod that insists on a label or value that no node has stays Pending; one that prefers it does not."""
    assert deployment.found, _absent(deployment)
    assert cluster_labels.items, "the cluster has no node at all"
    choices = deployment.node_choices
    labels = dict.fromkeys(label for choice in choices for label in choice)
    wrong = [words for label in labels if (words := _unknown(label, cluster_labels))]
    together = f"{' and '.join(map(_asked, labels))}, which no node has together"
    assert not choices or any(cluster_labels.have(choice) for choice in choices), (
        f"{deployment.title} asks for {'; '.join(wrong) or together}"
    )


def _asked(label: Any) -> str:
    return f"nodes with {label.key}: {' or '.join(label.values) or 'any value'}"


def _unknown(label: Any, nodes: Any) -> str:
    there, asked = nodes.values(label.key), _asked(label)
    if not there:
        nearest = nodes.nearest(label.key)
        return f"{asked}, a label that no node has; they have {nearest}: {' or '.join(nodes.values(nearest))}"
    if label.values and not set(label.values) & set(there):
        return f"{asked}, but the nodes have {label.key}: {' or '.join(there)}"
    return ""


def test_deployment_has_its_pods(deployment: Any, service_pods: Any) -> None:
    """A quota, an admission webhook or a missing ServiceAccount keeps pods from being created at all."""
    assert deployment.found, _absent(deployment)
    assert service_pods.items, (
        f"{deployment.title} has no pods: {deployment.trouble or f'it asks for {deployment.replicas}'}"
    )


def test_pods_are_scheduled(deployment: Any, service_pods: Any, free_room: Any) -> None:
    """A pod that no node takes stays Pending until there is room, or its rules match a node."""
    assert service_pods.items, _no_pods(deployment)
    waiting = [f"pod {pod.name} is Pending: {pod.scheduling_message}" for pod in service_pods.unscheduled]
    assert not waiting, (
        f"{'; '.join(waiting)} (a pod of {deployment.title} asks for {deployment.requests}; {free_room.text})"
    )


def test_image_can_be_pulled(deployment: Any, service_pods: Any) -> None:
    """A tag that was never pushed, or a registry that refuses, leaves the new release out."""
    assert service_pods.items, _no_pods(deployment)
    failing = [
        f"pod {pod.name} cannot pull {container.image} ({container.reason}: {container.message})"
        for pod, container in service_pods.unable_to_pull
    ]
    assert not failing, "; ".join(failing)


def test_no_container_is_waiting(deployment: Any, service_pods: Any, last_words: Any) -> None:
    """A container that crashes at start, or cannot be set up, serves nobody."""
    assert service_pods.items, _no_pods(deployment)
    stuck = [
        f"pod {pod.name}: container {container.name} is {container.trouble}"
        for pod, container in service_pods.stuck
    ]
    assert not stuck, "; ".join([*stuck, last_words.text])


def test_restarts_are_not_climbing(deployment: Any, service_pods: Any, last_words: Any) -> None:
    """A container that restarts again and again answers in between, and hides its crash from a quick look."""
    assert service_pods.items, _no_pods(deployment)
    restarting = [
        f"pod {pod.name}: container {container.name} has restarted {container.restarts} times, the last run "
        f"{container.last_run} ({container.last_reason}, exit code {container.last_exit_code})"
        for pod, container in service_pods.restarting
    ]
    assert not restarting, "; ".join([*restarting, last_words.text])


@pytest.mark.where("health")
def test_readiness_probe_asks_the_health_path(declared_service: Any, deployment: Any) -> None:
    """A readiness probe that asks another path takes healthy pods out of traffic, or lets sick ones in."""
    assert deployment.found, _absent(deployment)
    assert deployment.readiness_path == declared_service.health.path, (
        f"the readiness probe of {deployment.title} asks {deployment.readiness_path or 'no HTTP path'}, but "
        f"its health is at {declared_service.health.path}"
    )


@pytest.mark.where("health")
def test_running_pods_answer_the_health_path(
    declared_service: Any, deployment: Any, service_pods: Any, unready_pods: Any
) -> None:
    """A pod that runs without taking traffic is asked itself: it must serve what its probe asks."""
    assert service_pods.items, _no_pods(deployment)
    wanted = declared_service.health
    failing = [
        f"pod {pod} of {deployment.title} does not answer {wanted.path} with {wanted.status}: {words}"
        for pod, words in unready_pods.other_than(wanted.status).items()
    ]
    assert not failing, "; ".join(failing)


def test_deployment_has_its_replicas_ready(declared_service: Any, deployment: Any) -> None:
    """Fewer ready replicas than declared: less capacity, and with none of them an outage."""
    assert deployment.found, _absent(deployment)
    assert deployment.ready >= declared_service.replicas, (
        f"{deployment.title} has {deployment.ready} of {declared_service.replicas} replicas ready"
        + (f" ({deployment.trouble})" if deployment.trouble else "")
    )


def test_deployment_runs_its_current_generation(deployment: Any) -> None:
    """A rollout that is stuck leaves the previous release serving, and looks healthy."""
    assert deployment.found, _absent(deployment)
    assert deployment.is_rolled_out, (
        f"{deployment.title} is not rolled out: {deployment.updated} of {deployment.replicas} replicas are "
        f"of the current generation, {deployment.outdated} of an older one"
        + (f" ({deployment.trouble})" if deployment.trouble else "")
    )
