"""Which probes a row can ask: read from its code, so that nobody has to write it down twice.

A row names its probes (`ask(ec2.subnets)`), or calls functions of `postflight.subjects` that do. Following
these names finds every probe that any branch could ask; what an environment's entries rule out is taken away
by `scopes`. A selftest compares with what real runs asked.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

from postflight.probes.reads import Probe

_OURS = "postflight.subjects."


@cache
def probes_of(look: Callable[..., Any]) -> frozenset[str]:
    """Return the names of all probes that a row's function, and what it calls, may ask."""
    return frozenset(probe.name for probe in _probes(look))


@dataclass(frozen=True, order=True)
class Read:
    """One permission of a probe. `whole_cluster`: the probe lists in all namespaces, it takes none."""

    permission: str
    whole_cluster: bool


@cache
def reads_of(look: Callable[..., Any]) -> frozenset[Read]:
    """Return the permissions of all probes that a row's function, and what it calls, may ask."""
    return frozenset(
        Read(permission, permission.startswith("list ") and not _takes_a_namespace(probe))
        for probe in _probes(look)
        for permission in probe.reads
    )


def _takes_a_namespace(probe: Probe[..., Any]) -> bool:
    return "namespace" in inspect.signature(probe.function).parameters


def _probes(look: Callable[..., Any]) -> list[Probe[..., Any]]:
    found: list[Probe[..., Any]] = []
    seen: set[int] = set()
    waiting: list[Any] = [look]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Probe():
                found.append(value)
            case FunctionType() if value.__module__.startswith(_OURS):
                waiting.extend(_named_in(value))
            case Mapping():
                waiting.extend(value.values())
            case tuple() | list():
                waiting.extend(value)
            case _:
                continue
    return found


def _named_in(function: FunctionType) -> Iterator[Any]:
    """Yield what the global names and attributes in a function's source stand for."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            yield _value(node, function.__globals__)


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return names.get(name)
        case ast.Attribute(value=owner, attr=name) if inspect.ismodule(module := _value(owner, names)):
            return getattr(module, name, None)
        case _:
            return None
