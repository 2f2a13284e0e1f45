"""The refusals (422) of objects whose values have the right types, in the words of the API server."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.kube_api import pod_validation
from sandbox.kube_api.errors import Json, bad_value, duplicate, invalid, invalid_name, required, unsupported
from sandbox.kube_api.pod_validation import port_number, resource_causes, valid_port_name
from sandbox.kube_api.resources import Resource

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME: Final = 253
_LARGEST_ANNOTATIONS: Final = 256 * 1024
_FREELY_NAMED: Final = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
_SERVICE_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_PERCENTAGE: Final = re.compile(r"\d+%")


def _metadata_causes(resource: Resource, metadata: Json) -> list[Json]:
    name = metadata.get("name", "")
    causes: list[Json] = []
    if not name:
        causes.append(required("metadata.name", "Required value: name or generateName is required"))
    elif resource.plural not in _FREELY_NAMED and (
        len(name) > _LONGEST_NAME or not _SUBDOMAIN.fullmatch(name)
    ):
        causes.append(invalid_name(name))
    annotations = metadata.get("annotations") or {}
    if sum(len(key) + len(value) for key, value in annotations.items()) > _LARGEST_ANNOTATIONS:
        message = f"Too long: may not be more than {_LARGEST_ANNOTATIONS} bytes"
        causes.append({"reason": "FieldValueTooLong", "message": message, "field": "metadata.annotations"})
    return causes


def _selector_causes(selector: Json, labels: Json) -> list[Json]:
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        return [bad_value("spec.selector", selector, "empty selector is invalid for deployment")]
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    if all(labels.get(key) == value for key, value in wanted.items()) and all(
        _matches(expression, labels) for expression in expressions
    ):
        return []
    shown = ", ".join(f'"{key}":"{value}"' for key, value in sorted(labels.items()))
    message = f"Invalid value: map[string]string{{{shown}}}: `selector` does not match template `labels`"
    return [{"reason": "FieldValueInvalid", "message": message, "field": "spec.template.metadata.labels"}]


def _matches(expression: Json, labels: Json) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case operator:
            return (value is not None) is bool(operator == "Exists")


def _workload_causes(resource: Resource, spec: Json) -> list[Json]:
    template = spec.get("template") or {}
    causes = pod_validation.pod_causes(template.get("spec") or {}, "spec.template.spec")
    for field in ("replicas", "parallelism", "completions", "backoffLimit"):
        if (spec.get(field) or 0) < 0:
            text = "must be greater than or equal to 0"
            causes.append(bad_value(f"spec.{field}", spec[field], text))
    if resource.plural == "jobs":
        return causes
    if spec.get("selector") is None:
        return [required("spec.selector"), *causes]
    causes += _selector_causes(spec["selector"], (template.get("metadata") or {}).get("labels") or {})
    limits = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    for field in ("maxSurge", "maxUnavailable"):
        value = limits.get(field, 0)
        if not (_PERCENTAGE.fullmatch(value) if isinstance(value, str) else value >= 0):
            text = "must be a non-negative integer or a percentage (e.g '5%')"
            causes.append(bad_value(f"spec.strategy.rollingUpdate.{field}", value, text))
    return causes


def _service_causes(spec: Json) -> list[Json]:
    kind, ports = spec.get("type", "ClusterIP"), spec.get("ports") or []
    causes: list[Json] = []
    if kind not in _SERVICE_TYPES:
        causes.append(unsupported("spec.type", kind, _SERVICE_TYPES))
    if kind == "ExternalName" and not spec.get("externalName"):
        causes.append(required("spec.externalName"))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    seen: set[Any] = set()
    for position, port in enumerate(ports):
        path = f"spec.ports[{position}]"
        causes += _service_port_causes(port, path)
        name = port.get("name", "")
        if not name and len(ports) > 1:
            causes.append(required(f"{path}.name"))
        if name and name in seen:
            causes.append(duplicate(f"{path}.name", name))
        seen.add(name)
    return causes


def _service_port_causes(port: Json, path: str) -> list[Json]:
    causes = port_number(f"{path}.port", port["port"])
    target = port.get("targetPort", port["port"])
    if isinstance(target, str):
        causes += valid_port_name(f"{path}.targetPort", target)
    else:
        causes += port_number(f"{path}.targetPort", target)
    return causes + pod_validation.protocol_causes(port, path)


def _ingress_causes(spec: Json) -> list[Json]:
    default, rules = spec.get("defaultBackend"), spec.get("rules") or []
    if default is None and not rules:
        text = "either `defaultBackend` or `rules` must be specified"
        return [bad_value("spec", [], text)]
    causes = [] if default is None else _backend_causes(default, "spec.defaultBackend")
    for number, rule in enumerate(rules):
        if rule.get("http") is None:
            continue
        paths = rule["http"].get("paths") or []
        if not paths:
            causes.append(required(f"spec.rules[{number}].http.paths"))
        for position, each in enumerate(paths):
            place = f"spec.rules[{number}].http.paths[{position}]"
            causes += _path_causes(each, place)
            causes += _backend_causes(each["backend"], f"{place}.backend")
    return causes


def _path_causes(each: Json, place: str) -> list[Json]:
    kind, path = each["pathType"], each.get("path", "")
    if kind not in _PATH_TYPES:
        return [unsupported(f"{place}.pathType", kind, _PATH_TYPES)]
    if not path.startswith("/") and (path or kind != "ImplementationSpecific"):
        return [bad_value(f"{place}.path", path, "must be an absolute path")]
    return []


def _backend_causes(backend: Json, place: str) -> list[Json]:
    service = backend.get("service")
    if service is None:
        return [] if backend.get("resource") else [required(place, "Required value: a backend is required")]
    if not service.get("name"):
        return [required(f"{place}.service.name")]
    port = service.get("port") or {}
    if not port.get("name") and not port.get("number"):
        return [required(f"{place}.service", "Required value: port name or number is required")]
    return port_number(f"{place}.service.port.number", port["number"]) if port.get("number") else []


def _node_causes(obj: Json) -> list[Json]:
    status = obj.get("status") or {}
    return [
        cause
        for field in ("allocatable", "capacity")
        for cause in resource_causes(status.get(field) or {}, f"status.{field}")
    ]


def _kind_causes(resource: Resource, obj: Json) -> list[Json]:
    spec = obj.get("spec") or {}
    match resource.plural:
        case "deployments" | "replicasets" | "statefulsets" | "daemonsets" | "jobs":
            return _workload_causes(resource, spec)
        case "nodes":
            return _node_causes(obj)
        case "applications":
            return [] if "spec" in obj else [required("spec")]
    check_spec = _OF_SPEC.get(resource.plural)
    return [] if check_spec is None else check_spec(spec)


def _pod_causes(spec: Json) -> list[Json]:
    return pod_validation.pod_causes(spec, "spec")


_OF_SPEC: Final[Mapping[str, Callable[[Json], list[Json]]]] = MappingProxyType(
    {"pods": _pod_causes, "services": _service_causes, "ingresses": _ingress_causes}
)


def check(resource: Resource, obj: Json) -> None:
    """ApiError 422 with every cause at once, as the real server lists them."""
    metadata = obj["metadata"]
    causes = [*_metadata_causes(resource, metadata), *_kind_causes(resource, obj)]
    if causes:
        raise invalid(resource.kind, resource.group, metadata.get("name", ""), causes)
