"""The few protobuf bodies that kubectl's typed client sends; answers to it are always JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.kube_api.errors import ApiError, Json

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
_ONLY_JSON: Final = (
    "the body of the request was in an unknown format - accepted media types include: application/json"
)
_MAGIC: Final = b"k8s\x00"

# Field number -> (name, type); a nested message is a mapping of its own. From generated.proto of k8s.io/api.
_Fields = Mapping[int, tuple[str, Any]]
_METADATA: Final[_Fields] = MappingProxyType(
    {
        1: ("name", "string"),
        2: ("generateName", "string"),
        3: ("namespace", "string"),
        5: ("uid", "string"),
        6: ("resourceVersion", "string"),
        11: ("labels", "map"),
        12: ("annotations", "map"),
        14: ("finalizers", "strings"),
    }
)
_RESOURCE_ATTRIBUTES: Final[_Fields] = MappingProxyType(
    {
        1: ("namespace", "string"),
        2: ("verb", "string"),
        3: ("group", "string"),
        4: ("version", "string"),
        5: ("resource", "string"),
        6: ("subresource", "string"),
        7: ("name", "string"),
    }
)
_MESSAGES: Final[Mapping[str, _Fields]] = MappingProxyType(
    {
        "SelfSubjectAccessReview": {
            2: (
                "spec",
                {
                    1: ("resourceAttributes", _RESOURCE_ATTRIBUTES),
                    2: ("nonResourceAttributes", {1: ("path", "string"), 2: ("verb", "string")}),
                },
            )
        },
        "SelfSubjectRulesReview": {2: ("spec", {1: ("namespace", "string")})},
        "SelfSubjectReview": {1: ("metadata", _METADATA)},
        "Namespace": {1: ("metadata", _METADATA)},
        "ServiceAccount": {1: ("metadata", _METADATA)},
        "ConfigMap": {1: ("metadata", _METADATA), 2: ("data", "map"), 3: ("binaryData", "bytesmap")},
        "Secret": {
            1: ("metadata", _METADATA),
            2: ("data", "bytesmap"),
            3: ("type", "string"),
            4: ("stringData", "map"),
        },
        "DeleteOptions": {
            1: ("gracePeriodSeconds", "int"),
            2: ("preconditions", {1: ("uid", "string"), 2: ("resourceVersion", "string")}),
            4: ("propagationPolicy", "string"),
        },
    }
)
_ENTRY: Final[_Fields] = MappingProxyType({1: ("key", "string"), 2: ("value", "string")})
_BYTES_ENTRY: Final[_Fields] = MappingProxyType({1: ("key", "string"), 2: ("value", "bytes")})
_ENVELOPE: Final[_Fields] = MappingProxyType(
    {1: ("typeMeta", {1: ("apiVersion", "string"), 2: ("kind", "string")}), 2: ("raw", "raw")}
)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        match tag & 7:
            case 0:
                value, position = _varint(data, position)
                yield tag >> 3, value
                continue
            case 2:
                size, position = _varint(data, position)
            case 1:
                size = 8
            case 5:
                size = 4
            case wire:
                raise ValueError(f"unknown wire type {wire}")
        yield tag >> 3, data[position : position + size]
        position += size


def _value(kind: str, value: int | bytes) -> Any:
    if isinstance(value, int):
        return bool(value) if kind == "bool" else value
    match kind:
        case "raw":
            return value
        case "bytes":
            return base64.b64encode(value).decode()
        case _:
            return value.decode()


def _message(fields: _Fields, data: bytes) -> Json:
    found: Json = {}
    for number, value in _fields(data):
        name, kind = fields.get(number, ("", None))
        if kind is None:
            continue
        if isinstance(kind, str) and kind not in {"map", "bytesmap", "strings"}:
            found[name] = _value(kind, value)
        elif not isinstance(value, bytes):
            raise ValueError(f"field {name} is no message")
        elif kind == "strings":
            found.setdefault(name, []).append(value.decode())
        elif isinstance(kind, str):
            entry = _message(_ENTRY if kind == "map" else _BYTES_ENTRY, value)
            found.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        else:
            found[name] = _message(kind, value)
    return found


def _without_unset(value: Any) -> Any:
    """Drop empty strings: Go writes every field, so in these messages empty means not given."""
    if not isinstance(value, dict):
        return value
    return {key: _without_unset(each) for key, each in value.items() if each not in ("", {}, None)}


def decode(data: bytes) -> Json:
    """Return the object of a protobuf body; ApiError 415 for a kind that the sandbox reads as JSON only."""
    if not data.startswith(_MAGIC):
        raise ApiError(400, "BadRequest", "provided data does not appear to be a protobuf message")
    try:
        envelope = _message(_ENVELOPE, data[len(_MAGIC) :])
        head = envelope.get("typeMeta", {})
        fields = _MESSAGES.get(head.get("kind", ""))
        if fields is None:
            raise ApiError(415, "UnsupportedMediaType", _ONLY_JSON, details={})
        decoded = _message(fields, envelope.get("raw", b""))
    except (IndexError, ValueError) as error:
        raise ApiError(400, "BadRequest", f"unable to decode protobuf: {error}") from error
    kept = {
        name: value if name in {"data", "stringData"} else _without_unset(value)
        for name, value in decoded.items()
    }
    return {**head, **{name: value for name, value in kept.items() if value not in ("", {})}}
