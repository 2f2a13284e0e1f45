"""Deployments of a namespace: what is asked for, what there is, and how the containers are set up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from pydantic import Field

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import containers
from postflight.probes.kubernetes.applied import ChangedVariable, changed_variables
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.containers import Container
from postflight.probes.kubernetes.reading import by_name, entries, mapping, number, text
from postflight.probes.reads import reads

# What `kubectl logs` and `kubectl exec` choose where none is named.
_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"


class NodeLabel(Evidence):
    """A label that a pod template asks of its node, and the values that would do (none: any)."""

    key: str
    values: tuple[str, ...] = ()

    def is_among(self, labels: Mapping[str, str]) -> bool:
        """Whether a node with these labels would do."""
        return self.key in labels and (not self.values or labels[self.key] in self.values)


class Condition(Evidence):
    """A condition of an object's status."""

    type: str
    status: str
    reason: str
    message: str


class Deployment(Evidence):
    """A Deployment, or the absence of one.

    `changed`: variables that are not as they were last applied, None where it does not remember.
    `node_choices`: labels without which it takes no node; those of one choice are enough.
    """

    namespace: str
    name: str
    found: bool = True
    replicas: int = 0
    existing: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    generation: int = 0
    observed_generation: int = 0
    selector: dict[str, str] = Field(default_factory=dict)
    service_account: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    default_container: str = ""
    conditions: tuple[Condition, ...] = ()
    node_choices: tuple[tuple[NodeLabel, ...], ...] = ()
    changed: tuple[ChangedVariable, ...] | None = None

    @property
    def title(self) -> str:
        """`Deployment saleor/saleor-api`."""
        return f"Deployment {self.namespace}/{self.name}"

    @property
    def outdated(self) -> int:
        """How many of its pods are of an older generation."""
        return max(self.existing - self.updated, 0)

    @property
    def is_rolled_out(self) -> bool:
        """Whether all its pods, and as many as it asks for, are of its current generation."""
        is_seen = self.observed_generation >= self.generation
        return is_seen and self.updated >= self.replicas and not self.outdated

    @property
    def all_containers(self) -> tuple[Container, ...]:
        """Its containers, and those that run before them."""
        return (*self.init_containers, *self.containers)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the Secrets that the variables of any of its containers come from."""
        whole = (one for container in self.all_containers for one in container.sources)
        single = (
            variable.reference
            for container in self.all_containers
            for variable in container.variables
            if variable.reference is not None
        )
        return tuple(dict.fromkeys(one.name for one in (*whole, *single) if one.kind == "Secret"))

    @property
    def images(self) -> tuple[str, ...]:
        """Images of its containers."""
        return tuple(container.image for container in self.containers)

    @property
    def requests(self) -> str:
        """What a pod of it asks of a node, for messages: `cpu 100m, memory 256Mi`."""
        asked = (f"{kind} {amount}" for each in self.containers for kind, amount in each.requests.items())
        return ", ".join(asked) or "nothing"

    @property
    def readiness_path(self) -> str | None:
        """Path that the first HTTP readiness probe asks."""
        return next((c.readiness_path for c in self.containers if c.readiness_path), None)

    @property
    def trouble(self) -> str:
        """What its conditions complain of, in Kubernetes' own words."""
        return "; ".join(
            f"{item.reason}: {item.message}"
            for item in self.conditions
            if (item.status == "True") == (item.type == "ReplicaFailure")
        )

    def argument(self, name: str) -> tuple[str, ...]:
        """Return the values of a flag of its containers, or of the variable that stands for it."""
        return tuple(value for container in self.containers for value in container.flag(name))

    def source_of(self, name: str) -> str:
        """Say where a flag's value comes from that is not seen here."""
        return ", ".join(filter(None, (container.source_of(name) for container in self.containers)))


class Deployments(Evidence):
    """The Deployments of one namespace."""

    namespace: str
    items: tuple[Deployment, ...]

    @cached_property
    def _by_name(self) -> dict[str, Deployment]:
        return by_name(self.items)

    def named(self, name: str) -> Deployment:
        """Return one of them, or its absence."""
        absent = Deployment(namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


@reads("list deployments.apps")
def deployments(connections: Connections, namespace: str, readable: tuple[str, ...]) -> Deployments:
    """List a namespace's Deployments; the values of `readable` variables are kept."""
    listed = connections.kubernetes.list(Resource("deployments", "apps/v1"), namespace)
    kept = frozenset(readable)
    return Deployments(
        namespace=namespace, items=tuple(_deployment(item, namespace, kept) for item in listed)
    )


def _deployment(item: Mapping[str, Any], namespace: str, readable: frozenset[str]) -> Deployment:
    template = mapping(item, "spec", "template")
    pod = mapping(template, "spec")
    status = mapping(item, "status")
    return Deployment(
        namespace=namespace,
        name=text(item, "metadata", "name"),
        replicas=number(item, "spec", "replicas", default=1),
        existing=number(status, "replicas"),
        updated=number(status, "updatedReplicas"),
        ready=number(status, "readyReplicas"),
        available=number(status, "availableReplicas"),
        generation=number(item, "metadata", "generation"),
        observed_generation=number(status, "observedGeneration"),
        selector={str(k): str(v) for k, v in mapping(item, "spec", "selector", "matchLabels").items()},
        service_account=text(pod, "serviceAccountName"),
        containers=tuple(containers.read(each, readable) for each in entries(pod, "containers")),
        init_containers=tuple(containers.read(each, readable) for each in entries(pod, "initContainers")),
        default_container=text(template, "metadata", "annotations", _DEFAULT_CONTAINER),
        conditions=tuple(condition(each) for each in entries(status, "conditions")),
        node_choices=_node_choices(pod),
        changed=changed_variables(item),
    )


def condition(item: Mapping[str, Any]) -> Condition:
    """Read one condition of a status."""
    return Condition(
        type=text(item, "type"),
        status=text(item, "status"),
        reason=text(item, "reason"),
        message=text(item, "message"),
    )


def _node_choices(pod: Mapping[str, Any]) -> tuple[tuple[NodeLabel, ...], ...]:
    """Return what a pod insists on: its node selector, with any one of its affinity's terms.

    A preference keeps no pod from a node; and what a node must not have, its labels cannot lack.
    """
    selector = (
        NodeLabel(key=key, values=(str(value),)) for key, value in mapping(pod, "nodeSelector").items()
    )
    always = tuple(selector)
    required = mapping(pod, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = tuple((*always, *_labels_of(term)) for term in entries(required, "nodeSelectorTerms"))
    return terms or ((always,) if always else ())


def _labels_of(term: Mapping[str, Any]) -> Iterator[NodeLabel]:
    for rule in entries(term, "matchExpressions"):
        if text(rule, "operator") in {"In", "Exists"}:
            yield NodeLabel(key=text(rule, "key"), values=tuple(map(str, rule.get("values") or ())))
