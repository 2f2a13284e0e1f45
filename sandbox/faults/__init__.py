"""The ways to break the sandbox on purpose: one function a fault, each showing only its deviation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

MODULES: Final = (
    "aws_network",
    "stores",
    "ingress",
    "edge",
    "workloads",
    "storage",
    "delivery",
    "access",
    "beyond",
)
_REGISTRY: Final[dict[str, Callable[..., Generator[None]]]] = {}


@dataclass(frozen=True)
class Fault:
    """A fault: its id, what it breaks, and its parameters with their defaults."""

    name: str
    summary: str
    function: Callable[..., Generator[None]]
    parameters: Mapping[str, str]


def fault(name: str) -> Callable[[Callable[..., Generator[None]]], Callable[..., Generator[None]]]:
    """Register a generator function: it breaks one thing, yields, and takes it back."""

    def register(function: Callable[..., Generator[None]]) -> Callable[..., Generator[None]]:
        _REGISTRY[name] = function
        return function

    return register


def catalogue() -> dict[str, Fault]:
    """Give every fault by its id."""
    for module in MODULES:
        import_module(f"sandbox.faults.{module}")
    return {name: _describe(name, function) for name, function in _REGISTRY.items()}


def find(name: str) -> Fault:
    """Give a fault by its id; LookupError names the nearest when there is none."""
    faults = catalogue()
    if name not in faults:
        from difflib import get_close_matches

        near = get_close_matches(name, faults, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; `python -m sandbox faults` lists them"
        raise LookupError(f"there is no fault {name}{hint}")
    return faults[name]


def _describe(name: str, function: Callable[..., Generator[None]]) -> Fault:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    summary = (inspect.getdoc(function) or "").partition("\n")[0]
    return Fault(name, summary, function, {item.name: str(item.default) for item in parameters})
