"""The probes of PostgreSQL and Redis against real servers: what each refusal is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from postflight.environment import DatabaseLogin
from postflight.evidence import Unverified
from postflight.probes import postgres, redis
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.libpq import Target
from postflight.probes.postgres import PostgresServer, request_tls
from postflight.probes.postgres_session import Answer, ask
from postflight.probes.reads import UndeclaredReadError
from postflight.probes.redis import RedisServer
from postflight.probes.sqlstates import RefusedError
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


def asked(servers: Servers, query: str = "SELECT 1", **changed: Any) -> Answer:
    """Put a query as a probe does that may read by SQL."""
    target = Target(
        "name.test", servers.postgres.port, "orders", "app", servers.postgres.plan.password, servers.ca
    )
    with postgres.login.allowed():
        return ask(servers.reached, replace(target, **changed), query, Deadline.after(5), request_tls)


def test_a_wrong_password_is_called_one(servers: Servers) -> None:
    """28P01: server, rules and TLS are in order, and only the password is not."""
    with pytest.raises(RefusedError, match="refuses the user or the password") as refused:
        asked(servers, password="not-the-servers-password")
    assert (refused.value.kind, refused.value.sqlstate) == ("password", "28P01")
    assert "not-the-servers-password" not in str(refused.value)


def test_a_password_that_there_is_none_of_is_not_looked_for_elsewhere(servers: Servers) -> None:
    """The library would take one from ~/.pgpass, and log in where the applications cannot."""
    seen = looking(servers.reached, postgres.login, servers.server("required", servers.ca), "orders")()
    assert (seen.ok, seen.kind, seen.user) == (False, "password", "app")
    assert "demands a password, and there is none to send" in seen.problem


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


def rows(servers: Servers, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement as superuser on the database of the tests."""
    return servers.loop.run(servers.postgres.execute(statement, "orders"))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE written (a int)",
        "INSERT INTO kept VALUES (2)",
        "UPDATE kept SET a = 2",
        "DELETE FROM kept",
        "TRUNCATE kept",
        "DROP TABLE kept",
        "WITH gone AS (DELETE FROM kept RETURNING a) SELECT a FROM gone",
        "SELECT nextval('counted')",
        "SELECT 1; INSERT INTO kept VALUES (2)",
        "COMMIT; INSERT INTO kept VALUES (2)",
        "SET TRANSACTION READ WRITE; INSERT INTO kept VALUES (2)",
        "DO $$ BEGIN INSERT INTO kept VALUES (2); END $$",
        "COPY kept FROM PROGRAM 'echo 2'",
        "CREATE ROLE another",
        "ALTER ROLE app CONNECTION LIMIT 0",
    ],
)
def test_a_statement_that_writes_is_refused_by_the_server(servers: Servers, statement: str) -> None:
    """The session is read-only and takes one statement: no mistake in a query of ours can change a row."""
    rows(servers, "CREATE TABLE IF NOT EXISTS kept AS SELECT 1 AS a")
    rows(servers, "CREATE SEQUENCE IF NOT EXISTS counted")
    rows(servers, "ALTER TABLE kept OWNER TO app")
    rows(servers, "ALTER SEQUENCE counted OWNER TO app")
    with pytest.raises((RefusedError, Unverified), match=r"25006|42601|42501"):
        asked(servers, statement)
    assert rows(servers, "SELECT a FROM kept") == [(1,)]
    assert rows(servers, "SELECT is_called FROM counted") == [(False,)]


def test_a_look_that_does_not_declare_sql_sends_nothing(servers: Servers) -> None:
    """The interlock is in front of the client: no connection is opened."""
    target = Target("name.test", servers.postgres.port, "orders", "app", "", None)
    before = servers.reached.calls.by_protocol()
    with redis.ping.allowed(), pytest.raises(UndeclaredReadError, match="sql"):
        ask(servers.reached, target, "SELECT 1", Deadline.after(5), request_tls)
    assert servers.reached.calls.by_protocol() == before


def test_rows_come_as_text_and_the_server_tells_its_version(servers: Servers) -> None:
    """The healthy case, encrypted."""
    seen = asked(servers, "SELECT current_setting('server_version_num'), NULL::text")
    assert seen.is_encrypted
    assert seen.rows == ((str(seen.rows[0][0]), None),)
    assert str(seen.rows[0][0]).isdecimal()


@pytest.mark.parametrize(
    ("query", "raised", "words"),
    [
        ("SELECT count(*)::text FROM account_user", RefusedError, r"has no such table \(42P01"),
        ("SELECT rolpassword FROM pg_authid", Unverified, r"app may not read orders on .* \(42501"),
        ("SELECT pg_cancel_backend(pg_backend_pid())", Unverified, r"cancelled the query .* \(57014"),
        ("SELECT 1/0", RefusedError, r"answered an error \(22012"),
    ],
)
def test_an_error_of_a_query_is_known_by_its_code(
    servers: Servers, query: str, raised: type[Exception], words: str
) -> None:
    """What is absent is the server's fault; what may not be read, or takes too long, was not seen."""
    with pytest.raises(raised, match=words):
        asked(servers, query)


@pytest.mark.parametrize(
    ("change", "undo", "code", "kind"),
    [
        ("ALTER ROLE app CONNECTION LIMIT 0", "ALTER ROLE app CONNECTION LIMIT -1", "53300", "busy"),
        ("ALTER ROLE app NOLOGIN", "ALTER ROLE app LOGIN", "28000", "host rule"),
        (
            "ALTER DATABASE orders ALLOW_CONNECTIONS false", "ALTER DATABASE orders ALLOW_CONNECTIONS true",
            "55000", "other",
        ),
        (
            "REVOKE CONNECT ON DATABASE orders FROM public, app",
            "GRANT CONNECT ON DATABASE orders TO public, app", "42501", "not permitted",
        ),
    ],
)  # fmt: skip
def test_a_login_that_is_refused_is_known_by_its_code(
    servers: Servers, change: str, undo: str, code: str, kind: str
) -> None:
    """Each as the server itself says it."""
    admin = servers.postgres
    servers.loop.run(admin.execute(change))
    try:
        with pytest.raises(RefusedError, match=code) as refused:
            asked(servers)
    finally:
        servers.loop.run(admin.execute(undo))
    assert (refused.value.sqlstate, refused.value.kind) == (code, kind)


def test_a_database_that_is_absent_is_known_by_its_code(servers: Servers) -> None:
    """3D000, as a new server answers."""
    with pytest.raises(RefusedError, match="has no such database") as refused:
        asked(servers, database="nowhere")
    assert (refused.value.sqlstate, refused.value.kind) == ("3D000", "no database")
