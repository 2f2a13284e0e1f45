"""Services of a namespace, the pods behind them, and the ServiceAccounts that pods run as."""

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

_ROLE: Final = "eks.amazonaws.com/role-arn"


class Service(Evidence):
    """A Service, or the absence of one; `ports` are its own, by name (empty for a nameless one)."""

    namespace: str
    name: str
    found: bool = True
    ports: tuple[tuple[str, int], ...] = ()
    selector: dict[str, str] = Field(default_factory=dict)

    def port(self, wanted: int | str) -> int | None:
        """Return the number of a port given by number or name; None where it has no such port."""
        return next((number for name, number in self.ports if wanted in (number, name)), None)


class Services(Evidence):
    """The Services of one namespace."""

    namespace: str
    items: tuple[Service, ...]

    @cached_property
    def _by_name(self) -> dict[str, Service]:
        return by_name(self.items)

    def named(self, name: str) -> Service:
        """Return one of them, or its absence."""
        absent = Service(namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


class Endpoints(Evidence):
    """The pods behind a Service, by name: those that take traffic, and those that do not."""

    namespace: str
    service: str
    found: bool = False
    ready: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()


class EndpointSlices(Evidence):
    """The pods behind each Service of one namespace."""

    namespace: str
    items: tuple[Endpoints, ...]

    @cached_property
    def _by_service(self) -> dict[str, list[Endpoints]]:
        slices: dict[str, list[Endpoints]] = {}
        for item in self.items:
            slices.setdefault(item.service, []).append(item)
        return slices

    def of(self, service: str) -> Endpoints:
        """Return the pods behind one Service; not found where no slice tells of it."""
        slices = self._by_service.get(service, [])
        return Endpoints(
            namespace=self.namespace,
            service=service,
            found=bool(slices),
            ready=tuple(dict.fromkeys(name for item in slices for name in item.ready)),
            not_ready=tuple(dict.fromkeys(name for item in slices for name in item.not_ready)),
        )


class ServiceAccount(Evidence):
    """A ServiceAccount, or the absence of one, with the IAM role that it is annotated with."""

    namespace: str
    name: str
    found: bool = True
    role_arn: str | None = None

    @property
    def title(self) -> str:
        """`ServiceAccount kube-system/external-dns`."""
        return f"ServiceAccount {self.namespace}/{self.name}"

    @property
    def role(self) -> str | None:
        """Name of that role."""
        return self.role_arn.rpartition("/")[2] if self.role_arn else None


class ServiceAccounts(Evidence):
    """The ServiceAccounts of one namespace."""

    namespace: str
    items: tuple[ServiceAccount, ...]

    @cached_property
    def _by_name(self) -> dict[str, ServiceAccount]:
        return by_name(self.items)

    def named(self, name: str) -> ServiceAccount:
        """Return one of them, or its absence."""
        absent = ServiceAccount(namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


@reads("list services")
def services(connections: Connections, namespace: str) -> Services:
    """List a namespace's Services."""
    listed = connections.kubernetes.list(Resource("services"), namespace)
    items = (
        Service(
            namespace=namespace,
            name=text(item, "metadata", "name"),
            ports=tuple(
                (text(each, "name"), number(each, "port")) for each in entries(item, "spec", "ports")
            ),
            selector={str(k): str(v) for k, v in mapping(item, "spec", "selector").items()},
        )
        for item in listed
    )
    return Services(namespace=namespace, items=tuple(items))


@reads("list endpointslices.discovery.k8s.io")
def endpoint_slices(connections: Connections, namespace: str) -> EndpointSlices:
    """List a namespace's EndpointSlices."""
    listed = connections.kubernetes.list(Resource("endpointslices", "discovery.k8s.io/v1"), namespace)
    return EndpointSlices(namespace=namespace, items=tuple(_endpoints(item, namespace) for item in listed))


@reads("list serviceaccounts")
def service_accounts(connections: Connections, namespace: str) -> ServiceAccounts:
    """List a namespace's ServiceAccounts."""
    listed = connections.kubernetes.list(Resource("serviceaccounts"), namespace)
    items = (
        ServiceAccount(
            namespace=namespace,
            name=text(item, "metadata", "name"),
            role_arn=text(item, "metadata", "annotations", _ROLE) or None,
        )
        for item in listed
    )
    return ServiceAccounts(namespace=namespace, items=tuple(items))


def _endpoints(item: Mapping[str, Any], namespace: str) -> Endpoints:
    by_state: dict[bool, list[str]] = {True: [], False: []}
    for endpoint in entries(item, "endpoints"):
        addresses = endpoint.get("addresses") or ["?"]
        # An absent condition means ready, as the API's own documentation has it.
        is_ready = mapping(endpoint, "conditions").get("ready") is not False
        by_state[is_ready].append(text(endpoint, "targetRef", "name") or str(addresses[0]))
    return Endpoints(
        namespace=namespace,
        service=text(item, "metadata", "labels", "kubernetes.io/service-name"),
        found=True,
        ready=tuple(by_state[True]),
        not_ready=tuple(by_state[False]),
    )
