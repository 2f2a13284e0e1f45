"""Containers of a pod template: where their images, arguments and variables come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from postflight.evidence import Evidence
from postflight.probes.kubernetes.flags import VARIABLES, kept_flags, variable_of
from postflight.probes.kubernetes.reading import entries, mapping, text


class Reference(Evidence):
    """Where a variable comes from: a key of a ConfigMap or Secret, or with `key` None all of them."""

    kind: Literal["ConfigMap", "Secret"]
    name: str
    key: str | None = None
    prefix: str = ""
    optional: bool = False

    @property
    def title(self) -> str:
        """`ConfigMap zones`."""
        return f"{self.kind} {self.name}"


class Variable(Evidence):
    """An environment variable of a container. `value` is kept only for the names that were asked for."""

    name: str
    value: str | None = None
    is_empty: bool = False
    reference: Reference | None = None


class Container(Evidence):
    """A container of a pod template. Of its arguments only harmless, known ones are kept: `--name=value`."""

    name: str
    image: str
    arguments: tuple[str, ...]
    variables: tuple[Variable, ...]
    sources: tuple[Reference, ...]
    readiness_path: str | None
    requests: dict[str, str]

    def flag(self, name: str) -> tuple[str, ...]:
        """Return the values of a flag; without one its variable's, which holds one a line."""
        mark = f"--{name}="
        given = tuple(each.removeprefix(mark) for each in self.arguments if each.startswith(mark))
        values = (each.value or "" for each in self.variables if each.name == variable_of(name))
        return given or tuple(next(values, "").splitlines())

    def source_of(self, name: str) -> str:
        """Say where a flag's value comes from that is not seen here; empty where there is no such place."""
        if any("$(" in value for value in self.flag(name)):
            return "another variable"
        if self.flag(name):
            return ""
        wanted = variable_of(name)
        variable = next((each for each in self.variables if each.name == wanted), None)
        if variable is None:
            return ", ".join(each.title for each in self.sources if wanted.startswith(each.prefix))
        return variable.reference.title if variable.reference else ""


def read(item: Mapping[str, Any], readable: frozenset[str]) -> Container:
    """Read a container of a pod template; the values of `readable` variables are kept."""
    return Container(
        name=text(item, "name"),
        image=text(item, "image"),
        arguments=tuple(kept_flags(item)),
        variables=tuple(_variable(each, readable | VARIABLES) for each in entries(item, "env")),
        sources=tuple(_sources(item)),
        readiness_path=text(item, "readinessProbe", "httpGet", "path") or None,
        requests={str(k): str(v) for k, v in mapping(item, "resources", "requests").items()},
    )


def _variable(item: Mapping[str, Any], readable: frozenset[str]) -> Variable:
    name = text(item, "name")
    origin = mapping(item, "valueFrom")
    for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
        named = mapping(origin, field)
        if named:
            reference = Reference.model_validate(
                {"kind": kind, "name": text(named, "name"), "key": text(named, "key"),
                 "optional": bool(named.get("optional"))}
            )  # fmt: skip
            return Variable(name=name, reference=reference)
    if origin:  # a field of the pod, or a resource limit: set by Kubernetes itself
        return Variable(name=name)
    value = text(item, "value")
    return Variable(name=name, value=value if name in readable else None, is_empty=not value)


def _sources(item: Mapping[str, Any]) -> Iterator[Reference]:
    for each in entries(item, "envFrom"):
        for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
            named = mapping(each, field)
            if named:
                yield Reference.model_validate(
                    {"kind": kind, "name": text(named, "name"), "prefix": text(each, "prefix"),
                     "optional": bool(named.get("optional"))}
                )  # fmt: skip
