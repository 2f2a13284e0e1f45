"""Endpoints and EndpointSlices: the addresses behind a Service, from its selector and ready pods."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from sandbox.controllers import pods as pod_state
from sandbox.controllers.workqueue import Controller

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.workqueue import WorkQueue

CONTROLLER: Final = Controller("endpoint-controller", "FailedToUpdateEndpoint")
SERVICE_LABEL: Final = "kubernetes.io/service-name"
Port = tuple[str, int, str]  # the Service's name of it, the pods' number, protocol
Subsets = dict[tuple[Port, ...], list["Manifest"]]


def reconcile(cluster: Cluster, queue: WorkQueue) -> None:
    """Bring every selecting Service's Endpoints and EndpointSlices up to date."""
    selecting = [item for item in cluster.all("services") if item["spec"].get("selector")]
    for service in queue.due(CONTROLLER, selecting):
        with queue.attempt(CONTROLLER, service):
            _reconcile(cluster, service)


def _reconcile(cluster: Cluster, service: Manifest) -> None:
    subsets = _subsets(service, selected_pods(cluster, service))
    cluster.put(_endpoints(service, subsets))
    slices = [_slice(service, ports, pods) for ports, pods in (subsets or {(): []}).items()]
    slices[0]["metadata"]["name"] = service["metadata"]["name"]
    for item in slices:
        cluster.put(item)
    kept = {item["metadata"]["name"] for item in slices}
    for item in cluster.all("endpointslices", service["metadata"]["namespace"]):
        owners = {reference["uid"] for reference in item["metadata"].get("ownerReferences", ())}
        if service["metadata"]["uid"] in owners and item["metadata"]["name"] not in kept:
            cluster.delete(item)


def selected_pods(cluster: Cluster, service: Manifest) -> list[Manifest]:
    """List the pods with an address that the Service's selector finds."""
    wanted = service["spec"].get("selector", {}).items()
    return [
        pod
        for pod in (cluster.all("pods", service["metadata"]["namespace"]) if wanted else ())
        if wanted <= pod["metadata"].get("labels", {}).items()
        and pod.get("status", {}).get("podIP")
        and not (pod_state.is_finished(pod) or pod_state.is_terminating(pod))
    ]


def target_number(port: Manifest, pod: Manifest) -> int | None:
    """Return the number of a Service port's target on a pod, or None if the pod has no port of that name."""
    target = port["targetPort"]
    if isinstance(target, int):
        return target
    protocol = port.get("protocol", "TCP")
    for container in pod["spec"]["containers"]:
        for own in container.get("ports", ()):
            if own.get("name") == target and own.get("protocol", "TCP") == protocol:
                return int(own["containerPort"])
    return None


def _subsets(service: Manifest, chosen: Iterable[Manifest]) -> Subsets:
    """Group the pods by their ports. A pod that has none of the Service's ports is left out."""
    declared = service["spec"].get("ports", ())
    result: Subsets = {}
    for pod in chosen:
        found = [(port, target_number(port, pod)) for port in declared]
        ports = tuple(
            (str(port.get("name", "")), number, str(port.get("protocol", "TCP")))
            for port, number in found
            if number is not None
        )
        if ports or not declared:
            result.setdefault(ports, []).append(pod)
    return result


def _metadata(service: Manifest, name: str, **extra: Any) -> Manifest:
    own = service["metadata"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": own["name"], "uid": own["uid"]}
    return {"name": name, "namespace": own["namespace"], "ownerReferences": [owner], **extra}


def _target(pod: Manifest) -> Manifest:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def _ports(ports: Iterable[Port]) -> list[Manifest]:
    return [{"name": name, "port": number, "protocol": protocol} for name, number, protocol in ports]


def _endpoints(service: Manifest, subsets: Subsets) -> Manifest:
    rows = []
    for ports, pods in subsets.items():
        row: Manifest = {"ports": _ports(ports)}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            found = [_address(pod) for pod in pods if pod_state.is_ready(pod) is ready]
            if found:
                row[field] = found
        rows.append(row)
    metadata = _metadata(service, service["metadata"]["name"])
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": rows}


def _address(pod: Manifest) -> Manifest:
    node = {"nodeName": pod["spec"]["nodeName"]} if pod["spec"].get("nodeName") else {}
    return {"ip": pod["status"]["podIP"], **node, "targetRef": _target(pod)}


def _slice(service: Manifest, ports: tuple[Port, ...], pods: Iterable[Manifest]) -> Manifest:
    name = service["metadata"]["name"]
    suffix = hashlib.sha256(repr(ports).encode()).hexdigest()[:5]
    rows = []
    for pod in pods:
        address = _address(pod)
        conditions = {"ready": pod_state.is_ready(pod)}
        rows.append({"addresses": [address.pop("ip")], "conditions": conditions, **address})
    # Without pods the ports are those that can be known without one.
    known = _ports(ports) if rows else [
        {"name": port.get("name", ""), "port": port["targetPort"], "protocol": port.get("protocol", "TCP")}
        for port in service["spec"].get("ports", ())
        if isinstance(port["targetPort"], int)
    ]  # fmt: skip
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _metadata(service, f"{name}-{suffix}", labels={SERVICE_LABEL: name}),
        "addressType": "IPv4",
        "endpoints": rows,
        "ports": known,
    }
