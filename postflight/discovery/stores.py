"""Finds database servers, caches and buckets, and who logs in to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postflight.discovery.found import Entry, Findings, Section, section, without_empty
from postflight.discovery.place import Place
from postflight.discovery.workloads import Cluster, Workload
from postflight.environment import DatabaseLogin, SecretKey
from postflight.evidence import Unverified
from postflight.probes import postgres, tcp
from postflight.probes.aws import elasticache, rds

_NOBODY = "no workload that was seen logs in here; say who does (user, login, login_database)"
_NO_CA = (
    "TLS to these is verified with https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem: "
    "declare the file as `ca`, or say --database-ca FILE"
)
_OWN_DATABASES = frozenset({"postgres", "rdsadmin"})


@dataclass(frozen=True)
class _Login:
    """How a workload logs in to a store, and what it uses there."""

    workload: Workload
    fields: Mapping[str, Any]
    user: str
    database: str


def database_servers(place: Place, cluster: Cluster) -> Section:
    """Find the PostgreSQL servers in the VPC, with the login that the applications use."""

    def find() -> Findings:
        entries: list[Entry] = []
        remarks = [] if place.wanted.database_ca else [_NO_CA]
        for server in _servers(place):
            if not server.engine.endswith(("postgres", "postgresql")):
                remarks.append(f"{server.kind} {server.identifier} runs {server.engine}: not looked at here")
                continue
            taken = {name for entry in entries for name in entry.fields.get("databases", ())}
            entries.append(_server_entry(place, server, tuple(_logins(server, cluster)), taken))
        return Findings(tuple(entries), tuple(remarks) if entries else ())

    return section("database_servers", "PostgreSQL on RDS and Aurora; passwords stay in their Secrets.", find)


def caches(place: Place, cluster: Cluster) -> Section:
    """Find the replication groups in the VPC."""

    def find() -> Iterator[Entry]:
        nodes = place.ask(elasticache.nodes)
        groups = place.ask(elasticache.subnet_groups)
        for found in place.ask(elasticache.replication_groups).items:
            own = nodes.of(found.name)
            subnet_group = next((node.subnet_group for node in own), "")
            if place.vpc and groups.of(subnet_group).vpc not in ("", place.vpc):
                continue
            names = place.group_names(tuple(group for node in own for group in node.security_groups))
            auth = next(_tokens(found, cluster), None)
            guess = (
                "" if auth or not found.asks_for_token else "which Secret holds the AUTH token is not known"
            )
            fields = without_empty(
                replication_group=found.name,
                port=found.port or None,
                auth=auth,
                ca=place.wanted.cache_ca,
                security_group=next(iter(names), None),
                subnet_group=subnet_group,
                reachable_from=_reachable(place, found.host, found.port),
            )
            yield Entry(
                found.name, fields if found.encrypts_in_transit else {**fields, "tls": False}, guess=guess
            )

    return section("caches", "Redis and Valkey on ElastiCache.", find)


def logged_in(place: Place, section: Section, cluster: Cluster) -> dict[tuple[str, str], str]:
    """Return the declared database that each workload (by namespace and name) uses."""
    used: dict[tuple[str, str], str] = {}
    for server in _servers(place) if section.declared else ():
        entry = section.named(server.identifier)
        for login in _logins(server, cluster) if entry is not None else ():
            if entry is not None and login.database in entry.fields.get("databases", ()):
                used[login.workload.namespace, login.workload.name] = login.database
    return used


def cached(place: Place, section: Section, cluster: Cluster) -> dict[tuple[str, str], str]:
    """Return the declared cache that each workload (by namespace and name) uses."""
    found = place.ask(elasticache.replication_groups) if section.declared else None
    return {
        (workload.namespace, workload.name): entry.name
        for entry in section.declared
        for workload, _ in users_of(found.of(entry.name).host if found else "", cluster)
    }


def _servers(place: Place) -> Iterator[rds.DatabaseServer]:
    clusters = place.ask(rds.clusters).items
    groups = place.ask(rds.subnet_groups)
    hosts = {cluster.host for cluster in clusters}
    for cluster in clusters:
        if groups.of(cluster.subnet_group).vpc in ("", place.vpc):
            yield cluster
    for instance in place.ask(rds.instances).items:
        # An instance of an Aurora cluster is the cluster's business.
        is_member = instance.engine.startswith("aurora") or instance.host in hosts
        if not is_member and instance.vpc in ("", place.vpc):
            yield instance


def _logins(server: rds.DatabaseServer, cluster: Cluster) -> Iterator[_Login]:
    for workload in cluster.workloads:
        for variable in workload.configuration.variables:
            login = variable.login
            source = workload.secret_key(variable.name)
            if login is not None and login.host == server.host and source is not None:
                yield _Login(workload, {"url": _key(workload, source)}, login.user, login.database)
        if workload.value("DB_HOST") == server.host:
            user, password = workload.secret_key("DB_USER"), workload.secret_key("DB_PASSWORD")
            fields = {
                name: _key(workload, source)
                for name, source in (("user", user), ("password", password))
                if source is not None
            }
            if password is not None:
                name = workload.value("DB_NAME") or ""
                yield _Login(workload, fields, workload.value("DB_USER") or "", name)


def _key(workload: Workload, source: tuple[str, str]) -> dict[str, str]:
    return {"secret": source[0], "key": source[1], "namespace": workload.namespace}


def _server_fields(place: Place, server: rds.DatabaseServer) -> dict[str, Any]:
    names = place.group_names(server.security_groups)
    return without_empty(
        kind=server.kind,
        identifier=server.identifier,
        engine_version=server.version,
        port=server.port or None,
        tls="required" if _forces_tls(place, server) else "optional",
        ca=place.wanted.database_ca,
        security_group=next(iter(names), None),
        subnet_group=server.subnet_group,
        parameter_group=server.parameter_group,
    )


def _forces_tls(place: Place, server: rds.DatabaseServer) -> bool:
    look = rds.instance_parameters if server.kind == "instance" else rds.cluster_parameters
    return place.ask(look, server.parameter_group).forces_tls if server.parameter_group else False


def _server_entry(
    place: Place, server: rds.DatabaseServer, logins: tuple[_Login, ...], taken: set[str]
) -> Entry:
    """Return the entry of a server, but for the databases that are `taken`: names that another has, too."""
    fields = _server_fields(place, server)
    if not logins:
        return Entry(server.identifier, fields, left_out=_NOBODY)
    first = logins[0]
    used = tuple(dict.fromkeys(login.database for login in logins if login.database))
    login_database = first.database if "url" in first.fields else "postgres"
    reached, listed, doubt = _listed(place, server, first, fields, login_database)
    missing = [name for name in used if listed and name not in listed]
    guesses = [
        doubt,
        "" if first.user else "the user's name could not be read",
        f"workloads name {', '.join(missing)}, which is not on the server" if missing else "",
        "databases that another server has, too, are not declared" if taken & {*(listed or used)} else "",
    ]
    more = without_empty(
        user=first.user or "unknown",
        login=first.fields,
        login_database=login_database or next(iter(used), "postgres"),
        databases=[name for name in listed or used if name not in taken],
        reachable_from=reached,
    )
    return Entry(server.identifier, {**fields, **more}, guess="; ".join(filter(None, guesses)))


def _listed(
    place: Place, server: rds.DatabaseServer, login: _Login, fields: Mapping[str, Any], database: str
) -> tuple[list[str] | None, tuple[str, ...], str]:
    """Return from where the server is reached, the databases on it, and what is unsure of them."""
    only_used = "the databases are those that workloads name; the server was not asked"
    if not _is_open(place, server.host, server.port):
        return None, (), f"{only_used}: it cannot be reached from here"
    reached = _reachable(place, server.host, server.port)
    asked = postgres.PostgresServer(
        host=server.host,
        port=server.port,
        login=DatabaseLogin(**{name: SecretKey(**key) for name, key in login.fields.items()}),
        user=login.user,
        tls=fields["tls"],
        ca=place.wanted.database_ca,
    )
    try:
        found = place.ask(postgres.databases, asked, database)
    except Unverified as error:
        return reached, (), f"{only_used}: {error}"
    if found.problem:
        return reached, (), f"{only_used}: {found.problem}"
    return reached, tuple(name for name in found.names if name not in _OWN_DATABASES), ""


def _reachable(place: Place, host: str, port: int) -> list[str] | None:
    """Return `reachable_from` where it is not the default: a store that answers out here."""
    if place.wanted.vantage == "outside" and _is_open(place, host, port):
        return ["inside", "outside"]
    return None


def _is_open(place: Place, host: str, port: int) -> bool:
    try:
        return bool(host) and place.ask(tcp.connection, host, port).problem is None
    except Unverified:
        return False


def _tokens(found: elasticache.Cache, cluster: Cluster) -> Iterator[dict[str, str]]:
    for workload, variable in users_of(found.host, cluster):
        source = workload.secret_key(variable)
        if source is not None:
            yield _key(workload, source)


def users_of(host: str, cluster: Cluster) -> Iterator[tuple[Workload, str]]:
    """Yield the workloads that use the cache at `host`, and the variable that holds its token."""
    for workload in cluster.workloads:
        for variable in workload.configuration.variables:
            if host and variable.login is not None and variable.login.host == host:
                yield workload, variable.name
        if host and workload.value("REDIS_HOST") == host:
            yield workload, "REDIS_PASSWORD"
