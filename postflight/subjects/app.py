"""What the checks of tests_app see by their protocols: PostgreSQL, Redis, GraphQL."""

from __future__ import annotations

from postflight.environment import Api, Cache, Database, DatabaseServer, Environment, Vantage
from postflight.evidence import Unverified
from postflight.probes import http, postgres, redis, tcp, tls
from postflight.probes.aws import elasticache, rds
from postflight.probes.http import GraphqlAnswer, Query
from postflight.probes.postgres import Databases, Login, PostgresServer
from postflight.probes.reads import Probe
from postflight.probes.redis import Ping, RedisServer
from postflight.probes.tcp import Connection
from postflight.probes.tls import Tls
from postflight.subjects.registry import Ask, about

SHOP = "{ shop { name } }"
PRODUCTS = "{ products(first: 20) { edges { node { id name } } } }"


def _in_reach(declared: DatabaseServer | Database | Cache, vantage: Vantage) -> bool:
    return vantage in declared.reachable_from


def endpoint(ask: Ask, declared: DatabaseServer) -> tuple[str, int]:
    """Return host and port of a database server as AWS tells them; an empty host where it tells none."""
    listing = rds.instances if declared.kind == "instance" else rds.clusters
    server = ask(listing).of(declared.identifier)
    return server.host, server.port or declared.port


def postgres_server(ask: Ask, declared: DatabaseServer) -> PostgresServer:
    """Return how to log in to a database server as the applications do."""
    host, port = endpoint(ask, declared)
    return PostgresServer(
        host=host, port=port, login=declared.login, user=declared.user, tls=declared.tls, ca=declared.ca
    )


def _nowhere(declared: DatabaseServer | Cache) -> str:
    return f"AWS tells no endpoint of {declared.name}: there is nothing to connect to"


def _connection(ask: Ask, declared: DatabaseServer | Cache, to: tuple[str, int]) -> Connection:
    host, port = to
    if not host:
        return Connection(host="", port=port, seconds=0, kind="name", problem=_nowhere(declared))
    return ask(tcp.connection, host, port)


def _tls(
    ask: Ask,
    handshake: Probe[[str, int, str | None], Tls],
    declared: DatabaseServer | Cache,
    to: tuple[str, int],
) -> Tls:
    host, port = to
    if not host:
        return Tls(host="", port=port, seconds=0, kind="name", problem=_nowhere(declared))
    return ask(handshake, host, port, declared.ca)


@about("database_server", reachable=_in_reach)
def database_connection(ask: Ask, environment: Environment, declared: DatabaseServer) -> Connection:
    """Open a TCP connection to the server's endpoint."""
    return _connection(ask, declared, endpoint(ask, declared))


@about("database_server", reachable=_in_reach)
def database_tls(ask: Ask, environment: Environment, declared: DatabaseServer) -> Tls:
    """Ask the server for TLS, as PostgreSQL clients do."""
    return _tls(ask, postgres.tls, declared, endpoint(ask, declared))


@about("database_server", reachable=_in_reach)
def database_certificate(ask: Ask, environment: Environment, declared: DatabaseServer) -> Tls:
    """Verify the server's certificate against the declared CA; without one there is nothing to verify by."""
    if declared.ca is None:
        raise Unverified(postgres.ca_is_missing(declared.name))
    return database_tls(ask, environment, declared)


@about("database_server", reachable=_in_reach)
def database_login(ask: Ask, environment: Environment, declared: DatabaseServer) -> Login:
    """Log in as the applications do."""
    server = postgres_server(ask, declared)
    if not server.host:
        return Login(
            host="", port=server.port, user=declared.user, database=declared.login_database, seconds=0,
            kind="unreachable", problem=_nowhere(declared),
        )  # fmt: skip
    return ask(postgres.login, server, declared.login_database)


@about("database", reachable=_in_reach)
def databases_on_server(ask: Ask, environment: Environment, declared: Database) -> Databases:
    """List the databases of the server that should hold this one."""
    declared_server = environment.database_servers[declared.database_server]
    server = postgres_server(ask, declared_server)
    if not server.host:
        return Databases(host="", problem=_nowhere(declared_server))
    return ask(postgres.databases, server, declared_server.login_database)


def _cache_endpoint(ask: Ask, declared: Cache) -> tuple[str, int]:
    group = ask(elasticache.replication_groups).of(declared.replication_group)
    return group.host, group.port or declared.port


@about("cache", reachable=_in_reach)
def cache_connection(ask: Ask, environment: Environment, declared: Cache) -> Connection:
    """Open a TCP connection to the cache's endpoint."""
    return _connection(ask, declared, _cache_endpoint(ask, declared))


@about("cache", reachable=_in_reach)
def cache_tls(ask: Ask, environment: Environment, declared: Cache) -> Tls:
    """Make a TLS handshake with the cache."""
    return _tls(ask, tls.handshake, declared, _cache_endpoint(ask, declared))


@about("cache", reachable=_in_reach)
def cache_ping(ask: Ask, environment: Environment, declared: Cache) -> Ping:
    """Send the cache AUTH and PING."""
    host, port = _cache_endpoint(ask, declared)
    if not host:
        return Ping(host="", port=port, seconds=0, kind="name", problem=_nowhere(declared))
    server = RedisServer(host=host, port=port, tls=declared.tls, ca=declared.ca, auth=declared.auth)
    return ask(redis.ping, server)


@about("cache", reachable=_in_reach)
def cache_login(ask: Ask, environment: Environment, declared: Cache) -> Ping:
    """Send the cache AUTH and PING; where no token can be sent or PING says nothing, it is not known."""
    ping = cache_ping(ask, environment, declared)
    why = ping.lacking or ping.unseen
    if why is not None:
        raise Unverified(f"{why}.")
    return ping


@about("api")
def shop(ask: Ask, environment: Environment, declared: Api) -> GraphqlAnswer:
    """Ask the API for the shop's name."""
    return ask(http.graphql, Query(url=declared.url, text=SHOP, ca=declared.ca or environment.ca))


@about("api")
def products(ask: Ask, environment: Environment, declared: Api) -> GraphqlAnswer:
    """Ask the API for its first products."""
    query = Query(url=declared.url, text=PRODUCTS, ca=declared.ca or environment.ca, limit_s=declared.limit_s)
    return ask(http.graphql, query)
