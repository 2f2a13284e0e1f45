"""What the API server refuses when it decodes an object: values of the wrong type, by Kubernetes' own models.

The models are those of the official client, which are generated from Kubernetes' OpenAPI document.
"""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from sandbox.kube_api.defaults import without_nulls
from sandbox.kube_api.errors import ApiError, Json, bad_request, invalid, required
from sandbox.kube_api.resources import Resource

# A quantity may be written as a number, which the models do not know.
_QUANTITIES: Final = frozenset(
    {
        "allocatable",
        "capacity",
        "default",
        "defaultRequest",
        "hard",
        "limits",
        "max",
        "min",
        "requests",
        "used",
    }
)
_GO_TYPES: Final = {
    "string": "string",
    "int": "int32",
    "bool": "bool",
    "list": "[]",
    "dict": "map",
    "model": "object",
}
_ENCODED: Final = {"Secret": "data", "ConfigMap": "binaryData"}


@cache
def _model(kind: str) -> type[BaseModel]:
    """Return the model of a kind, imported when first needed."""
    import kubernetes.client as official

    found: type[BaseModel] = getattr(official, "CoreV1Event" if kind == "Event" else f"V1{kind}")
    return found


def check_types(resource: Resource, obj: Json) -> None:
    """ApiError 400 for a value of another type than the field's, 422 for lacking fields."""
    if resource.custom:
        _check_custom(resource, obj)
        return
    typed = without_nulls({key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}})
    try:
        _model(resource.kind).model_validate(typed)
    except ValidationError as error:
        _refuse(resource, typed, error)
    for key, text in (typed.get(_ENCODED.get(resource.kind, "")) or {}).items():
        _check_encoded(resource, key, text)


def _check_custom(resource: Resource, obj: Json) -> None:
    for field in ("metadata", "spec", "status"):
        if not isinstance(obj.get(field, {}), dict):
            raise _cannot_handle(resource, obj[field], (field,), "object")
    try:
        _model("ObjectMeta").model_validate(without_nulls(obj.get("metadata", {})))
    except ValidationError as error:
        _refuse(resource, obj, error, ("metadata",))


def _refuse(resource: Resource, obj: Json, error: ValidationError, root: tuple[str, ...] = ()) -> None:
    causes: list[Json] = []
    for each in error.errors(include_url=False):
        # The last step of a union names the type that was tried.
        place = tuple(step for step in (*root, *each["loc"]) if step not in {"int", "str"})
        if each["type"] == "missing":
            # What lacks in a status is as good as empty.
            if place[0] != "status":
                causes.append(required(path(place)))
        elif not (_QUANTITIES & set(place) and _is_number(each["input"])):
            raise _cannot_handle(
                resource, each["input"], place, each["type"].rpartition("_")[0] or each["type"]
            )
    name = (obj.get("metadata") or {}).get("name", "")
    if causes:
        raise invalid(resource.kind, resource.group, name, causes)


def path(place: tuple[str | int, ...]) -> str:
    """Return `spec.ports[0].port`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cannot_handle(resource: Resource, value: Any, place: tuple[str | int, ...], wanted: str) -> ApiError:
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    kind, given = resource.kind, names.get(type(value), "null")
    return bad_request(
        f'{kind} in version "{resource.api_version()}" cannot be handled as a {kind}: json: cannot unmarshal '
        f"{given} into Go struct field {kind}.{path(place)} of type {_GO_TYPES.get(wanted, wanted)}"
    )


def _check_encoded(resource: Resource, key: str, text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad_request(
            f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: illegal base64 data '
            f"in {_ENCODED[resource.kind]}.{key}"
        ) from None
