"""What a running sandbox can be asked to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import faults
from sandbox.control import Control
from sandbox.kube_api.access import Rule
from sandbox.users import READER

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from sandbox.faults import Fault
    from sandbox.world import World


@dataclass(frozen=True)
class Active:
    """A fault that is in effect."""

    parameters: Mapping[str, str]
    steps: Generator[None]


class Operations:
    """Breaks and mends, one thing at a time, and settles before it answers."""

    def __init__(self, world: World, ended: asyncio.Event) -> None:
        self.control = Control(
            {
                "ping": self._ping,
                "break": self._break,
                "mend": self._mend,
                "status": self._status,
                "settle": self._settle,
                "permit": self._permit,
                "down": self._down,
            }
        )
        self._world = world
        self._ended = ended
        self._active: dict[str, Active] = {}
        self._turn = asyncio.Lock()

    async def _ping(self, _: Mapping[str, Any]) -> Any:
        return {"broken": list(self._active)}

    async def _status(self, _: Mapping[str, Any]) -> Any:
        broken = {name: dict(active.parameters) for name, active in self._active.items()}
        return {"broken": broken, "failing": self._failing()}

    async def _settle(self, _: Mapping[str, Any]) -> Any:
        async with self._turn:
            await self._world.manager.settle()
        return {"broken": list(self._active), "failing": self._failing()}

    async def _permit(self, arguments: Mapping[str, Any]) -> Any:
        """Let the suite's user of the Kubernetes API do just this; without `rules`, what it could before."""
        roles = self._world.site.kube_api.roles
        roles.pop(READER.name, None)
        if arguments.get("rules") is not None:
            roles[READER.name] = tuple(_rule(one) for one in arguments["rules"])
        return {"permitted": len(roles.get(READER.name, READER.rules))}

    async def _down(self, _: Mapping[str, Any]) -> Any:
        # After the answer is on its way.
        asyncio.get_running_loop().call_later(0.05, self._ended.set)
        return {"stopping": True}

    async def _break(self, arguments: Mapping[str, Any]) -> Any:
        fault = faults.find(arguments["fault"])
        parameters = dict(arguments.get("parameters", {}))
        unknown = parameters.keys() - fault.parameters.keys()
        if unknown:
            known = ", ".join(fault.parameters) or "none"
            raise LookupError(f"{fault.name} has no parameter {', '.join(sorted(unknown))}; it has {known}")
        async with self._turn:
            if fault.name in self._active:
                raise ValueError(f"{fault.name} is in effect already; mend it first")
            steps = fault.function(self._world.site, **parameters)
            await asyncio.to_thread(_begin, fault, parameters, steps)
            self._active[fault.name] = Active({**fault.parameters, **parameters}, steps)
            await self._world.manager.settle()
        return {"broken": fault.name}

    async def _mend(self, arguments: Mapping[str, Any]) -> Any:
        async with self._turn:
            wanted = arguments.get("fault")
            chosen = [name for name in reversed(self._active) if wanted in {None, name}]
            if wanted is not None and not chosen:
                raise ValueError(f"{wanted} is not in effect")
            for name in chosen:
                await asyncio.to_thread(next, self._active.pop(name).steps, None)
            await self._world.manager.settle()
            await self._world.manager.outlive()
        return {"mended": chosen, "failing": self._failing()}

    def _failing(self) -> list[dict[str, Any]]:
        return [failure.as_json() for failure in self._world.manager.failures]


def _begin(fault: Fault, parameters: Mapping[str, str], steps: Generator[None]) -> None:
    """Break it. Raises LookupError where there is nothing of a parameter's value."""
    try:
        next(steps)
    except (KeyError, RuntimeError) as error:
        # A fault looks up what it breaks: `next(…)` or `[…]` finds nothing of another name.
        if not parameters or not (isinstance(error, KeyError) or isinstance(error.__cause__, StopIteration)):
            raise
        given = ", ".join(f"{name}={value}" for name, value in parameters.items())
        usual = ", ".join(f"{name}={value}" for name, value in fault.parameters.items())
        raise LookupError(f"{fault.name} finds nothing of that name: {given} (by default {usual})") from None


def _rule(given: Mapping[str, Any]) -> Rule:
    """Read a rule of a Role, with the `namespace` of the Role; without one it is a ClusterRole's."""
    return Rule(
        verbs=tuple(given["verbs"]),
        api_groups=tuple(given["apiGroups"]),
        resources=tuple(given["resources"]),
        # What a ClusterRoleBinding grants holds in every namespace.
        namespaces=(given["namespace"],) if given.get("namespace") else ("*",),
        names=tuple(given.get("resourceNames", ("*",))),
    )
