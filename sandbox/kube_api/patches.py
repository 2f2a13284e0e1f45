"""The three kinds of PATCH: JSON merge patch, strategic merge patch, JSON patch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from sandbox.kube_api.errors import ApiError, Json, bad_request

PatchKind = Literal["merge", "strategic", "json"]

# Lists that a strategic merge patch merges by the key of their items; every other list is replaced.
_MERGE_KEYS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "containers": ("name",),
        "initContainers": ("name",),
        "env": ("name",),
        "volumes": ("name",),
        "volumeMounts": ("mountPath",),
        "conditions": ("type",),
        "ports": ("containerPort", "port"),
        "imagePullSecrets": ("name",),
        "secrets": ("name",),
        "taints": ("key",),
        "addresses": ("type",),
        "hostAliases": ("ip",),
        "ownerReferences": ("uid",),
        "topologySpreadConstraints": ("topologyKey",),
    }
)
_PRIMITIVE_SETS: Final = frozenset({"finalizers"})


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return _copy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def _merge_key(field: str, items: list[Any]) -> str | None:
    for key in _MERGE_KEYS.get(field, ()):
        if items and all(isinstance(item, dict) and key in item for item in items):
            return key
    return None


def _merge_lists(field: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if field in _PRIMITIVE_SETS:
        return current + [item for item in patch if item not in current]
    directives = [item for item in patch if isinstance(item, dict) and item.get("$patch") == "replace"]
    if directives:
        return [item for item in patch if item not in directives]
    key = _merge_key(field, patch)
    if key is None:
        return list(_without_directives(patch))
    merged = [_copy(item) for item in current]
    for item in patch:
        place = next((at for at, old in enumerate(merged) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            merged = [old for old in merged if old.get(key) != item[key]]
        elif place is None:
            merged.append(_without_directives(item))
        else:
            merged[place] = strategic_merge_patch(merged[place], item)
    return merged


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_directives(item)
            for key, item in value.items()
            if not key.startswith("$") and item is not None
        }
    return [_without_directives(item) for item in value] if isinstance(value, list) else value


def strategic_merge_patch(target: Json, patch: Json) -> Json:
    """Merge as `kubectl patch` does: keyed lists item by item, with the `$patch` directives."""
    if patch.get("$patch") == "replace":
        return dict(_without_directives(patch))
    retained = patch.get("$retainKeys", target)
    merged = {key: value for key, value in target.items() if key in retained}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [item for item in merged.get(field, []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(key, None)
        elif isinstance(value, dict):
            current = merged.get(key)
            merged[key] = strategic_merge_patch(current if isinstance(current, dict) else {}, value)
        elif isinstance(value, list):
            merged[key] = _merge_lists(key, merged.get(key) or [], value)
        else:
            merged[key] = value
    return merged


def _steps(pointer: str) -> list[str]:
    if not pointer.startswith("/"):
        raise bad_request(f"invalid JSON pointer: {pointer!r}")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def _cannot_apply(operation: Json) -> ApiError:
    return ApiError(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request: "
        f"{operation.get('op')} operation does not apply: doc is missing path: {operation.get('path')}",
        details={},
    )


def _at(document: Any, pointer: str) -> Any:
    for step in _steps(pointer):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _put(document: Any, pointer: str, value: Any, *, insert: bool) -> None:
    *parents, last = _steps(pointer)
    parent = document
    for step in parents:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    if not isinstance(parent, list):
        if not insert and last not in parent:
            raise KeyError(last)
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif insert:
        parent.insert(int(last), value)
    else:
        parent[int(last)] = value


def _remove(document: Any, pointer: str) -> Any:
    *parents, last = _steps(pointer)
    parent = document
    for step in parents:
        parent = parent[int(step)] if isinstance(parent, list) else parent[step]
    return parent.pop(int(last) if isinstance(parent, list) else last)


def json_patch(target: Json, operations: list[Json]) -> Json:
    """RFC 6902; ApiError 422 when an operation does not fit the object."""
    document: Json = _copy(target)
    for operation in operations:
        try:
            match operation["op"]:
                case "add" | "replace":
                    _put(document, operation["path"], operation["value"], insert=operation["op"] == "add")
                case "remove":
                    _remove(document, operation["path"])
                case "move":
                    _put(document, operation["path"], _remove(document, operation["from"]), insert=True)
                case "copy":
                    _put(document, operation["path"], _copy(_at(document, operation["from"])), insert=True)
                case "test":
                    if _at(document, operation["path"]) != operation["value"]:
                        raise _cannot_apply(operation)
                case unknown:
                    raise bad_request(f"Unexpected kind: {unknown}")
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise _cannot_apply(operation) from error
    return document


def apply_patch(target: Json, patch: Any, kind: PatchKind, *, custom: bool) -> Json:
    """Return the patched copy of `target`; `custom` resources know no strategic merge (415)."""
    if kind == "json":
        if not isinstance(patch, list):
            raise bad_request("a JSON patch is a list of operations")
        return json_patch(target, patch)
    if not isinstance(patch, dict):
        raise bad_request("a merge patch is an object")
    if kind == "merge":
        return dict(merge_patch(target, patch))
    if custom:
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
            details={},
        )
    return strategic_merge_patch(target, patch)
