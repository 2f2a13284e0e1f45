"""Reading a URL the way the Kubernetes API server does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

_METHOD_VERBS: Final = MappingProxyType(
    {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "HEAD": "get", "OPTIONS": "get"}
)
_NAMESPACE_SUBRESOURCES: Final = frozenset({"status", "finalize"})


@dataclass(frozen=True)
class RequestInfo:
    """What a request asks for.

    `plural` is empty for URLs that are no resource. `tail` is what follows a sub-resource (service proxy).
    `version` is empty only when the path ends before it.
    """

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    tail: str = ""

    @property
    def full_resource(self) -> str:
        """`pods/log`, the way rules and refusals name it."""
        return f"{self.plural}/{self.subresource}" if self.subresource else self.plural


def truthy(value: str | None) -> bool:
    """Tell whether a query parameter switches something on."""
    return (value or "").lower() in {"true", "1"}


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    verb = _METHOD_VERBS.get(method, method.lower())
    if verb == "get" and not name:
        return "watch" if truthy(query.get("watch")) else "list"
    return verb


def _raw_tail(raw_path: str, marker: str) -> str:
    _, found, tail = raw_path.partition(f"/{marker}/")
    return tail if found else ""


def parse(method: str, raw_path: str, query: Mapping[str, str]) -> RequestInfo:
    """Split `/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/SUB` into its parts."""
    path = unquote(raw_path)
    steps = [unquote(step) for step in raw_path.strip("/").split("/") if step]
    if steps[:1] == ["api"]:
        group, version, rest = "", "".join(steps[1:2]), steps[2:]
    elif steps[:1] == ["apis"]:
        group, version, rest = "".join(steps[1:2]), "".join(steps[2:3]), steps[3:]
    else:
        rest = []
        group = version = ""
    if not rest:
        return RequestInfo(method.lower().replace("head", "get"), path, group, version)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    plural, name, subresource = (*rest[:3], "", "", "")[:3]
    tail = _raw_tail(raw_path, subresource) if len(rest) > 3 else ""
    verb = _verb(method, name, query)
    return RequestInfo(verb, path, group, version, namespace, plural, name, subresource, tail)
