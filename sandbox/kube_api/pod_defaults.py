"""What the API server fills into pods and pod templates that leave it out."""

from __future__ import annotations

from typing import Any, Final

from sandbox.kube_api.errors import Json

_PROBES: Final = ("readinessProbe", "livenessProbe", "startupProbe")
_SECONDS_BEFORE_EVICTION: Final = 300


def _probe(probe: Json) -> Json:
    filled = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3, **probe}
    if "httpGet" in probe:
        filled["httpGet"] = {"path": "/", "scheme": "HTTP", **probe["httpGet"]}
    return filled


def _environment(entry: Json) -> Json:
    reference = entry.get("valueFrom", {}).get("fieldRef")
    if reference is None:
        return entry
    return {**entry, "valueFrom": {"fieldRef": {"apiVersion": "v1", **reference}}}


def _pull_policy(image: str) -> str:
    tag = image.rpartition("/")[2].partition(":")[2]
    return "Always" if "@" not in image and tag in {"", "latest"} else "IfNotPresent"


def _container(container: Json) -> Json:
    filled = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": _pull_policy(container.get("image", "")),
        **container,
    }
    for name in _PROBES:
        if name in filled:
            filled[name] = _probe(filled[name])
    if "env" in filled:
        filled["env"] = [_environment(entry) for entry in filled["env"]]
    if "ports" in filled:
        filled["ports"] = [{"protocol": "TCP", **port} for port in filled["ports"]]
    return filled


def _volume(volume: Json) -> Json:
    filled = dict(volume)
    for source in ("configMap", "secret", "projected", "downwardAPI"):
        if source in filled:
            filled[source] = {"defaultMode": 0o644, **filled[source]}
    return filled


def pod_spec(spec: Json) -> Json:
    """Return a pod spec, as of a template, with its defaults."""
    filled = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **spec,
    }
    for field in ("containers", "initContainers"):
        if field in filled:
            filled[field] = [_container(container) for container in filled[field] or []]
    if "volumes" in filled:
        filled["volumes"] = [_volume(volume) for volume in filled["volumes"]]
    if "serviceAccountName" in filled:
        filled["serviceAccount"] = filled["serviceAccountName"]
    return filled


def template(value: Json) -> Json:
    """Return a pod template with its defaults."""
    metadata = {"creationTimestamp": None, **value.get("metadata", {})}
    return {**value, "metadata": metadata, "spec": pod_spec(value.get("spec", {}))}


def _toleration(condition: str) -> Json:
    return {
        "key": f"node.kubernetes.io/{condition}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": _SECONDS_BEFORE_EVICTION,
    }


def _with_default_tolerations(tolerations: list[Json]) -> list[Json]:
    present = {toleration.get("key") for toleration in tolerations}
    added = [_toleration(name) for name in ("not-ready", "unreachable")]
    return tolerations + [toleration for toleration in added if toleration["key"] not in present]


def _quality_of_service(spec: Json) -> str:
    containers = spec.get("containers", [])
    resources = [container.get("resources", {}) for container in containers]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    for each in resources:
        limits, requests = each.get("limits", {}), each.get("requests") or each.get("limits", {})
        if set(limits) < {"cpu", "memory"} or any(requests.get(name) != limits[name] for name in limits):
            return "Burstable"
    return "Guaranteed"


def pod(obj: Json) -> Json:
    """Return a pod as POSTed, with the defaults and what admission adds."""
    spec = pod_spec(obj.get("spec", {}))
    spec = {"priority": 0, "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority", **spec}
    spec["tolerations"] = _with_default_tolerations(spec.get("tolerations", []))
    status = {"phase": "Pending", "qosClass": _quality_of_service(spec)}
    return {**obj, "spec": spec, "status": status}


def _container_status(status: Json) -> Json:
    return {
        "state": {},
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "image": "",
        "imageID": "",
        **status,
    }


def pod_status(status: Json) -> Json:
    """Return a pod's status in the shape in which the server gives it back."""
    filled: dict[str, Any] = dict(status)
    if "conditions" in filled:
        filled["conditions"] = [
            {"lastProbeTime": None, "lastTransitionTime": None, **each} for each in filled["conditions"]
        ]
    for field in ("containerStatuses", "initContainerStatuses"):
        if field in filled:
            filled[field] = [_container_status(each) for each in filled[field]]
    if filled.get("podIP"):
        filled["podIPs"] = [{"ip": filled["podIP"]}]
    else:
        filled.pop("podIPs", None)
    return filled
