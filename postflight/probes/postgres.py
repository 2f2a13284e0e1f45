"""PostgreSQL: what the server speaks, whether the application's login is let in, and what is in there."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from postflight.environment import DatabaseLogin, Declaration
from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.deadlines import Deadline, cut_off
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Stream, Trouble
from postflight.probes.tls import Tls, look

if TYPE_CHECKING:
    import psycopg

CONNECT_S = 5
STATEMENT_S = 5.0
LOOK_S = 12.0
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)

LoginKind = Literal[
    "unreachable", "silent", "certificate", "no tls", "host rule", "password", "no database", "not permitted",
    "busy", "starting", "other",
]  # fmt: skip

# libpq does not hand out the SQLSTATE of a refused connection, so it is read off the server's words.
_REFUSALS: tuple[tuple[str, str | None, LoginKind], ...] = (
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", "28000", "host rule"),
    (r"password authentication failed|role .* does not exist|no password supplied", "28P01", "password"),
    (r"database .* does not exist", "3D000", "no database"),
    (r"permission denied for database|is not permitted to log in", "42501", "not permitted"),
    (r"too many (clients|connections)|remaining connection slots", "53300", "busy"),
    (r"is starting up|is shutting down|in recovery mode", "57P03", "starting"),
    (r"server does not support SSL", None, "no tls"),
    (r"certificate verify failed|does not match host name|SSL error", None, "certificate"),
    (r"timeout expired|timed out", None, "silent"),
    (r"refused|unreachable|No route|closed the connection|reset by peer", None, "unreachable"),
)


class PostgresServer(Declaration):
    """A PostgreSQL server, how its certificate is verified, and where the application's login lies."""

    host: str
    port: int
    login: DatabaseLogin
    user: str
    tls: Literal["required", "optional", "refused"] = "required"
    ca: str | None = None


class Login(Evidence):
    """What became of logging in as the application does. `version`: the server's own, such as 17.4."""

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
    """The databases on a server; `problem` where they could not be listed."""

    host: str
    names: tuple[str, ...] = ()
    problem: str | None = None


class Superusers(Evidence):
    """How many active superusers Saleor's user table holds; None where the table could not be read."""

    host: str
    database: str
    count: int | None = None
    problem: str | None = None


@reads("tls", "dns")
def tls(connections: Connections, host: str, port: int, ca: str | None) -> Tls:
    """Ask for TLS as PostgreSQL does (SSLRequest), and look at what is offered."""
    require_declared("tls")
    return look(connections, host, port, ca, _request_tls)


def _request_tls(stream: Stream) -> None:
    stream.sendall(_SSL_REQUEST)
    answer = stream.receive(1)
    if answer == b"N":
        raise Trouble("tls refused", f"{stream.peer} refuses TLS: it speaks PostgreSQL in the clear only")
    if answer == b"":
        raise Trouble("closed", f"{stream.peer} closed the connection when asked for TLS")
    if answer != b"S":
        raise Trouble("garbage", f"{stream.peer} answered something that is not PostgreSQL")


@reads("sql", "dns", "get secrets", "secretsmanager:GetSecretValue")
def login(connections: Connections, server: PostgresServer, database: str) -> Login:
    """Log in as the application does, on one database."""
    user, password = _credentials(connections, server)
    start = Login(host=server.host, port=server.port, user=user, database=database, seconds=0)
    deadline = Deadline.after(LOOK_S)
    try:
        with _session(connections, server, database, (user, password), deadline) as session:
            number = session.info.server_version
            found = {"ok": True, "version": _version(number), "encrypted": bool(session.pgconn.ssl_in_use)}
    except _RefusedError as refused:
        found = {"sqlstate": refused.sqlstate, "kind": refused.kind, "problem": str(refused)}
    return start.model_copy(update={**found, "seconds": round(deadline.elapsed_s, 4)})


@reads("sql", "dns", "get secrets", "secretsmanager:GetSecretValue")
def databases(connections: Connections, server: PostgresServer, database: str) -> Databases:
    """List the databases of a server, in one query, logged in on `database`."""
    query = "SELECT datname FROM pg_catalog.pg_database WHERE NOT datistemplate ORDER BY datname"
    try:
        rows = _query(connections, server, database, query)
    except _RefusedError as refused:
        return Databases(host=server.host, problem=str(refused))
    return Databases(host=server.host, names=tuple(str(row[0]) for row in rows))


