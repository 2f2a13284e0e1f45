"""Endpoints and EndpointSlices: the addresses behind a Service, from its selector and ready pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.controllers import pods as pod_state

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Cluster, Manifest


def reconcile(cluster: Cluster) -> None:
    """Bring every selecting Service's Endpoints and EndpointSlice up to date."""
    for service in cluster.all("services"):
        if not service["spec"].get("selector"):
            continue
        chosen = selected_pods(cluster, service)
        cluster.put(_endpoints(service, chosen))
        cluster.put(_slice(service, chosen))


def selected_pods(cluster: Cluster, service: Manifest) -> list[Manifest]:
    """List the pods with an address that the Service's selector finds."""
    wanted = service["spec"]["selector"].items()
    return [
        pod
        for pod in cluster.all("pods", service["metadata"]["namespace"])
        if wanted <= pod["metadata"].get("labels", {}).items()
        and pod.get("status", {}).get("podIP")
        and not pod_state.is_finished(pod)
    ]


def _metadata(service: Manifest, **extra: Any) -> Manifest:
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": name, "uid": service["metadata"]["uid"]}
    return {"name": name, "namespace": namespace, "ownerReferences": [owner], **extra}


def _target(pod: Manifest) -> Manifest:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def _endpoints(service: Manifest, chosen: list[Manifest]) -> Manifest:
    ports = [
        {"name": port.get("name", ""), "port": port["targetPort"], "protocol": "TCP"}
        for port in service["spec"]["ports"]
    ]
    addresses: dict[bool, list[Manifest]] = {True: [], False: []}
    for pod in chosen:
        place = {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": _target(pod),
        }
        addresses[pod_state.is_ready(pod)].append(place)
    subset: Manifest = {"ports": ports}
    for ready, field in ((True, "addresses"), (False, "notReadyAddresses")):
        if addresses[ready]:
            subset[field] = addresses[ready]
    subsets = [subset] if chosen else []
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": _metadata(service), "subsets": subsets}


def _slice(service: Manifest, chosen: list[Manifest]) -> Manifest:
    labels = {"kubernetes.io/service-name": service["metadata"]["name"]}
    endpoints = [
        {
            "addresses": [pod["status"]["podIP"]],
            "conditions": {"ready": pod_state.is_ready(pod)},
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": _target(pod),
        }
        for pod in chosen
    ]
    ports = [
        {"name": port.get("name", ""), "port": port["targetPort"], "protocol": "TCP"}
        for port in service["spec"]["ports"]
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _metadata(service, labels=labels),
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }
