"""What was last applied to an object, as the object itself remembers it, and what was changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from postflight.evidence import Evidence
from postflight.probes.kubernetes.reading import entries, mapping, text

# Kept by `kubectl apply` and by Argo CD, unless they apply on the server's side.
_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"


class ChangedVariable(Evidence):
    """A variable of a container that is not as it was last applied. Its values are not kept."""

    container: str
    name: str
    change: Literal["changed", "added", "removed"]

    @property
    def words(self) -> str:
        """`NODE_ENV of container inventory-service was changed`."""
        return f"{self.name} of container {self.container} was {self.change}"


def changed_variables(workload: Mapping[str, Any]) -> tuple[ChangedVariable, ...] | None:
    """Compare a workload's variables with those last applied; None where the object does not remember them.

    Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/
    """
    remembered = text(workload, "metadata", "annotations", _ANNOTATION)
    try:
        applied = json.loads(remembered) if remembered else None
    except ValueError:
        return None
    if not isinstance(applied, dict):
        return None
    live = _variables(workload)
    declared = _variables(applied)
    return tuple(change for name in declared for change in _changes(name, declared[name], live.get(name, {})))


def _variables(workload: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    containers = entries(mapping(workload, "spec", "template", "spec"), "containers")
    return {
        text(one, "name"): {text(each, "name"): each for each in entries(one, "env")} for one in containers
    }


def _changes(
    container: str, declared: Mapping[str, Mapping[str, Any]], live: Mapping[str, Mapping[str, Any]]
) -> Iterator[ChangedVariable]:
    for name, value in declared.items():
        if name not in live:
            yield ChangedVariable(container=container, name=name, change="removed")
        elif not _holds(live[name], value):
            yield ChangedVariable(container=container, name=name, change="changed")
    for name in live:
        if name not in declared:
            yield ChangedVariable(container=container, name=name, change="added")


def _holds(live: Any, declared: Any) -> bool:
    """Whether all that was declared is so; what the API server adds by default is no change."""
    if not isinstance(declared, dict):
        return bool(live == declared) or (live is None and declared == "")
    return isinstance(live, dict) and all(_holds(live.get(key), value) for key, value in declared.items())
