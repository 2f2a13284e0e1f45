"""Looks at what runs in the cluster's namespaces, and at what it is told by its environment variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from postflight.discovery import looks
from postflight.discovery.place import Place
from postflight.environment.plaintext import is_secret_name
from postflight.evidence import Unverified
from postflight.probes.kubernetes import deployments, ingresses, services, settings
from postflight.probes.kubernetes.containers import Container, Reference
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.ingresses import Ingress
from postflight.probes.kubernetes.services import Service
from postflight.probes.kubernetes.settings import Settings
from postflight.subjects.settings import DATABASE_VARIABLES, Configuration, configuration_of, own_container

# What a cluster brings along, and what delivers into it: not what an environment is there for.
_OTHERS = frozenset(
    {"kube-system", "kube-public", "kube-node-lease", "argocd", "cert-manager", "amazon-guardduty"}
)
# Variables whose values say how parts are put together. None of them is a secret where it is used so.
_TELLING = re.compile(
    r"(_ENABLED|_DIR|_BUCKET|_BUCKET_NAME|_URI|_URL|_HOSTS|_ORIGINS?|REDIS_HOST|REDIS_PORT|CACHE_HOST)$"
)


@dataclass(frozen=True)
class Workload:
    """A Deployment of an application, the Service in front of it, and its environment variables."""

    namespace: str
    deployment: Deployment
    service: Service | None
    configuration: Configuration
    role: str | None

    @property
    def name(self) -> str:
        """Name of its entry: the Service's, since that is who is asked."""
        return self.service.name if self.service is not None else self.deployment.name

    @property
    def _own(self) -> Iterator[Container]:
        """Its own container, if it has one: a login is the application's, whatever others log in with."""
        own = own_container(self.deployment)
        yield from () if own is None else (own,)

    @property
    def references(self) -> Iterator[tuple[str, Reference]]:
        """Each variable of its own container that comes from one key of a ConfigMap or Secret."""
        for container in self._own:
            for variable in container.variables:
                if variable.reference is not None:
                    yield variable.name, variable.reference

    def secret_key(self, variable: str) -> tuple[str, str] | None:
        """Return the Secret and key that a variable comes from."""
        for name, reference in self.references:
            if name == variable and reference.kind == "Secret" and reference.key:
                return reference.name, reference.key
        configured = self.configuration.variable(variable)
        for container in self._own:
            for source in container.sources:
                is_it = configured is not None and configured.source.endswith(f"/{source.name}")
                if source.kind == "Secret" and is_it:
                    return source.name, variable.removeprefix(source.prefix)
        return None

    def value(self, variable: str) -> str | None:
        """Return what a variable is set to, where that may be told."""
        found = self.configuration.variable(variable)
        return found.value if found is not None else None


@dataclass(frozen=True)
class _Reading:
    """The ConfigMaps and Secrets of a namespace; `troubles` gathers why some could not be read."""

    place: Place
    namespace: str
    troubles: dict[str, None] = field(default_factory=dict)

    def settings(self, reference: Reference, readable: tuple[str, ...]) -> Settings:
        """Return what a reference leads to. That there is such a Secret, the Deployment says itself."""
        ask = self.place.ask
        if reference.kind == "ConfigMap":
            return ask(settings.config_maps, self.namespace, readable).named(reference.name)
        try:
            return ask(settings.secret, self.namespace, reference.name, readable)
        except Unverified as error:
            self.troubles[str(error)] = None
            return Settings(kind="Secret", namespace=self.namespace, name=reference.name, found=False)


