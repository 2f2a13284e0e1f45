"""What a workload's containers get as environment variables, put together as Kubernetes does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from postflight.environment import ConfigurationValue, Environment
from postflight.evidence import Evidence
from postflight.probes.kubernetes.containers import Container, Reference, Variable
from postflight.probes.kubernetes.deployments import Deployment
from postflight.probes.kubernetes.settings import Login, Settings
from postflight.subjects.references import parsed

# What tells a service of DOA Market where its database is.
DATABASE_VARIABLES = ("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_SSL")

Lookup = Callable[[Reference], Settings]


class Configured(Evidence):
    """One environment variable. `value` is None where it is a secret, or nobody declares a value for it."""

    name: str
    source: str
    is_empty: bool = False
    value: str | None = None
    login: Login | None = None
    is_from_secret: bool = False

    @property
    def shown(self) -> str:
        """Its value for messages, where that may be told."""
        return repr(self.value) if self.value is not None else "set"


class Configuration(Evidence):
    """The environment variables of a Deployment's own container, and all references that lead nowhere."""

    title: str
    found: bool = True
    variables: tuple[Configured, ...] = ()
    sources: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    def variable(self, name: str) -> Configured | None:
        """Return one variable, None where it is not set."""
        return next((item for item in self.variables if item.name == name), None)

    def set_among(self, *names: str) -> tuple[Configured, ...]:
        """Return those of these variables that are set."""
        return tuple(item for item in self.variables if item.name in names)

    def differences(self, required: Mapping[str, ConfigurationValue]) -> tuple[str, ...]:
        """Return what is missing, empty or different: one clause each."""
        clauses = (self._difference(name, wanted) for name, wanted in required.items())
        return tuple(clause for clause in clauses if clause)

    def _difference(self, name: str, wanted: ConfigurationValue) -> str | None:
        found = self.variable(name)
        why = f" ({wanted.cause})" if wanted.cause else ""
        if found is None:
            places = ", ".join(self.sources) or "its own variables"
            return f"{name} is not set; it has {places}{why}"
        if found.is_empty and wanted.value != "":
            return f"{name} is empty in {found.source}{why}"
        if wanted.value is not None and found.value is not None and found.value != wanted.value:
            return f"{name} is {found.value!r} in {found.source}, not {wanted.value!r}{why}"
        return None


@lru_cache(maxsize=64)
def readable_variables(environment: Environment, namespace: str) -> tuple[str, ...]:
    """Return the variables of a namespace whose values are no secret: the environment file has them."""
    declared = {
        name
        for service in environment.services.values()
        if service.namespace == namespace
        for name, wanted in service.required.items()
        if wanted.value is not None
    }
    return tuple(sorted(declared.union(DATABASE_VARIABLES)))


def own_container(deployment: Deployment, repository: str | None = None) -> Container | None:
    """Return the container that a Deployment is there for; None where it has none at all.

    It is the one that kubectl chooses (annotation kubectl.kubernetes.io/default-container), else the one with
    an image of the service's declared repository, else the one called like the Deployment, else the first.
    """
    signs: tuple[Callable[[Container], bool], ...] = (
        lambda one: one.name == deployment.default_container,
        lambda one: bool(repository) and parsed(one.image).path.endswith(f"/{repository}"),
        lambda one: one.name == deployment.name,
        lambda _: True,
    )
    found = (one for is_it in signs for one in deployment.containers if is_it(one))
    return next(found, None)


def configuration_of(deployment: Deployment, lookup: Lookup, repository: str | None = None) -> Configuration:
    """Put together what the own container of a Deployment gets, and what any of its containers lacks.

    A sidecar's variables are not the application's, but what it needs keeps the pod from starting as well.
    """
    variables: dict[str, Configured] = {}
    broken: list[str] = []
    own = own_container(deployment, repository)
    for container in deployment.all_containers:
        found = variables if container is own else {}
        _read(found, broken, container, lookup)
    sources = (lookup(reference).title for reference in own.sources) if own is not None else ()
    return Configuration(
        title=deployment.title,
        variables=tuple(variables.values()),
        sources=tuple(dict.fromkeys(sources)),
        broken=tuple(broken),
    )


def _read(variables: dict[str, Configured], broken: list[str], container: Container, lookup: Lookup) -> None:
    """Add what one container gets; later sources win, as in Kubernetes."""
    for reference in container.sources:
        settings = lookup(reference)
        if not settings.found and not reference.optional:
            broken.append(f"{settings.title}, which container {container.name} needs, does not exist")
        variables.update(_all_keys(settings, reference.prefix))
    for variable in container.variables:
        _add(variables, broken, container, variable, lookup)


def _add(
    variables: dict[str, Configured],
    broken: list[str],
    container: Container,
    variable: Variable,
    lookup: Lookup,
) -> None:
    reference = variable.reference
    if reference is None:
        variables[variable.name] = Configured(
            name=variable.name,
            source="its own variables",
            is_empty=variable.is_empty,
            value=variable.value,
        )
        return
    settings = lookup(reference)
    found = settings.key(reference.key or "")
    if found is not None:
        variables[variable.name] = Configured(
            name=variable.name,
            source=f"{settings.title} (key {found.key})",
            is_empty=found.is_empty,
            value=found.value,
            login=found.login,
            is_from_secret=settings.kind == "Secret",
        )
    elif not reference.optional:
        lack = f"has no key {reference.key}" if settings.found else "does not exist"
        broken.append(f"{settings.title}, which {variable.name} of container {container.name} needs, {lack}")


def _all_keys(settings: Settings, prefix: str) -> Iterator[tuple[str, Configured]]:
    for item in settings.items:
        name = f"{prefix}{item.key}"
        configured = Configured(
            name=name,
            source=settings.title,
            is_empty=item.is_empty,
            value=item.value,
            login=item.login,
            is_from_secret=settings.kind == "Secret",
        )
        yield name, configured
