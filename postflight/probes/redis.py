"""Redis and Valkey: TLS, AUTH and PING by redis-py, within one deadline, and what is made of the answer.

What comes from the cache's own address is what its applications get: a refusal, another protocol or silence
is a finding about the cache. Only where the server refuses the question and not its clients (an ACL without
`+ping`, a proxy that does not know PING) is it unseen whether the cache serves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from postflight.environment import Declaration, SecretKey
from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Kind, Stream, Trouble, connect
from postflight.probes.tls import REFUSALS, secure

if TYPE_CHECKING:
    from postflight.probes.redis_client import Login, Reply

LOOK_S: Final = 8.0
_SHOWN: Final = 120

# Errors by which Redis refuses whatever it is asked (errors.h, server.c, networking.c, acl.c).
_NOT_SERVING: Final = (
    (r"ERR max number of clients", "takes no more clients: its limit is reached"),
    (r"DENIED ", "is in protected mode: it takes clients of its own host only"),
    (r"LOADING ", "is still loading its data into memory"),
    (r"MASTERDOWN ", "is a replica that has lost its primary"),
    (r"MISCONF ", "takes no writes, because it cannot save to disk"),
    (r"BUSY ", "is busy with one script"),
    (r"READONLY ", "is a read-only replica"),
    (r"CLUSTERDOWN ", "belongs to a cluster that is down"),
    (r"OOM ", "has used up its memory"),
)
_DEMANDS_LOGIN: Final = r"NOAUTH |ERR operation not permitted"
# Envoy: `unsupported command`, without a code in older versions.
_UNKNOWN: Final = r"(?i)(ERR )?(unknown|unsupported) command"
_MAY_NOT: Final = r"NOPERM "


class RedisServer(Declaration):
    """A Redis or Valkey server, and where its AUTH token lies. `ca`: PEM file; default: the public roots."""

    host: str
    port: int
    tls: bool = True
    ca: str | None = None
    auth: SecretKey | None = None


class Ping(Evidence):
    """What became of AUTH and PING.

    `answered`: a whole reply of Redis came, or TLS was refused, which is looked at apart. `is_authenticated`:
    None where it did not come to that. `lacking`: why no token could be tried, though one is declared.
    `unseen`: why PING could not show whether the server serves.
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
    unseen: str | None = None


@reads("redis", "dns", "get secrets", "secretsmanager:GetSecretValue")
def ping(connections: Connections, server: RedisServer) -> Ping:
    """Log in with the declared AUTH token, and PING."""
    lacking = _lacking(connections, server.auth)
    is_known = server.auth is not None and lacking is None
    login = _login(connections, server.auth) if server.auth and is_known else None
    seen = look(connections, server, login, Deadline.after(LOOK_S))
    return seen.model_copy(update={"lacking": lacking})


def _lacking(connections: Connections, auth: SecretKey | None) -> str | None:
    """Say that a Secret has no such key: then the cache is asked without a token, and still answers."""
    if auth is None or auth.namespace is None:
        return None
    values = connections.kubernetes.read_secret(auth.namespace, auth.secret)
    if values is None or auth.key in values:
        return None
    return f"{auth.title} has no key {auth.key}, so no AUTH token can be tried"


def _login(connections: Connections, auth: SecretKey) -> Login:
    """Return the login that a Secret holds. Raises Unverified."""
    from postflight.probes.redis_client import login_in

    try:
        login = login_in(credential(connections, auth))
    except ValueError:
        raise Unverified(f"{auth.title}: the value of {auth.key} cannot be read as an AUTH token.") from None
    connections.secrets.add(login.password)
    return login


def look(connections: Connections, server: RedisServer, login: Login | None, deadline: Deadline) -> Ping:
    """Log in and PING, and say what came of it. Raises Unverified."""
    from postflight.probes.redis_client import exchange

    require_declared("redis")
    connections.calls.count("redis")
    found: dict[str, Any]
    try:
        reply = exchange(_stream(connections, server, deadline), login, connections.secrets)
    except Trouble as trouble:
        found = {"answered": trouble.kind in REFUSALS, "kind": trouble.kind, "problem": str(trouble)}
    else:
        found = {"answered": True, **_judged(reply, login, connections)}
    return Ping(host=server.host, port=server.port, seconds=deadline.elapsed_s, **found)


def _stream(connections: Connections, server: RedisServer, deadline: Deadline) -> Stream:
    stream = connect(connections, server.host, server.port, deadline)
    try:
        return secure(stream, server.host, server.ca) if server.tls else stream
    except BaseException:
        stream.close()
        raise


def _judged(reply: Reply, login: Login | None, connections: Connections) -> dict[str, Any]:
    """Say what a reply is: an answer, a refusal of this login, of every client, or of the question."""
    if reply.outcome == "expected":
        return {"is_authenticated": True, "has_ponged": True}
    short = connections.secrets.short(reply.text, _SHOWN)
    if reply.outcome == "odd":
        return {"problem": f"{reply.peer} answered {reply.command} with {short!r}"}
    for pattern, words in _NOT_SERVING:
        if re.match(pattern, reply.text):
            return {"problem": f"{reply.peer} {words} ({short})"}
    return _refused_login(reply, short) if reply.command == "AUTH" else _refused_ping(reply, short, login)


def _refused_login(reply: Reply, short: str) -> dict[str, Any]:
    # What is unknown is repeated with its arguments, of which a cut token would not be recognised.
    said = "it does not know AUTH" if re.match(_UNKNOWN, reply.text) else short
    return {"is_authenticated": False, "problem": f"{reply.peer} refused the AUTH token ({said})"}


def _refused_ping(reply: Reply, short: str, login: Login | None) -> dict[str, Any]:
    if re.match(_DEMANDS_LOGIN, reply.text):
        lack = "the declared one is empty" if login else "none is declared"
        return {"is_authenticated": False, "problem": f"{reply.peer} demands an AUTH token, and {lack}"}
    accepted = {"is_authenticated": True} if login else {}
    if re.match(_MAY_NOT, reply.text):
        why = "lets this user run no PING (grant it +ping), so whether it serves was not seen"
        return {**accepted, "unseen": f"{reply.peer} {why}"}
    if re.match(_UNKNOWN, reply.text):
        return {**accepted, "unseen": f"{reply.peer} does not know PING, so whether it serves was not seen"}
    return {**accepted, "problem": f"{reply.peer} answered PING with {short!r}"}
