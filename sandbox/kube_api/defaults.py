"""Defaults, admission and the shape of stored objects, kind by kind."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.kube_api import pod_defaults
from sandbox.kube_api.errors import Json
from sandbox.kube_api.resources import Resource

_NODE_INFO: Final = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)
_FIRST_NODE_PORT: Final = 30000
# The API server's Go types leave these counters out when they are zero.
_OMITTED_WHEN_ZERO: Final = frozenset(
    {
        "observedGeneration",
        "readyReplicas",
        "availableReplicas",
        "updatedReplicas",
        "unavailableReplicas",
        "fullyLabeledReplicas",
        "currentReplicas",
        "collisionCount",
        "active",
        "succeeded",
        "failed",
    }
)


def _unchanged(obj: Json) -> Json:
    return obj


def without_nulls(value: Any) -> Any:
    """Return a copy with every null removed; `shaped` puts back those that typed objects have."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _deployment(obj: Json) -> Json:
    spec = {
        "replicas": 1,
        "strategy": {"type": "RollingUpdate"},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **obj["spec"],
    }
    if spec["strategy"].get("type", "RollingUpdate") == "RollingUpdate":
        limits = {"maxUnavailable": "25%", "maxSurge": "25%", **spec["strategy"].get("rollingUpdate", {})}
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": limits}
    return {**obj, "spec": spec}


def _replicated(obj: Json) -> Json:
    return {**obj, "spec": {"replicas": 1, **obj["spec"]}, "status": {"replicas": 0}}


def _job(obj: Json) -> Json:
    spec = {"parallelism": 1, "completions": 1, "backoffLimit": 6, **obj["spec"]}
    labels = {"controller-uid": obj["metadata"]["uid"], "job-name": obj["metadata"]["name"]}
    if "selector" not in spec:
        spec["selector"] = {"matchLabels": {"controller-uid": labels["controller-uid"]}}
        metadata = spec["template"].get("metadata", {})
        own = {**metadata.get("labels", {}), **labels}
        spec["template"] = {**spec["template"], "metadata": {**metadata, "labels": own}}
    metadata = {**obj["metadata"], "labels": obj["metadata"].get("labels") or labels}
    return {**obj, "metadata": metadata, "spec": spec}


def _service(obj: Json) -> Json:
    spec = {"type": "ClusterIP", "sessionAffinity": "None", **obj["spec"]}
    number = int(obj["metadata"]["uid"][:8], 16)
    spec["ports"] = [
        {"protocol": "TCP", "targetPort": port["port"], **port} for port in spec.get("ports", [])
    ]
    if spec["type"] != "ExternalName":
        spec.setdefault("clusterIP", f"172.20.{number // 254 % 255}.{number % 254 + 1}")
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        spec["ports"] = [
            {"nodePort": _FIRST_NODE_PORT + (number + at) % 2768, **port}
            for at, port in enumerate(spec["ports"])
        ]
    return {**obj, "spec": spec, "status": {"loadBalancer": {}}}


def _secret(obj: Json) -> Json:
    written = {
        key: base64.b64encode(text.encode()).decode() for key, text in obj.get("stringData", {}).items()
    }
    data = {**obj.get("data", {}), **written}
    kept = {key: value for key, value in obj.items() if key not in {"stringData", "data"}}
    return {"type": "Opaque", **kept, **({"data": data} if data else {})}


def _namespace(obj: Json) -> Json:
    return {**obj, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def _endpoints(obj: Json) -> Json:
    subsets = [
        {**subset, "ports": [{"protocol": "TCP", **port} for port in subset.get("ports", [])]}
        for subset in obj.get("subsets", [])
    ]
    return {**obj, "subsets": subsets} if subsets else obj


def _ingress(obj: Json) -> Json:
    return {**obj, "status": {"loadBalancer": {}}}


_CREATED: Final[Mapping[str, Callable[[Json], Json]]] = MappingProxyType(
    {
        "pods": pod_defaults.pod,
        "replicasets": _replicated,
        "statefulsets": _replicated,
        "services": _service,
        "namespaces": _namespace,
        "ingresses": _ingress,
        "jobs": _job,
    }
)
# These hold after every write, not only at creation.
_ALWAYS: Final[Mapping[str, Callable[[Json], Json]]] = MappingProxyType(
    {"deployments": _deployment, "secrets": _secret, "endpoints": _endpoints}
)


def created(resource: Resource, obj: Json) -> Json:
    """Return a new object (its metadata complete) with the defaults of its kind and a fresh status."""
    if resource.custom:
        return obj
    fresh: Json = without_nulls(obj)
    if "status" in resource.subresources:
        fresh["status"] = {}
    return _CREATED.get(resource.plural, _unchanged)(fresh)


def _node_status(status: Json) -> Json:
    conditions = [
        {"lastHeartbeatTime": None, "lastTransitionTime": None, **each}
        for each in status.get("conditions", [])
    ]
    return {
        **status,
        **({"conditions": conditions} if conditions else {}),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}, **status.get("daemonEndpoints", {})},
        "nodeInfo": {**dict.fromkeys(_NODE_INFO, ""), **status.get("nodeInfo", {})},
    }


def _event(obj: Json) -> Json:
    absent = {"firstTimestamp": None, "lastTimestamp": None, "eventTime": None}
    return {"source": {}, "reportingComponent": "", "reportingInstance": "", **absent, **obj}


def _counters(status: Json) -> Json:
    return {key: value for key, value in status.items() if value != 0 or key not in _OMITTED_WHEN_ZERO}


def shaped(resource: Resource, obj: Json) -> Json:
    """Return the object as the typed API server would give it back; applied twice it is the same."""
    if resource.custom:
        return obj
    result = _ALWAYS.get(resource.plural, _unchanged)(without_nulls(obj))
    spec = result.get("spec", {})
    if "template" in spec and resource.group in {"apps", "batch"}:
        result = {**result, "spec": {**spec, "template": pod_defaults.template(spec["template"])}}
    status = result.get("status")
    match resource.plural:
        case "pods":
            return {
                **result,
                "spec": pod_defaults.pod_spec(spec),
                "status": pod_defaults.pod_status(status or {}),
            }
        case "nodes":
            return {**result, "spec": spec, "status": _node_status(status or {})}
        case "events":
            return _event(result)
        case "deployments":
            counted = _counters(status or {})
            return {**result, "status": {k: v for k, v in counted.items() if (k, v) != ("replicas", 0)}}
        case _:
            return {**result, "status": _counters(status)} if status is not None else result
