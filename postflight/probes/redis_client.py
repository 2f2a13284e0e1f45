"""Redis by redis-py, over a stream that we connect: logs in, sends PING, and returns what was answered.

redis-py would resolve names by the system, trust the system's roots beside the declared CA, and try again.
Here it speaks on a stream of the look: connected to the address that the environment's resolver gave,
secured with the declared CA, each step within the look's deadline. Commands, replies and the AUTH of old and
new servers are the library's own. RESP2 needs no HELLO, which older servers and proxies refuse.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from redis._parsers import _RESP2Parser
from redis.backoff import NoBackoff
from redis.connection import Connection
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from postflight.probes.reads import UndeclaredReadError, require_declared
from postflight.probes.tcp import Stream, Trouble
from postflight.probes.tls import broken_off
from postflight.redaction import Secrets

MOST_BYTES: Final = 1 << 16
# AUTH changes what this connection may do, and nothing on the server.
COMMANDS: Final = frozenset({"AUTH", "PING"})
_SHOWN: Final = 80
_SCHEMES: Final = ("redis", "rediss", "valkey", "valkeys")
_FIRST_BYTES: Final = b"+-:$*"
_TLS_ALERT: Final = b"\x15\x03"
# What redis-py raises on bytes that are not RESP: `*x`, `$99999999999999999999`, 9,000 arrays in a row.
_UNREADABLE: Final = (RedisError, ValueError, OverflowError, RecursionError)

_Connection: Any = Connection
_Parser: Any = _RESP2Parser


@dataclass(frozen=True)
class Login:
    """A password, and the ACL user (Redis 6 and newer) that it belongs to."""

    password: str
    user: str | None = None

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"Login(user={self.user!r})"


def login_in(value: str) -> Login:
    """Return the login of a token, or of a redis:// or rediss:// URL. Raises ValueError."""
    scheme, is_url, _ = value.partition("://")
    user: str | None = None
    if is_url and scheme.lower() in _SCHEMES:
        parts = urlsplit(value)
        user, value = unquote(parts.username or "") or None, unquote(parts.password or "")
    value.encode()
    return Login(value, user)


@dataclass(frozen=True)
class Reply:
    """A whole reply to the last command that was sent. `peer`: who sent it.

    `text`: how the reply begins, of an error the whole of it, as the server put it.
    """

    peer: str
    command: Literal["AUTH", "PING"]
    outcome: Literal["expected", "error", "odd"]
    text: str = ""


class Wire:
    """The socket as redis-py uses one: each step ends by the look's deadline, and a reply has a limit."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._reply = bytearray()

    @property
    def peer(self) -> str:
        """Who is at the other end."""
        return self._stream.peer

    def sendall(self, data: bytes) -> None:
        """Send all of a command. Raises Trouble."""
        self._reply.clear()
        try:
            # Where the server has hung up already, its last word or its alert may still be read.
            with self._step(), suppress(ssl.SSLEOFError):
                self._stream.sendall(data)
        except Trouble as trouble:
            if trouble.kind != "reset":
                raise

    def recv(self, most: int) -> bytes:
        """Return what has come of a reply. Raises Trouble, or ValueError where it cannot be one."""
        with self._step():
            data = self._stream.receive(most)
        if not data and self._reply and self._reply[:1] not in _FIRST_BYTES:
            raise ValueError("RESP does not begin so")
        if not data:
            when = "before its answer was complete" if self._stream.received else "without an answer"
            raise Trouble("closed", f"{self.peer} closed the connection {when}")
        self._reply += data
        if len(self._reply) > MOST_BYTES:
            raise ValueError("no reply to COMMANDS is as long")
        return data

    def settimeout(self, _seconds: float | None) -> None:
        """Set none: each step takes what is left of the look's time."""

    def shutdown(self, how: int) -> None:
        """Say that no more will be sent or read."""
        self._stream.socket.shutdown(how)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def first_line(self) -> str:
        """Return how the reply to the last command begins."""
        return self._reply.partition(b"\r\n")[0].decode("utf-8", errors="replace")

    def not_redis(self, secrets: Secrets) -> Trouble:
        """Return what was received in place of a reply of Redis."""
        if self._reply.startswith(_TLS_ALERT):
            return Trouble("garbage", f"{self.peer} answers in TLS, and is declared to speak plain text")
        began = f"it began with {secrets.redact(self.first_line())[:_SHOWN]!r}"
        if len(self._reply) > MOST_BYTES:
            return Trouble("garbage", f"{self.peer} answered more than {MOST_BYTES >> 10} KiB: {began}")
        return Trouble("garbage", f"{self.peer} answered something that is not Redis: {began}")

    @contextmanager
    def _step(self) -> Iterator[None]:
        try:
            yield
        except ssl.SSLError as error:
            raise broken_off(error, self.peer) from None
        except OSError as error:
            words = error.strerror or error
            raise Trouble("reset", f"{self.peer} broke off the connection ({words})") from None


class _WholeErrors(_Parser):  # type: ignore[misc]  # a private class of the library
    """Leaves errors as the server put them; the library reads a code off, and fails on some (MOVED)."""

    # What its AUTH needs: before Redis 6 there were no users, and a password is sent alone.
    EXCEPTION_CLASSES: Final = {
        "ERR": {
            f"wrong number of arguments for '{name}' command": AuthenticationWrongNumberOfArgsError
            for name in ("auth", "AUTH")
        }
    }


class ReadingConnection(_Connection):  # type: ignore[misc]  # the library's methods have no types
    """A connection of redis-py that sends nothing but COMMANDS, for a look that declares `redis`.

    It speaks on the wire that it is given, once. Nothing is sent that was not asked for: no HELLO, CLIENT
    SETINFO or SELECT, and never a second attempt.
    """

    def __init__(self, wire: Wire, login: Login | None = None) -> None:
        self._wire = wire
        super().__init__(
            username=login.user if login else None,
            password=login.password if login else None,
            protocol=2,
            parser_class=_WholeErrors,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
        )

    def _connect(self) -> Wire:
        return self._wire

    def send_command(self, *args: Any, **_: Any) -> None:
        """Send one of COMMANDS. Raises UndeclaredReadError for any other."""
        require_declared("redis")
        if args[0] not in COMMANDS:
            raise UndeclaredReadError(f"Redis {args[0]!r} is not declared; it was not sent")
        super().send_packed_command(self.pack_command(*args), check_health=False)

    def send_packed_command(self, *_: Any, **__: Any) -> None:
        """Send nothing: what is packed already cannot be checked."""
        raise UndeclaredReadError("a packed Redis command cannot be checked; it was not sent")


def exchange(stream: Stream, login: Login | None, secrets: Secrets) -> Reply:
    """Log in and PING; return the reply to PING, or to AUTH where that was refused. Closes the stream.

    Raises Trouble where no reply of Redis came.
    """
    wire = Wire(stream)
    connection = ReadingConnection(wire, login)
    command: Literal["AUTH", "PING"] = "AUTH"
    try:
        connection.connect()
        command = "PING"
        connection.send_command(command)
        if connection.read_response() == b"PONG":
            return Reply(wire.peer, command, "expected")
        return Reply(wire.peer, command, "odd", wire.first_line())
    except ResponseError as error:
        words = f"{error.status_code} {error}" if error.status_code else str(error)
        return Reply(wire.peer, command, "error", words)
    except AuthenticationError:
        # The library's word for any other reply to AUTH than OK.
        return Reply(wire.peer, command, "odd", wire.first_line())
    except _UNREADABLE:
        raise wire.not_redis(secrets) from None
    finally:
        connection.disconnect()
        wire.close()
