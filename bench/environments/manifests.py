"""The Kubernetes objects of a pretend environment, with the status that a live cluster would give them."""

from collections.abc import Iterator
from typing import Any

from bench.environments.size import (
    DIGEST,
    HEALTH,
    LOGIN,
    NAMESPACE,
    NODE_GROUP,
    PODS_A_NODE,
    SETTINGS,
    Size,
    image,
)
from sandbox.manifests.objects import (
    Manifest,
    container,
    deployment,
    manifest,
    secret,
    service,
    service_account,
)

BORN = "2026-01-01T00:00:00Z"


def objects(size: Size, app_port: int) -> Iterator[tuple[Manifest, Manifest | None]]:
    """Yield every object and its status, in an order in which they can be made."""
    yield manifest("v1", "Namespace", NAMESPACE, None), None
    yield from (_node(number) for number in range(size.nodes))
    yield manifest("v1", "ConfigMap", SETTINGS, NAMESPACE, data={"DB_HOST": "db.shop.example"}), None
    yield secret(NAMESPACE, LOGIN, {"password": "correct-horse-battery-staple"}), None
    yield service_account(NAMESPACE, "shop"), None
    for number, name in enumerate(size.names):
        yield from _service(size, number, name, app_port)


def _node(number: int) -> tuple[Manifest, Manifest]:
    allocatable = {"cpu": "64", "memory": "256Gi", "pods": str(PODS_A_NODE + 10)}
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is ready"}
    metadata = {"labels": {"eks.amazonaws.com/nodegroup": NODE_GROUP}}
    spec = {"providerID": f"aws:///a/i-{number:017x}"}
    node = manifest("v1", "Node", f"node-{number}", None, metadata=metadata, spec=spec)
    return node, {"allocatable": allocatable, "capacity": allocatable, "conditions": [ready]}


def _service(size: Size, number: int, name: str, app_port: int) -> Iterator[tuple[Manifest, Manifest | None]]:
    made = _deployment(size, name, app_port)
    runs = size.trouble != "one cause"
    ready = {"readyReplicas": size.replicas, "availableReplicas": size.replicas} if runs else {}
    seen = {"observedGeneration": 1, "replicas": size.replicas, "updatedReplicas": size.replicas}
    yield made, {**seen, **ready}
    yield service(NAMESPACE, name, app_port, app_port), None
    pods = [f"{name}-{letter}" for letter in "abcdefghij"[: size.replicas]]
    addresses = [f"10.{number // 250}.{number % 250}.{place + 1}" for place in range(size.replicas)]
    for place, pod in enumerate(pods):
        node = f"node-{(number * size.replicas + place) // PODS_A_NODE}"
        yield _pod(made, pod, node), _pod_status(made, addresses[place], runs=runs)
    yield _endpoint_slice(name, pods, addresses, app_port, ready=runs), None


def _deployment(size: Size, name: str, app_port: int) -> Manifest:
    env = [
        {"name": "DB_HOST", "valueFrom": {"configMapKeyRef": {"name": SETTINGS, "key": "DB_HOST"}}},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": LOGIN, "key": "password"}}},
        {"name": "LOG_LEVEL", "value": "info"},
    ]
    path = "/elsewhere" if size.trouble == "each its own" else HEALTH
    return deployment(
        NAMESPACE, container(name, image(name), app_port, path, env=env), size.replicas, account="shop"
    )


def _pod(made: Manifest, pod: str, node: str) -> Manifest:
    name = made["metadata"]["name"]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-5b8", "uid": f"{name}-uid"}
    metadata = {"labels": {"app": name}, "ownerReferences": [{**owner, "controller": True}]}
    spec = {**made["spec"]["template"]["spec"], "nodeName": node}
    return manifest("v1", "Pod", pod, NAMESPACE, metadata=metadata, spec=spec)


def _pod_status(made: Manifest, address: str, *, runs: bool) -> Manifest:
    spec = made["spec"]["template"]["spec"]["containers"][0]
    waiting = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{spec["image"]}"'}
    truth = "True" if runs else "False"
    state: Manifest = {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": f"{spec['image'].rpartition(':')[0]}@{DIGEST}" if runs else "",
        "ready": runs,
        "restartCount": 0,
        "state": {"running": {"startedAt": BORN}} if runs else {"waiting": waiting},
        "lastState": {},
    }
    return {
        "phase": "Running" if runs else "Pending",
        "podIP": address,
        "startTime": BORN,
        "conditions": [
            {"type": "Ready", "status": truth, "lastTransitionTime": BORN},
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": BORN},
        ],
        "containerStatuses": [state],
    }


def _endpoint_slice(name: str, pods: list[str], addresses: list[str], port: int, *, ready: bool) -> Manifest:
    endpoints: list[dict[str, Any]] = [
        {
            "addresses": [address],
            "conditions": {"ready": ready},
            "targetRef": {"kind": "Pod", "name": pod, "namespace": NAMESPACE},
        }
        for pod, address in zip(pods, addresses, strict=True)
    ]
    return manifest(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        f"{name}-x7k2p",
        NAMESPACE,
        metadata={"labels": {"kubernetes.io/service-name": name}},
        addressType="IPv4",
        endpoints=endpoints,
        ports=[{"name": "http", "port": port, "protocol": "TCP"}],
    )
