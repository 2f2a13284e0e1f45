"""Label and field selectors, with the refusals of the Kubernetes parser."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sandbox.kube_api.errors import Json, bad_request
from sandbox.kube_api.resources import Resource

_TOKEN: Final = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_COMMON: Final = ("metadata.name", "metadata.namespace")
_FIELDS: Final = MappingProxyType(
    {
        "pods": (
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ),
        "events": (
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ),
        "nodes": ("spec.unschedulable",),
        "namespaces": ("status.phase",),
        "secrets": ("type",),
        "jobs": ("status.successful",),
        "replicasets": ("status.replicas",),
    }
)


@dataclass(frozen=True)
class Requirement:
    """One clause of a label selector."""

    key: str
    operator: str
    values: frozenset[str]

    def admits(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected by this clause."""
        match self.operator:
            case "exists":
                return self.key in labels
            case "absent":
                return self.key not in labels
            case "in":
                return labels.get(self.key) in self.values
            case _:
                return labels.get(self.key) not in self.values


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._position = 0

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self._position += 1
        return token


def _unparsable(found: str, expected: str) -> Exception:
    return bad_request(f"unable to parse requirement: found '{found}', expected: {expected}")


def _set_of_values(tokens: _Tokens) -> frozenset[str]:
    opening = tokens.take()
    if opening != "(":
        raise _unparsable(opening, "'('")
    values: set[str] = set()
    while True:
        token = tokens.take()
        if token in {"", "="}:
            raise _unparsable(token, "',', ')' or identifier")
        if token == ")":
            return frozenset(values or {""})
        if token != ",":
            values.add(token)


def _requirement(tokens: _Tokens) -> Requirement:
    key = tokens.take()
    if key == "!":
        return Requirement(tokens.take(), "absent", frozenset())
    if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?", key):
        raise _unparsable(key, "!, identifier, or 'end of string'")
    operator = tokens.peek()
    if operator in {"", ","}:
        return Requirement(key, "exists", frozenset())
    tokens.take()
    if operator in {"in", "notin"}:
        return Requirement(key, operator, _set_of_values(tokens))
    if operator in {"=", "==", "!="}:
        value = "" if tokens.peek() in {"", ","} else tokens.take()
        return Requirement(key, "notin" if operator == "!=" else "in", frozenset({value}))
    raise _unparsable(operator, "in, notin, =, ==, !=, gt, lt")


def label_requirements(text: str) -> tuple[Requirement, ...]:
    """Parse `app=x,tier in (a,b),!old`; ApiError 400 in the parser's words."""
    tokens = _Tokens(text)
    requirements: list[Requirement] = []
    while tokens.peek():
        requirements.append(_requirement(tokens))
        separator = tokens.take()
        if separator not in {"", ","}:
            raise _unparsable(separator, "',' or 'end of string'")
    return tuple(requirements)


def field_value(obj: Json, path: str) -> str:
    """Return the text that a field selector compares, empty when the field is absent."""
    if path == "source":
        return str(obj.get("source", {}).get("component") or obj.get("reportingComponent", ""))
    value: object = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or value is None:
        return "true" if value else ("false" if path == "spec.unschedulable" else "")
    return str(value)


def _field_terms(resource: Resource, text: str) -> tuple[tuple[str, str, bool], ...]:
    allowed = _COMMON + _FIELDS.get(resource.plural, ())
    terms: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"([^=!]+)(!=|==|=)(.*)", part)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, wanted = found.groups()
        if path not in allowed:
            if resource.plural in _FIELDS:
                raise bad_request(f"field label not supported: {path}")
            raise bad_request(
                f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        terms.append((path, wanted, operator != "!="))
    return tuple(terms)


def selector_of(resource: Resource, labels: str, fields: str) -> Callable[[Json], bool] | None:
    """Return a predicate over objects, or None when everything is selected."""
    requirements = label_requirements(labels)
    terms = _field_terms(resource, fields)
    if not requirements and not terms:
        return None

    def selects(obj: Json) -> bool:
        own = obj["metadata"].get("labels") or {}
        return all(requirement.admits(own) for requirement in requirements) and all(
            (field_value(obj, path) == wanted) is equal for path, wanted, equal in terms
        )

    return selects
