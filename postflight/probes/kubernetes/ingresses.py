"""Ingresses of a namespace, and the warnings that controllers leave about objects."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from pydantic import Field

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.reading import by_name, entries, mapping, number, text
from postflight.probes.reads import reads

_ALB: Final = "alb.ingress.kubernetes.io/"
_EXTERNAL_DNS: Final = "external-dns.alpha.kubernetes.io/"
_MOST_WARNINGS: Final = 1000


class Path(Evidence):
    """A path of an Ingress's rule, and the Service that it leads to."""

    host: str
    path: str
    service: str


class Ingress(Evidence):
    """An Ingress, or the absence of one, with the annotations of the two controllers that read it."""

    namespace: str
    name: str
    found: bool = True
    class_name: str = ""
    annotations: dict[str, str] = Field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()

    @property
    def title(self) -> str:
        """`Ingress saleor/saleor`."""
        return f"Ingress {self.namespace}/{self.name}"

    @property
    def stack(self) -> str:
        """What the controller tags its load balancer with: the IngressGroup, else `namespace/name`."""
        return self.annotations.get(f"{_ALB}group.name") or f"{self.namespace}/{self.name}"

    @property
    def scheme(self) -> str | None:
        """`internet-facing` or `internal`, as annotated."""
        return self.annotations.get(f"{_ALB}scheme")

    @property
    def target_type(self) -> str | None:
        """`ip` or `instance`, as annotated."""
        return self.annotations.get(f"{_ALB}target-type")

    @property
    def effective_scheme(self) -> str:
        """What the controller makes of it: without the annotation an internal load balancer."""
        return self.scheme or "internal"

    @property
    def effective_target_type(self) -> str:
        """What the controller makes of it: without the annotation node ports are the targets."""
        return self.target_type or "instance"

    @property
    def certificates(self) -> tuple[str, ...]:
        """ARNs of the certificates it names."""
        written = self.annotations.get(f"{_ALB}certificate-arn", "")
        return tuple(arn.strip() for arn in written.split(",") if arn.strip())

    @property
    def load_balancer(self) -> str | None:
        """Host name of the load balancer that the controller has published."""
        return self.addresses[0] if self.addresses else None


class Ingresses(Evidence):
    """The Ingresses of one namespace."""

    namespace: str
    items: tuple[Ingress, ...]

    @cached_property
    def _by_name(self) -> dict[str, Ingress]:
        return by_name(self.items)

    def named(self, name: str) -> Ingress:
        """Return one of them, or its absence."""
        absent = Ingress(namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


class WarningEvent(Evidence):
    """A warning event, in the words of the controller that wrote it."""

    kind: str
    name: str
    reason: str
    message: str
    count: int
    last_seen: str


class Warnings(Evidence):
    """Warning events of a namespace, oldest first."""

    namespace: str
    items: tuple[WarningEvent, ...]

    def about(self, kind: str, name: str) -> str:
        """Return what the newest two warnings about an object say, in one line, the newest first."""
        found = [item for item in reversed(self.items) if item.kind == kind and item.name == name]
        said = dict.fromkeys(f"{item.reason}: {' '.join(item.message.split())}" for item in found[:2])
        return "; ".join(said) or "no event says why"

    def failed_probe(self, pod: str) -> str | None:
        """Return the newest words of a pod's HTTP probe that got an answer, and not a good one."""
        said = (
            item.message
            for item in reversed(self.items)
            if (item.kind, item.name, item.reason) == ("Pod", pod, "Unhealthy")
        )
        return next((words for words in said if "statuscode" in words), None)


@reads("list ingresses.networking.k8s.io")
def ingresses(connections: Connections, namespace: str) -> Ingresses:
    """List a namespace's Ingresses."""
    listed = connections.kubernetes.list(Resource("ingresses", "networking.k8s.io/v1"), namespace)
    return Ingresses(namespace=namespace, items=tuple(_ingress(item, namespace) for item in listed))


@reads("list events")
def warnings(connections: Connections, namespace: str) -> Warnings:
    """List a namespace's warning events; the newest thousand are kept."""
    listed = connections.kubernetes.list(Resource("events"), namespace, {"fieldSelector": "type=Warning"})
    found = sorted((_warning(item, connections) for item in listed), key=lambda item: item.last_seen)
    return Warnings(namespace=namespace, items=tuple(found[-_MOST_WARNINGS:]))


def _ingress(item: Mapping[str, Any], namespace: str) -> Ingress:
    published = entries(item, "status", "loadBalancer", "ingress")
    addresses = (text(each, "hostname") or text(each, "ip") for each in published)
    annotations = mapping(item, "metadata", "annotations")
    old_class = text(annotations, "kubernetes.io/ingress.class")
    return Ingress(
        namespace=namespace,
        name=text(item, "metadata", "name"),
        class_name=text(item, "spec", "ingressClassName") or old_class,
        annotations={
            key: str(value) for key, value in annotations.items() if key.startswith((_ALB, _EXTERNAL_DNS))
        },
        addresses=tuple(address for address in addresses if address),
        hosts=tuple(text(rule, "host") for rule in entries(item, "spec", "rules")),
        paths=tuple(
            Path(
                host=text(rule, "host"),
                path=text(each, "path") or "/",
                service=text(each, "backend", "service", "name"),
            )
            for rule in entries(item, "spec", "rules")
            for each in entries(rule, "http", "paths")
        ),
    )


def _warning(item: Mapping[str, Any], connections: Connections) -> WarningEvent:
    return WarningEvent(
        kind=text(item, "involvedObject", "kind"),
        name=text(item, "involvedObject", "name"),
        reason=text(item, "reason"),
        message=connections.secrets.short(text(item, "message"), 500),
        count=number(item, "count", default=1),
        last_seen=text(item, "lastTimestamp") or text(item, "eventTime"),
    )
