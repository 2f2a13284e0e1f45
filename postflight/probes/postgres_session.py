"""Asks PostgreSQL one question by psycopg: logs in, reads in a read-only transaction, and leaves.

libpq returns a refused connection as text only. Asked to be verbose it puts the SQLSTATE there, and that is
what is judged. The connection is made step by step, so that one deadline holds for all of it, and what came
before it failed is known.
"""

from __future__ import annotations

import os
import re
import selectors
import socket
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline, cut_off
from postflight.probes.libpq import Target, be_verbose, parameters
from postflight.probes.reads import require_declared
from postflight.probes.sqlstates import LoginKind, RefusedError, refusal
from postflight.probes.tcp import Stream, Trouble, connect
from postflight.probes.tls import secure

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg
    from psycopg.pq.abc import PGconn

    Rows = tuple[tuple[str | None, ...], ...]

CONNECT_S = 5.0
STATEMENT_S = 5.0
_PEEKED = 40
# `severity:  SQLSTATE: words`, the severity in the server's language.
_ERROR = re.compile(r":  ([0-9A-Z]{5}): (.*)")
# What a server may say first after a login: authentication, error, notice, another version of the protocol.
_FIRST_MESSAGES = b"RENv"
_KINDS: dict[str, LoginKind] = {
    "untrusted": "certificate", "wrong name": "certificate", "expired": "certificate",
    "not yet valid": "certificate", "tls refused": "no tls", "not tls": "no tls", "silent": "silent",
    "slow": "silent", "timed out": "silent",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The rows of one query, every value as text, and whether TLS carried them."""

    rows: Rows
    is_encrypted: bool


def ask(
    connections: Connections,
    target: Target,
    query: Any,
    deadline: Deadline,
    request_tls: Callable[[Stream], None],
) -> Answer:
    """Put one query that reads. Raises RefusedError, or Unverified where what came back is no answer.

    `request_tls`: asks a connected server for TLS, to say why libpq could not have it.
    """
    require_declared("sql")
    peer, address = _reach(connections, target, deadline)
    connections.calls.count("sql")
    import psycopg

    attempt = _Attempt(connections, target, peer, request_tls)
    opened = attempt.open(address, deadline)
    is_encrypted = bool(opened.pgconn.ssl_in_use)
    with closing(opened), cut_off(opened.pgconn.socket, deadline) as was_cut:
        try:
            rows = _rows(opened, query)
        except psycopg.Error as error:
            raise attempt.of_query(error, was_cut=was_cut.is_set()) from None
    return Answer(rows, is_encrypted)


def _reach(connections: Connections, target: Target, deadline: Deadline) -> tuple[str, str]:
    """Return the server's name for messages, and the first of its addresses that accepts a connection."""
    try:
        stream = connect(connections, target.host, target.port, deadline)
    except Trouble as trouble:
        raise _of_trouble(trouble) from None
    try:
        return stream.peer, str(stream.socket.getpeername()[0])
    except OSError:
        raise RefusedError("unreachable", f"{stream.peer} closed the connection at once") from None
    finally:
        stream.close()


def _of_trouble(trouble: Trouble) -> RefusedError:
    return RefusedError(_KINDS.get(trouble.kind, "unreachable"), str(trouble))


def _rows(opened: psycopg.Connection[Any], query: Any) -> Rows:
    # BEGIN READ ONLY, not a setting at login: PgBouncer and RDS Proxy refuse a client that sends `options`.
    opened.read_only = True
    opened.execute(f"SET LOCAL statement_timeout = {int(STATEMENT_S * 1000)}")
    # Binary makes it the extended protocol, in which a second statement is a syntax error.
    result = opened.execute(query, binary=True).pgresult
    if result is None:
        return ()
    values = (
        (result.get_value(row, column) for column in range(result.nfields)) for row in range(result.ntuples)
    )
    return tuple(
        tuple(None if value is None else bytes(value).decode(errors="replace") for value in row)
        for row in values
    )


@dataclass
class _Attempt:
    """One login on its way, and what is known of how far it got."""

    connections: Connections
    target: Target
    peer: str
    request_tls: Callable[[Stream], None]
    began: bytes = b""
    has_ended: bool = False

    def open(self, address: str, deadline: Deadline) -> psycopg.Connection[Any]:
        """Log in at this address. Raises RefusedError or Unverified."""
        import psycopg

        conn = self._start(address)
        try:
            self._connect(conn, deadline)
        except BaseException:
            conn.finish()
            raise
        conn.nonblocking = 1
        return psycopg.Connection(conn)

    def _connect(self, conn: PGconn, deadline: Deadline) -> None:
        import psycopg

        states, began = psycopg.pq.PollingStatus, deadline.elapsed_s
        state: int = psycopg.pq.ConnStatus.BAD
        try:
            limit = Deadline.after(deadline.remaining_s(at_most=CONNECT_S))
            while (polled := conn.connect_poll()) not in (states.OK, states.FAILED):
                state = conn.status
                self._wait(conn, polled, limit)
        except TimeoutError:
            waited = f"{deadline.elapsed_s - began:.0f} s"
            how = (
                f"began to answer the login and had not ended after {waited}"
                if self.began
                else f"accepted the connection and did not answer the login within {waited}"
            )
            raise RefusedError("silent", f"{self.peer} {how}") from None
        if polled != states.OK:
            raise self._why(conn, state, deadline)

    def _start(self, address: str) -> PGconn:
        import psycopg

        try:
            conninfo = psycopg.conninfo.make_conninfo("", **parameters(self.target, address)).encode()
            conn = psycopg.pq.PGconn.connect_start(conninfo)
        except (psycopg.Error, ValueError) as error:
            raise Unverified(f"{self.peer} cannot be asked: {self._short(str(error))}.") from None
        be_verbose(conn)
        return conn

    def _wait(self, conn: PGconn, polled: int, limit: Deadline) -> None:
        """Wait until libpq may go on, and note how the server's answer begins, and whether it has ended."""
        import psycopg

        is_reading = polled == psycopg.pq.PollingStatus.READING
        with selectors.DefaultSelector() as selector:
            selector.register(conn.socket, selectors.EVENT_READ if is_reading else selectors.EVENT_WRITE)
            if not selector.select(limit.remaining_s()):
                raise TimeoutError
        if not is_reading:
            return
        with socket.socket(fileno=os.dup(conn.socket)) as twin:
            try:
                seen = twin.recv(_PEEKED, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                seen = b""
        self.has_ended = not seen
        self.began = self.began or seen

    def _why(self, conn: PGconn, state: int, deadline: Deadline) -> Exception:
        import psycopg

        states, words = psycopg.pq.ConnStatus, conn.get_error_message("utf-8")
        found = _ERROR.search(words)
        if found is not None:
            return refusal(found[1], self._short(found[2]), self.peer, is_encrypted=bool(self.target.ca))
        if conn.needs_password and not self.target.password:
            return RefusedError("password", f"{self.peer} demands a password, and there is none to send")
        if state == states.STARTED:
            return RefusedError("unreachable", f"{self.peer} does not accept the connection any more")
        if state == states.SSL_STARTUP:
            self._look_at_tls(deadline)
        elif not self.target.ca and self.began and not _is_postgres(self.began):
            return Unverified(
                f"{self.peer} answered the login with something that is not PostgreSQL "
                f"({self._short(repr(self.began))}): the server was not seen."
            )
        if self.has_ended:
            how = "before its answer was complete" if self.began else "without an answer to the login"
            return RefusedError("unreachable", f"{self.peer} closed the connection {how}")
        _, _, said = words.rpartition(" failed: ")
        return Unverified(f"{self.peer} cannot be logged in to by this client: {self._short(said)}.")

    def _look_at_tls(self, deadline: Deadline) -> None:
        """Raise what the handshake of the TLS checks says: one fact has one reason."""
        try:
            stream = connect(self.connections, self.target.host, self.target.port, deadline)
        except Trouble as trouble:
            raise _of_trouble(trouble) from None
        try:
            self.request_tls(stream)
            secure(stream, self.target.host, self.target.ca).close()
        except Trouble as trouble:
            raise _of_trouble(trouble) from None
        finally:
            stream.close()

    def of_query(self, error: psycopg.Error, *, was_cut: bool) -> Exception:
        """Return what an error after the login means."""
        words = self._short(error.diag.message_primary or str(error) or type(error).__name__)
        if was_cut:
            return RefusedError("silent", f"{self.peer} did not finish its answer to the query in time")
        if error.sqlstate is None:
            return Unverified(
                f"{self.peer} logged {self.target.user} in and gave no answer to the query: {words}."
            )
        if error.sqlstate == "42501":
            return Unverified(
                f"{self.target.user} may not read {self.target.database} on {self.peer} (42501: {words})."
            )
        return refusal(error.sqlstate, words, self.peer, is_encrypted=bool(self.target.ca))

    def _short(self, words: str) -> str:
        line = next((one for one in words.splitlines() if one.strip()), "no reason given")
        return self.connections.secrets.short(" ".join(line.split()), 200).rstrip(". ")


def _is_postgres(began: bytes) -> bool:
    """Whether this begins like a message of the protocol: its type, and a length below 16 MiB."""
    return began[0] in _FIRST_MESSAGES and began[1:2] in (b"", b"\0")
