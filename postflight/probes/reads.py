"""Declares what a probe reads; the clients refuse everything else."""

from __future__ import annotations

import contextvars
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from postflight.evidence import Looking, question
from postflight.probes.connections import Connections

P = ParamSpec("P")
E = TypeVar("E")

# The canary's: the only thing that a run ever writes.
_WRITES = frozenset({"s3:PutObject"})

_allowed: contextvars.ContextVar[frozenset[str]] = contextvars.ContextVar("allowed", default=frozenset())


class UndeclaredReadError(Exception):
    """A probe made a call that its `@reads` does not declare: a defect of ours; nothing was sent."""


def require_declared(permission: str) -> None:
    """Refuse a call that the running probe has not declared.

    `permission` is `service:Action` for AWS (`ec2:DescribeSubnets`), `verb resource` for Kubernetes
    (`list pods`). Raises UndeclaredReadError.
    """
    if permission not in _allowed.get():
        raise UndeclaredReadError(f"no running probe declares @reads({permission!r}); the call was not sent")


@dataclass(frozen=True)
class Probe(Generic[P, E]):
    """A function that looks: one protocol call or one paginated listing, one deadline, no opinion."""

    name: str
    reads: frozenset[str]
    deadline_s: float
    function: Callable[Concatenate[Connections, P], E]
    answer_type: Any

    @cached_property
    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    def looking(self, connections: Connections, *args: P.args, **kwargs: P.kwargs) -> Looking:
        """Return the question of these arguments, ready to be put."""
        bound = self._signature.bind(connections, *args, **kwargs)
        bound.apply_defaults()
        arguments: Mapping[str, Any] = dict(list(bound.arguments.items())[1:])
        return Looking(
            question=question(self.name, arguments),
            look=lambda: self._look(connections, *args, **kwargs),
            answer_type=self.answer_type,
            deadline_s=self.deadline_s,
            writes=not _WRITES.isdisjoint(self.reads),
            why_late=lambda: self._why_late(connections),
        )

    def _why_late(self, connections: Connections) -> str:
        """Say what the look needs, and whom AWS throttles: with one call, the service's others wait too."""
        needs = f" (it needs {', '.join(sorted(self.reads))})" if self.reads else ""
        services = {permission.partition(":")[0] for permission in self.reads if ":" in permission}
        throttled = connections.calls.throttled(services)
        return f"{needs}; AWS throttles {', '.join(throttled)}" if throttled else needs

    def _look(self, connections: Connections, *args: P.args, **kwargs: P.kwargs) -> E:
        with self.allowed():
            return self.function(connections, *args, **kwargs)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Allow this thread what the probe declares, to finish what one of its looks has begun."""
        token = _allowed.set(self.reads)
        try:
            yield
        finally:
            _allowed.reset(token)


_PROBES: dict[str, Probe[..., Any]] = {}


def reads(
    *permissions: str, deadline_s: float = 20.0
) -> Callable[[Callable[Concatenate[Connections, P], E]], Probe[P, E]]:
    """Make a function a probe that may make just these calls, and must end within `deadline_s` seconds.

    A permission is `service:Action` (AWS, as IAM spells it), `verb resource` (Kubernetes, e.g. `list pods`,
    `get services/proxy`, `list applications.argoproj.io`) or, for protocols without permissions, one of
    `http`, `dns`, `tls`, `tcp`, `sql`, `redis`.
    """

    def declare(function: Callable[Concatenate[Connections, P], E]) -> Probe[P, E]:
        module = function.__module__.removeprefix("postflight.probes.")
        probe = Probe(
            name=f"{module}.{function.__name__}",
            reads=frozenset(permissions),
            deadline_s=deadline_s,
            function=function,
            answer_type=typing.get_type_hints(function)["return"],
        )
        _PROBES[probe.name] = probe
        return probe

    return declare


def declared_probes() -> Mapping[str, Probe[..., Any]]:
    """Return all probes imported so far, by name."""
    return dict(_PROBES)
