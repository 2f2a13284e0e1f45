"""Redis and Valkey: TLS, AUTH and PING, within a deadline.

The three commands are spoken by hand (RESP2) on a stream of ours: so one deadline holds for all of them, and
the address can be the one that our resolver gave while the certificate is that of the name.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from postflight.environment import Declaration, SecretKey
from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Kind, Stream, Trouble, connect, has_spoken
from postflight.probes.tls import secure

LOOK_S = 8.0
_LONGEST_LINE = 4096


class RedisServer(Declaration):
    """A Redis or Valkey server, and where its AUTH token lies. `ca`: PEM file; default: the public roots."""

    host: str
    port: int
    tls: bool = True
    ca: str | None = None
    auth: SecretKey | None = None


class Ping(Evidence):
    """What became of AUTH and PING.

    `answered`: whether the server said anything, be it a certificate that we refuse. `is_authenticated`: None
    where it did not come to that. `lacking`: why no token could be tried, though one is declared.
    """

    host: str
    port: int
    seconds: float
    answered: bool = False
    is_authenticated: bool | None = None
    has_ponged: bool = False
    kind: Kind | None = None
    problem: str | None = None
    lacking: str | None = None


@reads("redis", "dns", "get secrets", "secretsmanager:GetSecretValue")
def ping(connections: Connections, server: RedisServer) -> Ping:
    """Log in with the declared AUTH token, and PING."""
    require_declared("redis")
    lacking = _lacking(connections, server.auth)
    is_known = server.auth is not None and lacking is None
    login = _login(credential(connections, server.auth)) if server.auth and is_known else None
    if login is not None:
        connections.secrets.add(login[-1])
    deadline = Deadline.after(LOOK_S)
    connections.calls.count("redis")
    stream: Stream | None = None
    try:
        stream = connect(connections, server.host, server.port, deadline)
        if server.tls:
            stream = secure(stream, server.host, server.ca)
        start = Ping(host=server.host, port=server.port, seconds=0, lacking=lacking)
        return _converse(stream, start, login)
    except Trouble as trouble:
        answered = has_spoken(trouble, stream)
        return Ping(
            host=server.host, port=server.port, seconds=deadline.elapsed_s, answered=answered,
            kind=trouble.kind, problem=str(trouble), lacking=lacking,
        )  # fmt: skip
    finally:
        if stream is not None:
            stream.close()


def _lacking(connections: Connections, auth: SecretKey | None) -> str | None:
    """Say that a Secret has no such key: then the cache is asked without a token, and still answers."""
    if auth is None or auth.namespace is None:
        return None
    values = connections.kubernetes.read_secret(auth.namespace, auth.secret)
    if values is None or auth.key in values:
        return None
    return f"{auth.title} has no key {auth.key}, so no AUTH token can be tried"


def _login(value: str) -> tuple[str, ...]:
    """Return the arguments of AUTH: a token, or user and password of a redis:// or rediss:// URL."""
    if "://" not in value:
        return (value,)
    parts = urlsplit(value)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return (user, password) if user else (password,)


def _converse(stream: Stream, start: Ping, login: tuple[str, ...] | None) -> Ping:
    if login is not None:
        reply = _command(stream, "AUTH", *login)
        if reply != "+OK":
            words = f"{stream.peer} refused the AUTH token ({_without_prefix(reply)})"
            return _ended(stream, start, is_authenticated=False, problem=words)
    reply = _command(stream, "PING")
    if reply.startswith("-NOAUTH"):
        words = f"{stream.peer} demands an AUTH token, and none is declared"
        return _ended(stream, start, is_authenticated=False, problem=words)
    if reply != "+PONG":
        return _ended(
            stream, start, is_authenticated=True, problem=f"{stream.peer} answered PING with {reply[:80]!r}"
        )
    return _ended(stream, start, is_authenticated=True, problem=None)


def _ended(stream: Stream, start: Ping, *, is_authenticated: bool, problem: str | None) -> Ping:
    return start.model_copy(
        update={
            "seconds": stream.deadline.elapsed_s,
            "answered": True,
            "is_authenticated": is_authenticated,
            "has_ponged": problem is None,
            "problem": problem,
        }
    )


def _command(stream: Stream, *words: str) -> str:
    """Send one command and return its reply: one line of RESP (+simple, -error)."""
    encoded = [word.encode() for word in words]
    parts = [f"*{len(encoded)}\r\n".encode(), *(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)]
    stream.sendall(b"".join(parts))
    line = b""
    while not line.endswith(b"\r\n"):
        more = stream.receive(_LONGEST_LINE)
        if not more:
            raise Trouble("closed", f"{stream.peer} closed the connection without an answer")
        line += more
        if len(line) > _LONGEST_LINE or line[:1] not in b"+-:$*":
            raise Trouble("garbage", f"{stream.peer} answered something that is not Redis ({line[:20]!r})")
    return line.decode("utf-8", errors="replace").rstrip()


def _without_prefix(reply: str) -> str:
    return reply.removeprefix("-")