@reads("sql", "dns", "get secrets", "secretsmanager:GetSecretValue")
def superusers(connections: Connections, server: PostgresServer, database: str, table: str) -> Superusers:
    """Count the active superusers in Saleor's user table."""
    from psycopg import sql

    name = sql.Identifier(*table.split("."))
    query = sql.SQL("SELECT count(*) FROM {} WHERE is_superuser AND is_active").format(name)
    try:
        rows = _query(connections, server, database, query)
    except _RefusedError as refused:
        return Superusers(host=server.host, database=database, problem=str(refused))
    return Superusers(host=server.host, database=database, count=int(rows[0][0]))


class _RefusedError(Exception):
    def __init__(self, kind: LoginKind, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.kind: LoginKind = kind
        self.sqlstate = sqlstate


def _query(connections: Connections, server: PostgresServer, database: str, query: Any) -> list[Any]:
    who = _credentials(connections, server)
    with _session(connections, server, database, who, Deadline.after(LOOK_S)) as session:
        return session.execute(query).fetchall()


@contextmanager
def _session(
    connections: Connections,
    server: PostgresServer,
    database: str,
    who: tuple[str, str],
    deadline: Deadline,
) -> Iterator[psycopg.Connection[Any]]:
    """Open a read-only session that is cut at the deadline. Raises _RefusedError or Unverified."""
    import psycopg

    require_declared("sql")
    shown = f"{server.host}:{server.port}"
    try:
        address = connections.addresses.resolve(server.host)[0]
    except Trouble as trouble:
        raise _RefusedError("unreachable", str(trouble)) from None
    connections.calls.count("sql")
    try:
        session = psycopg.connect(**_parameters(server, address, database, who))
    except psycopg.Error as error:
        raise _refusal(connections.secrets.redact(str(error)), shown) from None
    try:
        with session, cut_off(session.pgconn.socket, deadline) as was_cut:
            yield session
    except psycopg.errors.InsufficientPrivilege as error:
        raise Unverified(f"{who[0]} may not read {database} on {shown}: {_first_line(error)}.") from None
    except psycopg.Error as error:
        waited = f"{shown} did not finish its answer within {LOOK_S:g} s"
        problem = waited if was_cut.is_set() else f"{shown} answered: {_first_line(error)}"
        raise _RefusedError("silent" if was_cut.is_set() else "other", problem, error.sqlstate) from None


def ca_is_missing(server: str) -> str:
    """Return what to say where a certificate of RDS should be verified and no CA is declared."""
    return (
        f"The certificate of {server} can only be verified with the CA bundle of Amazon RDS: "
        "declare it as `ca`, from https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem."
    )


def _parameters(server: PostgresServer, address: str, database: str, who: tuple[str, str]) -> dict[str, Any]:
    """Return every parameter that the shell's PG… variables could otherwise decide."""
    if server.tls == "required" and server.ca is None:
        raise Unverified(ca_is_missing(server.host))
    settings = f"-c default_transaction_read_only=on -c statement_timeout={int(STATEMENT_S * 1000)}"
    verification = (
        {"sslmode": "verify-full", "sslrootcert": server.ca}
        if server.tls == "required"
        else {"sslmode": "disable"}
    )
    return {
        **verification,
        "host": server.host,
        "hostaddr": address,
        "port": server.port,
        "dbname": database,
        "user": who[0],
        "password": who[1],
        "connect_timeout": CONNECT_S,
        "gssencmode": "disable",
        "target_session_attrs": "any",
        "application_name": "postflight",
        "options": settings,
    }


def _refusal(words: str, shown: str) -> _RefusedError:
    text = " ".join(words.split())
    matching = (found for found in _REFUSALS if re.search(found[0], text, re.IGNORECASE))
    _, sqlstate, kind = next(matching, ("", None, "other"))
    if kind == "silent":
        return _RefusedError(kind, f"{shown} accepted no login within {CONNECT_S} s: it did not answer")
    reason = re.split(r"FATAL:\s+|failed: ", text)[-1]
    return _RefusedError(kind, f"{shown} let no one in: {reason}", sqlstate)


def _credentials(connections: Connections, server: PostgresServer) -> tuple[str, str]:
    login = server.login
    if login.url is not None:
        parts = urlsplit(credential(connections, login.url))
        return unquote(parts.username or ""), connections.secrets.add(unquote(parts.password or ""))
    user = credential(connections, login.user) if login.user is not None else server.user
    password = credential(connections, login.password) if login.password is not None else ""
    return user, password


def _version(number: int) -> str:
    """Return 17.4 for 170004, as PostgreSQL has numbered itself since version 10."""
    return f"{number // 10000}.{number % 10000}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
