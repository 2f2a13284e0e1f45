"""TLS 1.0 and 1.1, which nobody should speak any more and most builds of OpenSSL cannot offer."""

from __future__ import annotations

from typing import Literal

from postflight.evidence import Evidence
from postflight.probes import hello
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Trouble, connect
from postflight.probes.tls import LOOK_S, look

_OLD: tuple[tuple[int, Literal["TLS 1.0", "TLS 1.1"]], ...] = (
    (hello.TLS_1_0, "TLS 1.0"),
    (hello.TLS_1_1, "TLS 1.1"),
)


class OldVersions(Evidence):
    """Which versions of TLS that nobody should speak any more a server still speaks.

    `problem` also where the server does not speak TLS at all: then nothing was refused.
    """

    host: str
    port: int
    accepted: tuple[Literal["TLS 1.0", "TLS 1.1"], ...] = ()
    problem: str | None = None


@reads("tls", "dns")
def old_versions(connections: Connections, host: str, port: int) -> OldVersions:
    """Look whether a server still speaks TLS 1.0 or 1.1, and that it speaks TLS at all."""
    require_declared("tls")
    return look_for_old(connections, host, port, LOOK_S)


def look_for_old(connections: Connections, host: str, port: int, limit_s: float) -> OldVersions:
    """Offer each old version; where none was answered in TLS, make a handshake of today. One deadline."""
    deadline = Deadline.after(limit_s)
    accepted: list[Literal["TLS 1.0", "TLS 1.1"]] = []
    speaks_tls = False
    for version, shown in _OLD:
        try:
            flight = _offer(connections, (host, port), version, deadline)
        except Trouble as trouble:
            return OldVersions(host=host, port=port, problem=str(trouble))
        # A version that was not offered is no answer of TLS.
        speaks_tls = speaks_tls or (flight.is_tls and flight.version in (None, version))
        if flight.version == version:
            accepted.append(shown)
    if not speaks_tls:
        modern = look(connections, host, port, None, limit_s=limit_s - deadline.elapsed_s)
        if not modern.is_spoken:
            return OldVersions(host=host, port=port, problem=modern.problem)
    return OldVersions(host=host, port=port, accepted=tuple(accepted))


def _offer(
    connections: Connections, to: tuple[str, int], version: int, deadline: Deadline
) -> hello.ServerFlight:
    connections.calls.count("tls")
    host, port = to
    stream = connect(connections, host, port, deadline)
    try:
        return hello.greet(stream, host, version)
    except Trouble as trouble:
        # Breaking the connection off is a way of declining; saying nothing at all is not.
        if trouble.kind not in ("reset", "closed"):
            raise
        return hello.ServerFlight(None, is_tls=False)
    finally:
        stream.close()
