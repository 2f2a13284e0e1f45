"""The refusals (422) that an operator meets when writing an object by hand."""

from __future__ import annotations

import re
from typing import Final

from sandbox.kube_api.errors import Json, invalid, invalid_name, required
from sandbox.kube_api.resources import Resource

_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME: Final = 253
_FREELY_NAMED: Final = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})


def _container_causes(spec: Json, path: str) -> list[Json]:
    containers = spec.get("containers")
    if not containers:
        return [required(f"{path}.containers")]
    causes: list[Json] = []
    for position, container in enumerate(containers):
        causes += [
            required(f"{path}.containers[{position}].{field}")
            for field in ("name", "image")
            if not container.get(field)
        ]
    return causes


def _workload_causes(resource: Resource, spec: Json) -> list[Json]:
    template = spec.get("template") or {}
    causes = _container_causes(template.get("spec") or {}, "spec.template.spec")
    if resource.plural == "jobs":
        return causes
    wanted = (spec.get("selector") or {}).get("matchLabels")
    if not spec.get("selector"):
        return [required("spec.selector"), *causes]
    labels = (template.get("metadata") or {}).get("labels") or {}
    if wanted and any(labels.get(key) != value for key, value in wanted.items()):
        shown = ", ".join(f'"{key}":"{value}"' for key, value in sorted(labels.items()))
        message = f"Invalid value: map[string]string{{{shown}}}: `selector` does not match template `labels`"
        causes.append(
            {"reason": "FieldValueInvalid", "message": message, "field": "spec.template.metadata.labels"}
        )
    return causes


def _may_lack_ports(service: Json) -> bool:
    return service.get("type") == "ExternalName" or service.get("clusterIP") == "None"


def check(resource: Resource, obj: Json) -> None:
    """ApiError 422 with every cause at once, as the real server lists them."""
    name = obj["metadata"].get("name", "")
    causes: list[Json] = []
    if not name:
        causes.append(required("metadata.name", "Required value: name or generateName is required"))
    elif resource.plural not in _FREELY_NAMED and (
        len(name) > _LONGEST_NAME or not _SUBDOMAIN.fullmatch(name)
    ):
        causes.append(invalid_name(name))
    spec = obj.get("spec") or {}
    if resource.plural == "pods":
        causes += _container_causes(spec, "spec")
    elif resource.plural in {"deployments", "replicasets", "statefulsets", "daemonsets", "jobs"}:
        causes += _workload_causes(resource, spec)
    elif resource.plural == "services" and not spec.get("ports") and not _may_lack_ports(spec):
        causes.append(required("spec.ports"))
    if causes:
        raise invalid(resource.kind, resource.group, name, causes)
