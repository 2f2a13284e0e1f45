"""The documents by which clients find out what is served."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sandbox.kube_api.errors import Json
from sandbox.kube_api.resources import GROUPS, RESOURCES, Resource

# The release whose recorded answers the sandbox is held against.
VERSION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "major": "1",
        "minor": "20",
        "gitVersion": "v1.20.2",
        "gitCommit": "faecb196815e248d3ecfb03c680a4507229c2a56",
        "gitTreeState": "archive",
        "buildDate": "2026-11-21T19:33:58Z",
        "goVersion": "go1.19.8",
        "compiler": "gc",
        "platform": "linux/amd64",
    }
)
_PROXY_VERBS: Final = ("create", "delete", "get", "patch", "update")
_STATUS_VERBS: Final = ("get", "patch", "update")
_REVIEWS: Final = MappingProxyType(
    {
        "selfsubjectaccessreviews": "SelfSubjectAccessReview",
        "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    }
)


def _entry(resource: Resource) -> Json:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return {**entry, "storageVersionHash": resource.storage_hash}


def _subresource_entry(resource: Resource, subresource: str) -> Json:
    entry: Json = {
        "name": f"{resource.plural}/{subresource}",
        "singularName": "",
        "namespaced": resource.namespaced,
    }
    match subresource:
        case "scale":
            return entry | {
                "group": "autoscaling",
                "version": "v1",
                "kind": "Scale",
                "verbs": list(_STATUS_VERBS),
            }
        case "exec":
            return entry | {"kind": "PodExecOptions", "verbs": ["create", "get"]}
        case "log":
            return entry | {"kind": resource.kind, "verbs": ["get"]}
        case "proxy":
            return entry | {"kind": f"{resource.kind}ProxyOptions", "verbs": list(_PROXY_VERBS)}
        case _:
            return entry | {"kind": resource.kind, "verbs": list(_STATUS_VERBS)}


def core_versions(address: str) -> Json:
    """Answer GET /api; `address` is host:port of the server."""
    row = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [row]}


def _versions(group: str) -> list[str]:
    if group == "authorization.k8s.io":
        return ["v1"]
    listed = {resource.versions[0] for resource in RESOURCES if resource.group == group}
    return sorted(listed, key=lambda version: ("alpha" in version, "beta" in version, version))


def group(name: str) -> Json | None:
    """Answer GET /apis/GROUP, or None when it is not served."""
    if name not in GROUPS:
        return None
    rows = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(name)]
    return {"name": name, "versions": rows, "preferredVersion": rows[0]}


def groups() -> Json:
    """Answer GET /apis."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in GROUPS]}


def resources(group_name: str, version: str) -> Json | None:
    """Answer GET /api/v1 or /apis/GROUP/VERSION, or None when it is not served."""
    if group_name == "authorization.k8s.io" and version == "v1":
        entries = [
            {"name": plural, "singularName": "", "namespaced": False, "kind": kind, "verbs": ["create"]}
            for plural, kind in _REVIEWS.items()
        ]
    else:
        served = [each for each in RESOURCES if each.group == group_name]
        if not any(version in each.versions for each in served):
            return None
        # A version that the recorded server had not is answered whole to a client that insists on it.
        shown = [each for each in served if version == each.versions[0]] or [
            each for each in served if version in each.versions
        ]
        entries = [
            entry
            for each in shown
            for entry in (_entry(each), *(_subresource_entry(each, name) for name in each.subresources))
        ]
    head: Json = {"kind": "APIResourceList"}
    if group_name:
        head["apiVersion"] = "v1"
    group_version = f"{group_name}/{version}" if group_name else version
    return {**head, "groupVersion": group_version, "resources": entries}


def openapi_index() -> Json:
    """Answer GET /openapi/v3: one document a group version."""
    paths = {f"apis/{each.group}/{each.versions[0]}" if each.group else "api/v1" for each in RESOURCES}
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in sorted(paths)}}


def openapi_document(group_name: str, version: str) -> Json:
    """Answer GET /openapi/v3/…: as little as makes kubectl leave validation to the server."""
    parameter = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
    prefix = f"/apis/{group_name}/{version}" if group_name else f"/api/{version}"
    paths: Json = {}
    for each in RESOURCES:
        if each.group == group_name and version in each.versions:
            kind = {"group": each.group, "version": version, "kind": each.kind}
            operation = {"parameters": [parameter], "x-kubernetes-group-version-kind": kind, "responses": {}}
            scope = "/namespaces/{namespace}" if each.namespaced else ""
            paths[f"{prefix}{scope}/{each.plural}/{{name}}"] = {"patch": operation}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.20.2"}, "paths": paths}


def document(path: str, address: str) -> Json | None:
    """Answer GET of a path that is no resource, or None (404); `address` is host:port of the server."""
    answer: Json | None = None
    match path.strip("/").split("/"):
        case ["version"]:
            answer = dict(VERSION)
        case ["api"]:
            answer = core_versions(address)
        case ["apis"]:
            answer = groups()
        case ["apis", name]:
            found = group(name)
            answer = found and {"kind": "APIGroup", "apiVersion": "v1", **found}
        case ["api", version]:
            answer = resources("", version)
        case ["apis", name, version]:
            answer = resources(name, version)
        case ["openapi", "v3"]:
            answer = openapi_index()
        case ["openapi", "v3", "api", version]:
            answer = openapi_document("", version)
        case ["openapi", "v3", "apis", name, version]:
            answer = openapi_document(name, version)
    return answer