@dataclass(frozen=True)
class Cluster:
    """What runs in the namespaces that were looked at; `troubles` are those that could not be."""

    namespaces: tuple[str, ...] = ()
    workloads: tuple[Workload, ...] = ()
    ingresses: tuple[Ingress, ...] = ()
    troubles: tuple[str, ...] = ()

    def ingress_name(self, ingress: Ingress) -> str:
        """Return the name of an Ingress's entry: its own, with its namespace where another has it too."""
        is_alone = sum(one.name == ingress.name for one in self.ingresses) == 1
        return ingress.name if is_alone else f"{ingress.namespace}-{ingress.name}"

    def workload(self, namespace: str, service: str) -> Workload | None:
        """Return the workload behind a Service."""
        found = (one for one in self.workloads if (one.namespace, one.name) == (namespace, service))
        return next(found, None)


def look(place: Place) -> Cluster:
    """Look into every namespace of an application, a few at a time."""
    if place.cluster is None:
        return Cluster()
    try:
        names = place.wanted.namespaces or _applications(place)
    except Unverified as error:
        return Cluster(troubles=(f"{str(error).rstrip('.')}. Name the namespaces with --namespace.",))
    with ThreadPoolExecutor(max_workers=4) as pool:
        seen = list(pool.map(lambda name: _namespace(place, name), names))
    return Cluster(
        namespaces=tuple(
            name for name, one in zip(names, seen, strict=True) if one.workloads or one.ingresses
        ),
        workloads=tuple(workload for one in seen for workload in one.workloads),
        ingresses=tuple(ingress for one in seen for ingress in one.ingresses),
        troubles=tuple(trouble for one in seen for trouble in one.troubles),
    )


def _applications(place: Place) -> tuple[str, ...]:
    return tuple(name for name in place.ask(looks.namespaces).items if name not in _OTHERS)


def _namespace(place: Place, namespace: str) -> Cluster:
    reading = _Reading(place, namespace)
    workloads: tuple[Workload, ...] = ()
    found: tuple[Ingress, ...] = ()
    try:
        found = place.ask(ingresses.ingresses, namespace).items
        workloads = tuple(_workloads(reading))
    except Unverified as error:
        reading.troubles[f"namespace {namespace}: {error}"] = None
    return Cluster(workloads=workloads, ingresses=found, troubles=tuple(reading.troubles))


def _workloads(reading: _Reading) -> Iterator[Workload]:
    ask, namespace = reading.place.ask, reading.namespace
    readable, harmless = _readable(reading.place, namespace)
    known = ask(services.services, namespace).items
    accounts = ask(services.service_accounts, namespace)
    for deployment in ask(deployments.deployments, namespace, readable).items:
        account = accounts.named(deployment.service_account or "default")
        yield Workload(
            namespace=namespace,
            deployment=deployment,
            service=_service_of(deployment, known),
            configuration=configuration_of(
                deployment,
                lambda one: reading.settings(one, readable if one.kind == "ConfigMap" else harmless),
            ),
            role=account.role,
        )


def _service_of(deployment: Deployment, known: tuple[Service, ...]) -> Service | None:
    behind = [one for one in known if one.selector and one.selector.items() <= deployment.selector.items()]
    behind.sort(key=lambda one: one.name != deployment.name)
    return next((one for one in behind if one.ports), None)


def _readable(place: Place, namespace: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names whose values may be kept: of variables and ConfigMaps, and of Secrets.

    They say how parts fit together. Of a Secret that is only whose login it is, and where.
    """
    variables = {
        variable
        for deployment in place.ask(deployments.deployments, namespace, ()).items
        for container in deployment.all_containers
        for variable in container.variables
    }
    keys = {item.key for one in place.ask(settings.config_maps, namespace, ()).items for item in one.items}
    # The key that a database variable is filled from holds what the variable does: a user name, a host.
    behind = {
        one.reference.key
        for one in variables
        if one.reference is not None and one.reference.key and one.name in DATABASE_VARIABLES
    }
    telling = {name for name in {one.name for one in variables} | keys if _TELLING.search(name)}
    harmless = {one for one in behind | {*DATABASE_VARIABLES} if not is_secret_name(one)}
    return tuple(sorted({one for one in telling if not is_secret_name(one)} | harmless)), tuple(
        sorted(harmless)
    )
