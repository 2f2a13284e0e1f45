"""The probes of PostgreSQL and Redis against real servers: what each refusal is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from postflight.environment import DatabaseLogin
from postflight.evidence import Unverified
from postflight.probes import postgres, redis
from postflight.probes.connections import Connections
from postflight.probes.postgres import PostgresServer
from postflight.probes.redis import RedisServer
from sandbox.databases.postgres import Plan, Postgres, start_postgres, stop_postgres
from sandbox.databases.redis import Redis
from sandbox.network.certificates import Authority
from selftests.event_loop import EventLoop, event_loop
from selftests.rude_servers import street
from selftests.rude_town import connections, looking, resolving


@dataclass(frozen=True)
class Servers:
    """A PostgreSQL that forces TLS, a Redis that demands a token, and how a run reaches them."""

    loop: EventLoop
    postgres: Postgres
    redis: Redis
    ca: str
    stranger: str
    reached: Connections

    def server(self, tls: str, ca: str | None) -> PostgresServer:
        """Describe the PostgreSQL server. Nobody knows its password."""
        return PostgresServer.model_validate(
            {
                "host": "name.test",
                "port": self.postgres.port,
                "login": DatabaseLogin(),
                "user": "app",
                "tls": tls,
                "ca": ca,
            }
        )


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Start both, once."""
    folder = tmp_path_factory.mktemp("servers")
    authority = Authority("Trusted here")
    files = {"ca": authority, "stranger": Authority("Trusted nowhere")}
    for name, made in files.items():
        (folder / name).write_text(made.pem)
    plan = Plan("one", "app", ("orders",), authority.issue("name.test"), force_ssl=True)
    cache = Redis("cache")
    with event_loop() as loop, street() as opened:
        started = loop.run(start_postgres(folder / "postgres", [plan]))
        loop.run(cache.start(folder / "redis"))
        try:
            reached = connections(opened.name_server(resolving))
            yield Servers(loop, started[0], cache, str(folder / "ca"), str(folder / "stranger"), reached)
        finally:
            loop.run(cache.stop())
            loop.run(stop_postgres(started))


def test_a_servers_certificate_is_verified_by_its_name(servers: Servers) -> None:
    """The handshake after SSLRequest is the same as anywhere else."""
    seen = looking(servers.reached, postgres.tls, "name.test", servers.postgres.port, servers.ca)()
    assert seen.is_verified
    assert seen.certificate.names == ("name.test",)


def test_a_certificate_of_another_authority_is_untrusted(servers: Servers) -> None:
    """`verify-full` means the declared CA, and no other."""
    port = servers.postgres.port
    seen = looking(servers.reached, postgres.tls, "name.test", port, servers.stranger)()
    assert (seen.kind, seen.is_spoken, seen.is_verified) == ("untrusted", True, False)
    login = looking(servers.reached, postgres.login, servers.server("required", servers.stranger), "orders")()
    assert (login.ok, login.kind) == (False, "certificate")


def test_a_certificate_for_another_name_is_refused(servers: Servers) -> None:
    """Without the name anybody with a certificate of the same authority could stand in between."""
    server = servers.server("required", servers.ca).model_copy(update={"host": "other.test"})
    login = looking(servers.reached, postgres.login, server, "orders")()
    assert (login.ok, login.kind) == (False, "certificate")


def test_a_wrong_password_is_called_one(servers: Servers) -> None:
    """28P01: server, rules and TLS are in order, and only the password is not."""
    seen = looking(servers.reached, postgres.login, servers.server("required", servers.ca), "orders")()
    assert (seen.ok, seen.kind, seen.sqlstate, seen.user) == (False, "password", "28P01", "app")


def test_forced_tls_is_told_from_a_wrong_password(servers: Servers) -> None:
    """28000: applications without TLS meet the server's rules, whatever their password."""
    seen = looking(servers.reached, postgres.login, servers.server("optional", servers.ca), "orders")()
    assert (seen.ok, seen.kind, seen.sqlstate) == (False, "host rule", "28000")
    assert "no pg_hba.conf entry" in seen.problem


def test_databases_that_cannot_be_listed_are_not_none(servers: Servers) -> None:
    """An empty listing because of an error would call every database missing."""
    seen = looking(servers.reached, postgres.databases, servers.server("optional", None), "orders")()
    assert seen.names == ()
    assert "no pg_hba.conf entry" in seen.problem


def test_tls_without_a_declared_ca_is_not_verified(servers: Servers) -> None:
    """There is no trusting RDS without Amazon's bundle, and no skipping it either."""
    with pytest.raises(Unverified, match="declare it as `ca`"):
        looking(servers.reached, postgres.login, servers.server("required", None), "orders")()


def test_a_server_that_is_switched_to_plain_text_refuses_tls(servers: Servers) -> None:
    """The server's `N` to SSLRequest is an answer, and clear."""
    servers.loop.run(servers.postgres.set_policy(tls=False, force_ssl=False))
    try:
        seen = looking(servers.reached, postgres.tls, "name.test", servers.postgres.port, servers.ca)()
        login = looking(servers.reached, postgres.login, servers.server("required", servers.ca), "orders")()
    finally:
        servers.loop.run(servers.postgres.set_policy(tls=True, force_ssl=True))
    assert (seen.kind, seen.answered, seen.is_spoken) == ("tls refused", True, False)
    assert (login.ok, login.kind) == (False, "no tls")


def test_a_redis_that_demands_a_token_says_so(servers: Servers) -> None:
    """It answers in time; only the token is missing."""
    server = RedisServer(host="name.test", port=servers.redis.port, tls=False)
    seen = looking(servers.reached, redis.ping, server)()
    assert (seen.answered, seen.is_authenticated, seen.has_ponged) == (True, False, False)
