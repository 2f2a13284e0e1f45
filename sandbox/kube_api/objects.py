"""Create, read, update, delete: one request about stored objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from sandbox.kube_api import errors, tables
from sandbox.kube_api.errors import ApiError, Json
from sandbox.kube_api.listing import list_document, question
from sandbox.kube_api.patches import PatchKind, apply_patch
from sandbox.kube_api.requests import RequestInfo
from sandbox.kube_api.resources import Resource
from sandbox.kube_api.store import Store

_PATCH_KINDS: Final[Mapping[str, PatchKind]] = MappingProxyType(
    {
        "application/merge-patch+json": "merge",
        "application/strategic-merge-patch+json": "strategic",
        "application/json-patch+json": "json",
    }
)
_WRITABLE_SUBRESOURCES: Final = frozenset({"", "status", "scale"})


@dataclass(frozen=True)
class Asked:
    """One request, read: `body` is the parsed JSON or None, `table` whether a Table is the wanted answer."""

    resource: Resource
    info: RequestInfo
    query: Mapping[str, str]
    content_type: str
    body: Any
    table: bool

    @property
    def namespace(self) -> str | None:
        """Return the namespace of the object, None for a cluster-wide kind."""
        return self.info.namespace if self.resource.namespaced else None

    @property
    def patch_kind(self) -> PatchKind:
        """Return the kind of patch; ApiError 415 for one that is not known."""
        kind = _PATCH_KINDS.get(self.content_type)
        if kind is None:
            known = ", ".join(_PATCH_KINDS)
            message = (
                f"the body of the request was in an unknown format - accepted media types include: {known}"
            )
            raise ApiError(415, "UnsupportedMediaType", message, details={})
        return kind

    @property
    def object_body(self) -> Json:
        """Return the body as an object; ApiError 400."""
        if not isinstance(self.body, dict):
            raise errors.bad_request("the object provided is unrecognized: must be of type object")
        kind = self.body.get("kind", self.resource.kind)
        if not self.info.subresource and kind != self.resource.kind:
            raise errors.bad_request(
                f"{kind} in version {json.dumps(self.body.get('apiVersion', ''))} cannot be handled as a "
                f"{self.resource.kind}"
            )
        return self.body


def _answer(asked: Asked, obj: Json) -> bytes:
    return json.dumps({**obj, "apiVersion": asked.resource.api_version(asked.info.version)}).encode()


def _read(asked: Asked, store: Store) -> bytes:
    if not asked.info.name:
        return list_document(store, question(asked.resource, asked.info, asked.query, table=asked.table))
    entry = store.entry(asked.resource, asked.namespace, asked.info.name)
    if asked.info.subresource == "scale":
        return json.dumps(_scale(entry.obj)).encode()
    if asked.table:
        include = asked.query.get("includeObject", "Metadata")
        version = {"resourceVersion": entry.obj["metadata"]["resourceVersion"]}
        return json.dumps(tables.table(asked.resource, [entry], version, include)).encode()
    return entry.document(asked.info.version)


def _scale(obj: Json) -> Json:
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = obj["spec"].get("selector", {}).get("matchLabels", {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in kept},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def _write_scale(asked: Asked, store: Store) -> bytes:
    current = _scale(store.get(asked.resource, asked.namespace, asked.info.name))
    is_patch = asked.info.verb == "patch"
    wanted = (
        apply_patch(current, asked.body, asked.patch_kind, custom=False) if is_patch else asked.object_body
    )
    patch = {"spec": {"replicas": wanted.get("spec", {}).get("replicas", 0)}}
    changed = store.patch(asked.resource, asked.namespace, asked.info.name, patch)
    return json.dumps(_scale(changed)).encode()


def _write(asked: Asked, store: Store) -> bytes:
    place = (asked.resource, asked.namespace, asked.info.name)
    if asked.info.subresource == "scale":
        return _write_scale(asked, store)
    on_status = asked.info.subresource == "status"
    if asked.info.verb == "patch":
        apply = store.patch_status if on_status else store.patch
        return _answer(asked, apply(*place, asked.body, asked.patch_kind))
    replace = store.replace_status if on_status else store.replace
    return _answer(asked, replace(*place, asked.object_body))


def _delete(asked: Asked, store: Store) -> bytes:
    options = asked.body if isinstance(asked.body, dict) else {}
    policy = options.get("propagationPolicy") or asked.query.get("propagationPolicy", "")
    uid = (options.get("preconditions") or {}).get("uid")
    if uid and uid != store.entry(asked.resource, asked.namespace, asked.info.name).obj["metadata"]["uid"]:
        raise errors.conflict(asked.resource.plural, asked.resource.group, asked.info.name)
    gone = store.delete(asked.resource, asked.namespace, asked.info.name, orphan=policy == "Orphan")
    if asked.resource.plural in {"pods", "namespaces"}:
        return json.dumps(gone).encode()
    details = errors.details_of(asked.resource.plural, asked.resource.group, asked.info.name)
    details["uid"] = gone["metadata"]["uid"]
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    return json.dumps(status).encode()


def _delete_collection(asked: Asked, store: Store) -> bytes:
    wanted = question(asked.resource, asked.info, asked.query, table=False)
    document = list_document(store, wanted)
    for entry in tuple(store.entries(asked.resource, asked.namespace)):
        if wanted.selects is None or wanted.selects(entry.obj):
            store.delete(asked.resource, *entry.key)
    return document


def answer(asked: Asked, store: Store) -> tuple[int, bytes]:
    """Do what is asked and return HTTP status and JSON body; ApiError for every refusal."""
    if asked.info.subresource not in _WRITABLE_SUBRESOURCES & {"", *asked.resource.subresources}:
        raise errors.no_such_resource()
    if asked.query.get("dryRun") == "All":
        store = store.clone()
    match asked.info.verb:
        case "get" | "list":
            return 200, _read(asked, store)
        case "create" if asked.info.name or (asked.resource.namespaced and not asked.namespace):
            raise errors.method_not_allowed()
        case "create":
            return 201, _answer(asked, store.create(asked.resource, asked.namespace, asked.object_body))
        case "update" | "patch" if asked.info.name:
            return 200, _write(asked, store)
        case "delete":
            return 200, _delete(asked, store)
        case "deletecollection":
            return 200, _delete_collection(asked, store)
        case _:
            raise errors.method_not_allowed()
