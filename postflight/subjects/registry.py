"""The rows of the table: fixture name -> kind of subject, and how to look at it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from postflight.environment import SECTION_OF, Environment, Subject, Vantage
from postflight.evidence import Answers, Question
from postflight.probes.connections import Connections
from postflight.probes.reads import Probe

P = ParamSpec("P")
E = TypeVar("E")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Ask:
    """Puts questions to the environment, and remembers which. Answers from before `since` are not enough.

    `release` is the revision that was deployed, if the run was told one.
    """

    answers: Answers
    connections: Connections
    since: float = 0.0
    release: str | None = None
    asked: list[Question] = field(default_factory=list)

    @property
    def vantage(self) -> Vantage:
        """Where this run stands: inside the cluster's network or outside."""
        return self.connections.vantage

    def __call__(self, probe: Probe[P, E], *args: P.args, **kwargs: P.kwargs) -> E:
        """Return the probe's evidence for these arguments. Raises Unverified."""
        looking = probe.looking(self.connections, *args, **kwargs)
        self.asked.append(looking.question)
        answer: E = self.answers.ask(looking, self.since)
        return answer


@dataclass(frozen=True)
class Row:
    """One fixture: what it is about, and the function that looks."""

    fixture: str
    kind: str | None
    look: Callable[..., Any]
    reachable: Callable[[Any, Vantage], bool] | None

    def evidence(self, ask: Ask, environment: Environment, declared: Subject | None) -> Any:
        """Look, and return the evidence about `declared` (None for the environment itself)."""
        if self.kind is None:
            return self.look(ask, environment)
        return self.look(ask, environment, declared)

    def is_reachable(self, declared: Subject, vantage: Vantage) -> bool:
        """Whether this subject can be looked at from where the run stands."""
        return self.reachable is None or self.reachable(declared, vantage)


_ROWS: dict[str, Row] = {}


def about(
    kind: str | None = None, *, reachable: Callable[[Any, Vantage], bool] | None = None
) -> Callable[[F], F]:
    """Make a function a row: its name is the fixture's, `kind` what it looks at (None: the environment).

    The function takes `(ask, environment, declared)`, or `(ask, environment)` without a kind, and returns
    evidence. `reachable(declared, vantage)` tells whether the subject can be looked at from a vantage; a
    check whose subject can not is left out, and the summary says so.
    """
    if kind is not None and kind not in SECTION_OF:
        raise ValueError(f"{kind!r} is no kind of subject")

    def register(function: F) -> F:
        expected = 2 if kind is None else 3
        if len(inspect.signature(function).parameters) != expected:
            raise TypeError(f"{function.__name__} takes {expected} parameters as a row about {kind}")
        _ROWS[function.__name__] = Row(function.__name__, kind, function, reachable)
        return function

    return register


def rows() -> Mapping[str, Row]:
    """Return all rows, by fixture name."""
    _register_all()
    return MappingProxyType(_ROWS)


@cache
def _register_all() -> None:
    import postflight.subjects.app
    import postflight.subjects.delivery
    import postflight.subjects.edge
    import postflight.subjects.external_dns
    import postflight.subjects.health
    import postflight.subjects.images
    import postflight.subjects.infra
    import postflight.subjects.network
    import postflight.subjects.nodes
    import postflight.subjects.platform
    import postflight.subjects.pulling
    import postflight.subjects.stores  # noqa: F401 - importing registers
