"""TCP: whether a port accepts a connection, and a stream on which every step ends by one deadline."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared

CONNECT_S = 3.0
LOOK_S = 8.0

Kind = Literal[
    "name", "refused", "timed out", "unreachable", "reset", "closed", "silent", "slow", "garbage",
    "not tls", "tls refused", "untrusted", "wrong name", "expired", "not yet valid",
]  # fmt: skip

_OURS = {errno.ENETUNREACH, errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.EACCES}


# Of these the other side has said nothing at all, unless it had spoken before.
_WORDLESS = {"name", "refused", "timed out", "unreachable", "silent", "reset", "closed"}


class Trouble(Exception):  # noqa: N818 - what the other side did; evidence, not an error of ours
    """The other side could not be reached or did not play its part. The text is one clear phrase."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind: Kind = kind


class Connection(Evidence):
    """What became of one TCP connection."""

    host: str
    port: int
    address: str | None = None
    seconds: float
    kind: Kind | None = None
    problem: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the port accepted the connection."""
        return self.problem is None


class Stream:
    """A connected socket whose every read and write ends by the deadline. Raises Trouble."""

    def __init__(self, connected: socket.socket, deadline: Deadline, peer: str) -> None:
        self.socket = connected
        self.deadline = deadline
        self.peer = peer
        self.received = 0

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        with self.step():
            self.socket.sendall(data)

    def receive(self, most: int = 65536) -> bytes:
        """Return up to `most` bytes, none at the end of the stream."""
        with self.step():
            data = self.socket.recv(most)
        self.received += len(data)
        return data

    def receive_exactly(self, count: int) -> bytes:
        """Return just `count` bytes; an earlier end is Trouble."""
        data = b""
        while len(data) < count:
            more = self.receive(count - len(data))
            if not more:
                raise Trouble("closed", f"{self.peer} closed the connection without a full answer")
            data += more
        return data

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Give one step what is left of the time, and turn what goes wrong in it into Trouble."""
        try:
            self.socket.settimeout(self.deadline.remaining_s())
            yield
        except TimeoutError:
            raise self._out_of_time() from None
        except (ConnectionResetError, BrokenPipeError, ConnectionAbortedError):
            raise Trouble("reset", f"{self.peer} reset the connection") from None

    def _out_of_time(self) -> Trouble:
        waited = self.deadline.ends - self.deadline.began
        if self.received:
            return Trouble("slow", f"{self.peer} began to answer and had not ended after {waited:.0f} s")
        return Trouble("silent", f"{self.peer} accepted the connection and said nothing for {waited:.0f} s")


def has_spoken(trouble: Trouble, stream: Stream | None) -> bool:
    """Whether the other side said anything before, or by, what went wrong."""
    return trouble.kind not in _WORDLESS or (stream is not None and stream.received > 0)


def connect(connections: Connections, host: str, port: int, deadline: Deadline) -> Stream:
    """Connect to the first address of `host` that accepts, one after the other in both families.

    Raises Trouble that names each address tried, or Unverified where nothing could be tried from here.
    """
    clauses: dict[str, list[str]] = {}
    troubles: list[Trouble] = []
    local: list[Unverified] = []
    for address in connections.addresses.each(host):
        try:
            return _connect(address, host, port, deadline)
        except Trouble as trouble:
            troubles.append(trouble)
            clauses.setdefault(str(trouble), []).append(address)
        except Unverified as error:
            local.append(error)
        if deadline.is_over:
            break
    if not troubles:
        raise local[0]
    said = [f"{_shown(host, port, tried)} {clause}" for clause, tried in clauses.items()]
    raise Trouble(troubles[0].kind, "; ".join(said))


def _shown(host: str, port: int, addresses: Sequence[str]) -> str:
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return shown if host in addresses else f"{shown} ({', '.join(addresses)})"


def _connect(address: str, host: str, port: int, deadline: Deadline) -> Stream:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    plug: socket.socket | None = None
    try:
        plug = socket.socket(family, socket.SOCK_STREAM)
        plug.settimeout(deadline.remaining_s(at_most=CONNECT_S))
        plug.connect((address, port))
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        if plug is not None:
            plug.close()
        if is_ours(error):
            shown = _shown(host, port, [address])
            raise Unverified(
                f"No connection to {shown} could be tried from here: {error.strerror}."
            ) from None
        raise _connect_trouble(error) from None
    return Stream(plug, deadline, _shown(host, port, [address]))


def is_ours(error: OSError) -> bool:
    """Whether this machine, and not the other side, is why a connection failed."""
    return error.errno in _OURS


def _connect_trouble(error: OSError) -> Trouble:
    if isinstance(error, TimeoutError):
        return Trouble("timed out", f"did not answer the connection within {CONNECT_S:g} s")
    if isinstance(error, ConnectionRefusedError):
        return Trouble("refused", "refused the connection")
    if isinstance(error, ConnectionResetError):
        return Trouble("reset", "reset the connection")
    return Trouble("unreachable", f"cannot be reached: {error.strerror or error}")


@reads("tcp", "dns")
def connection(connections: Connections, host: str, port: int) -> Connection:
    """Look whether a port accepts a TCP connection."""
    require_declared("tcp")
    deadline = Deadline.after(LOOK_S)
    try:
        stream = connect(connections, host, port, deadline)
    except Trouble as trouble:
        return Connection(
            host=host, port=port, seconds=deadline.elapsed_s, kind=trouble.kind, problem=str(trouble)
        )
    finally:
        connections.calls.count("tcp")
    address = stream.socket.getpeername()[0]
    seconds = deadline.elapsed_s
    stream.close()
    return Connection(host=host, port=port, address=address, seconds=seconds)
