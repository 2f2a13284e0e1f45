"""PostgreSQL: what the server speaks, whether the application's login is let in, and what is in there."""

from __future__ import annotations

import struct
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from postflight.environment import DatabaseLogin, Declaration
from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.deadlines import Deadline
from postflight.probes.libpq import Target
from postflight.probes.postgres_session import Answer, ask
from postflight.probes.reads import reads, require_declared
from postflight.probes.sqlstates import LoginKind, RefusedError
from postflight.probes.tcp import Stream, Trouble
from postflight.probes.tls import Tls, look

LOOK_S = 12.0
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_TWO_PART_MAJOR = 10
_MOST_DIGITS = 18
_VERSION = "SELECT current_setting('server_version_num')"
_DATABASES = "SELECT datname::text FROM pg_catalog.pg_database WHERE NOT datistemplate ORDER BY datname"


class PostgresServer(Declaration):
    """A PostgreSQL server, how its certificate is verified, and where the application's login lies."""

    host: str
    port: int
    login: DatabaseLogin
    user: str
    tls: Literal["required", "optional", "refused"] = "required"
    ca: str | None = None


class Login(Evidence):
    """What became of logging in as the application does, and of one query.

    `version`: the server's own, such as 17.4. `sqlstate`: the code of its refusal, where it gave one.
    """

    host: str
    port: int
    user: str
    database: str
    seconds: float
    ok: bool = False
    encrypted: bool | None = None
    version: str | None = None
    sqlstate: str | None = None
    kind: LoginKind | None = None
    problem: str | None = None


class Databases(Evidence):
    """The databases on a server; `problem`, and the server's `sqlstate`, where they could not be listed."""

    host: str
    names: tuple[str, ...] = ()
    problem: str | None = None
    sqlstate: str | None = None


class Superusers(Evidence):
    """How many active superusers Saleor's user table holds; None where the table could not be read."""

    host: str
    database: str
    count: int | None = None
    problem: str | None = None
    sqlstate: str | None = None


@reads("tls", "dns")
def tls(connections: Connections, host: str, port: int, ca: str | None) -> Tls:
    """Ask for TLS as PostgreSQL does (SSLRequest), and look at what is offered."""
    require_declared("tls")
    return look(connections, host, port, ca, request_tls)


def request_tls(stream: Stream) -> None:
    """Ask for TLS. Raises Trouble where the server declines, Unverified where the answer is no PostgreSQL."""
    stream.sendall(_SSL_REQUEST)
    answer = stream.receive(1)
    if answer == b"N":
        raise Trouble("tls refused", f"{stream.peer} refuses TLS: it speaks PostgreSQL in the clear only")
    if answer == b"":
        raise Trouble("closed", f"{stream.peer} closed the connection when asked for TLS")
    if answer == b"E":
        raise Unverified(
            f"{stream.peer} answered the request for TLS with an error, as a server does that cannot start "
            "another process: whether it offers TLS was not seen."
        )
    if answer != b"S":
        began = answer + stream.receive(60)
        raise Unverified(
            f"{stream.peer} answered the request for TLS with something that is not PostgreSQL "
            f"({began[:60]!r}): the server was not seen."
        )


@reads("sql", "dns", "get secrets", "secretsmanager:GetSecretValue")
def login(connections: Connections, server: PostgresServer, database: str) -> Login:
    """Log in as the application does, on one database, and ask the server for its version."""
    who = _credentials(connections, server)
    start = Login(host=server.host, port=server.port, user=who[0], database=database, seconds=0)
    deadline = Deadline.after(LOOK_S)
    found: dict[str, Any]
    try:
        answer = _query(connections, server, database, who, _VERSION)
    except RefusedError as refused:
        found = {"sqlstate": refused.sqlstate, "kind": refused.kind, "problem": str(refused)}
    else:
        number = _only_value(answer)
        if number is None or not _is_number(number):
            raise _is_odd(server, "its version", answer.rows)
        found = {"ok": True, "version": _version(int(number)), "encrypted": answer.is_encrypted}
    return start.model_copy(update={**found, "seconds": round(deadline.elapsed_s, 4)})


@reads("sql", "dns", "get secrets", "secretsmanager:GetSecretValue")
def databases(connections: Connections, server: PostgresServer, database: str) -> Databases:
    """List the databases of a server, in one query, logged in on `database`."""
    try:
        answer = _query(connections, server, database, _credentials(connections, server), _DATABASES)
    except RefusedError as refused:
        return Databases(host=server.host, problem=str(refused), sqlstate=refused.sqlstate)
    names = tuple(row[0] for row in answer.rows if len(row) == 1 and row[0])
    # The one that we are logged in on is there: a listing without any is none.
    if not names or len(names) < len(answer.rows):
        raise _is_odd(server, "its databases", answer.rows)
    return Databases(host=server.host, names=names)


@reads("sql", "dns", "get secrets", "secretsmanager:GetSecretValue")
def superusers(connections: Connections, server: PostgresServer, database: str, table: str) -> Superusers:
    """Count the active superusers in Saleor's user table."""
    from psycopg import sql

    name = sql.Identifier(*table.split("."))
    query = sql.SQL("SELECT count(*)::text FROM {} WHERE is_superuser AND is_active").format(name)
    start = Superusers(host=server.host, database=database)
    try:
        answer = _query(connections, server, database, _credentials(connections, server), query)
    except RefusedError as refused:
        return start.model_copy(update={"problem": str(refused), "sqlstate": refused.sqlstate})
    count = _only_value(answer)
    if count is None or not _is_number(count):
        raise _is_odd(server, "its superusers", answer.rows)
    return start.model_copy(update={"count": int(count)})


def _only_value(answer: Answer) -> str | None:
    return answer.rows[0][0] if len(answer.rows) == 1 and len(answer.rows[0]) == 1 else None


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < _MOST_DIGITS


def _query(
    connections: Connections, server: PostgresServer, database: str, who: tuple[str, str], query: Any
) -> Answer:
    if server.tls == "required" and server.ca is None:
        raise Unverified(ca_is_missing(server.host))
    ca = server.ca if server.tls == "required" else None
    target = Target(server.host, server.port, database, *who, ca=ca)
    return ask(connections, target, query, Deadline.after(LOOK_S), request_tls)


def _is_odd(server: PostgresServer, what: str, rows: object) -> Unverified:
    return Unverified(f"{server.host}:{server.port} answered the query for {what} with {str(rows)[:60]}.")


def ca_is_missing(server: str) -> str:
    """Return what to say where a certificate of RDS should be verified and no CA is declared."""
    return (
        f"The certificate of {server} can only be verified with the CA bundle of Amazon RDS: "
        "declare it as `ca`, from https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem."
    )


def _credentials(connections: Connections, server: PostgresServer) -> tuple[str, str]:
    login = server.login
    if login.url is not None:
        parts = urlsplit(credential(connections, login.url))
        return unquote(parts.username or ""), connections.secrets.add(unquote(parts.password or ""))
    user = credential(connections, login.user) if login.user is not None else server.user
    password = credential(connections, login.password) if login.password is not None else ""
    return user, password


def _version(number: int) -> str:
    """Return 17.4 for 170004, as PostgreSQL numbers itself since version 10; 9.6 for 90624."""
    major, minor = divmod(number, 10000)
    return f"{major}.{minor if major >= _TWO_PART_MAJOR else minor // 100}"
