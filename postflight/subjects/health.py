"""What those checks of tests_app see that look through Kubernetes: health, configuration, superuser."""

from __future__ import annotations

from collections.abc import Iterator

from postflight.environment import DatabaseServer, Environment, Service, Superuser, subjects
from postflight.evidence import Evidence, Unverified
from postflight.probes import postgres
from postflight.probes.kubernetes import exec as commands
from postflight.probes.kubernetes import pods, proxy, services, settings
from postflight.probes.kubernetes.containers import Reference
from postflight.probes.kubernetes.proxy import HealthAnswer
from postflight.probes.kubernetes.settings import Settings
from postflight.subjects.app import postgres_server
from postflight.subjects.platform import deployment
from postflight.subjects.registry import Ask, about
from postflight.subjects.settings import Configuration, configuration_of, own_container, readable_variables


class NamedEndpoint(Evidence):
    """A database's address as an application is told it, and where it is told."""

    where: str
    host: str
    port: int | None = None


class ApplicationLogin(Evidence):
    """How the applications log in to a database server, but for the password.

    `source` names the Secret and key; not `found` where the Secret or that key is absent.
    """

    source: str
    found: bool
    user: str | None = None
    database: str | None = None
    endpoints: tuple[NamedEndpoint, ...] = ()


class SuperuserCount(Evidence):
    """How many active superusers there are, where they were counted, or why they could not be."""

    where: str
    count: int | None = None
    problem: str | None = None


@about("service")
def health(ask: Ask, _: Environment, declared: Service) -> HealthAnswer:
    """Ask the service for its health: by its own address inside the cluster, else through the API server."""
    if declared.health is None:
        raise ValueError(f"{declared.name} declares no health")
    path = declared.health.path
    if ask.vantage == "outside":
        return ask(proxy.service_answer, declared.namespace, declared.name, declared.port, path)
    found = ask(services.services, declared.namespace).named(declared.name)
    port = found.port(declared.port)
    if port is None:
        lack = f"has no port {declared.port}" if found.found else "does not exist"
        problem = f"Service {declared.namespace}/{declared.name} {lack}"
        return HealthAnswer(asked=path, through="direct", problem=problem)
    return ask(proxy.direct_answer, declared.namespace, declared.name, port, path)


@about("service")
def configuration(ask: Ask, environment: Environment, declared: Service) -> Configuration:
    """Put together the environment variables of the service's own container."""
    found = deployment(ask, environment, declared)
    if not found.found:
        return Configuration(title=found.title, found=False)
    readable = readable_variables(environment, declared.namespace)

    def lookup(reference: Reference) -> Settings:
        if reference.kind == "ConfigMap":
            return ask(settings.config_maps, declared.namespace, readable).named(reference.name)
        return _secret(ask, environment, declared.namespace, reference.name)

    return configuration_of(found, lookup, declared.image_repository)


@about("database_server")
def application_login(ask: Ask, environment: Environment, declared: DatabaseServer) -> ApplicationLogin:
    """Read whom and what the applications' Secret names, and where they are told that the server is."""
    named = declared.login.url or declared.login.user
    if named is None or named.namespace is None:
        return ApplicationLogin(source="no Kubernetes Secret", found=True, user=None)
    source = f"Secret {named.namespace}/{named.secret}, key {named.key}"
    found = _secret(ask, environment, named.namespace, named.secret).key(named.key)
    if found is None:
        return ApplicationLogin(source=source, found=False)
    if found.login is not None:
        address = NamedEndpoint(where=source, host=found.login.host, port=found.login.port)
        return ApplicationLogin(
            source=source,
            found=True,
            user=found.login.user,
            database=found.login.database,
            endpoints=(address,),
        )
    addresses = tuple(_addresses(ask, environment, declared))
    return ApplicationLogin(source=source, found=True, user=found.value, endpoints=addresses)


@about("superuser")
def superusers(ask: Ask, environment: Environment, declared: Superuser) -> SuperuserCount:
    """Count Saleor's active superusers: by SQL where the database can be reached, else in an API pod."""
    server = _server_of(environment, declared.database)
    where = f"{declared.table} of database {declared.database}"
    if ask.vantage in server.reachable_from:
        reached = postgres_server(ask, server)
        if not reached.host:
            return SuperuserCount(where=where, problem=f"AWS tells no endpoint of {server.name}")
        counted = ask(postgres.superusers, reached, declared.database, declared.table)
        return SuperuserCount(where=where, count=counted.count, problem=counted.problem)
    if not declared.exec:
        raise Unverified(
            f"Database server {server.name} cannot be reached from {ask.vantage} the cluster, and the "
            f"environment does not allow `exec` for {declared.name}; run this check inside the cluster."
        )
    return _counted_in_a_pod(ask, environment, declared)


def _counted_in_a_pod(ask: Ask, environment: Environment, declared: Superuser) -> SuperuserCount:
    service = environment.services[declared.service]
    found = deployment(ask, environment, service)
    where = f"Django in {found.title}"
    running = ask(pods.pods, service.namespace).selected(found.selector).items
    ready = next((pod for pod in running if pod.ready), None)
    own = own_container(found, service.image_repository)
    if ready is None or own is None:
        return SuperuserCount(where=where, problem=f"{found.title} has no ready pod to ask")
    counted = ask(commands.superusers, service.namespace, ready.name, own.name)
    return SuperuserCount(where=where, count=counted.count, problem=counted.problem)


def _server_of(environment: Environment, database: str) -> DatabaseServer:
    held = (server for server in environment.database_servers.values() if database in server.databases)
    return next(held)


def _addresses(ask: Ask, environment: Environment, server: DatabaseServer) -> Iterator[NamedEndpoint]:
    """Yield what each service with a database on this server has as DB_HOST and DB_PORT."""
    for service in subjects(environment, "service"):
        if not isinstance(service, Service) or service.database not in server.databases:
            continue
        found = configuration(ask, environment, service)
        host, port = found.variable("DB_HOST"), found.variable("DB_PORT")
        if host is not None and host.value is not None:
            number = int(port.value) if port and port.value and port.value.isdigit() else None
            yield NamedEndpoint(where=f"{found.title}, DB_HOST", host=host.value, port=number)


def _secret(ask: Ask, environment: Environment, namespace: str, name: str) -> Settings:
    """Read a Secret; of its values, only user names and what the environment declares are kept."""
    users = (server.login.user for server in environment.database_servers.values())
    names = {user.key for user in users if user and (user.namespace, user.secret) == (namespace, name)}
    readable = tuple(sorted(names | set(readable_variables(environment, namespace))))
    return ask(settings.secret, namespace, name, readable)
