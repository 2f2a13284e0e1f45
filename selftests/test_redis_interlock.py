"""Below redis-py: nothing is sent but declared commands, once, on the connection of the look."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import UndeclaredReadError, reads
from postflight.probes.redis import RedisServer, look, ping
from postflight.probes.redis_client import Login, ReadingConnection, Wire
from postflight.probes.tcp import Stream
from selftests.rude_servers import Street, street
from selftests.rude_town import connections, resolving


@pytest.fixture
def wire() -> Iterator[tuple[Wire, socket.socket]]:
    """Give the wire of a look, and its other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(0.01)
        yield Wire(Stream(ours, Deadline.after(2), "cache.test:6379")), theirs


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


def _has_received(theirs: socket.socket) -> bytes:
    try:
        return theirs.recv(65536)
    except TimeoutError:
        return b""


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "a", "b"), ("DEL", "a"), ("FLUSHALL",), ("CONFIG", "SET", "maxmemory", "1"), ("EVAL", "x", 0),
        ("CONFIG SET", "maxmemory", 1), ("CLIENT", "SETINFO", "LIB-NAME", "x"), ("SELECT", 1), ("HELLO", 3),
        ("GET", "a"), ("INFO",), ("set", "a", "b"), (b"SET", "a", "b"), ("PING\r\nFLUSHALL",), ("",),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_declared_is_not_sent(wire: tuple[Wire, socket.socket], command: tuple[Any, ...]) -> None:
    """Whether it writes or reads: by the connection itself, by a packed command, and by a client above it."""
    connection = ReadingConnection(wire[0])
    with ping.allowed():
        with pytest.raises(UndeclaredReadError):
            connection.send_command(*command)
        with pytest.raises(UndeclaredReadError):
            connection.send_packed_command(connection.pack_command(*command))
        client: Any = redis.Redis(protocol=2)
        client.connection = connection
        with pytest.raises(UndeclaredReadError):
            client.execute_command(*command)
    assert _has_received(wire[1]) == b""


def test_a_probe_that_declares_no_redis_sends_nothing(wire: tuple[Wire, socket.socket]) -> None:
    """Neither PING nor AUTH, and it does not connect."""

    @reads("tcp", "dns")
    def astray(_: Connections) -> None:
        raise AssertionError

    with astray.allowed():
        with pytest.raises(UndeclaredReadError):
            ReadingConnection(wire[0]).send_command("PING")
        with pytest.raises(UndeclaredReadError):
            ReadingConnection(wire[0], Login("token")).connect()
    assert _has_received(wire[1]) == b""


@pytest.mark.parametrize(
    ("login", "replies", "sent"),
    [
        (None, [b"+PONG\r\n"], [b"PING"]),
        (Login("t"), [b"+OK\r\n", b"+PONG\r\n"], [b"AUTH t", b"PING"]),
        (Login("t", "u"), [b"+OK\r\n", b"+PONG\r\n"], [b"AUTH u t", b"PING"]),
        (Login("t"), [b"-LOADING Redis is loading the dataset in memory\r\n"], [b"AUTH t"]),
        (Login("t"), [b""], [b"AUTH t"]),
        (None, [b""], [b"PING"]),
    ],
    ids=["PING", "token", "user", "loading", "closed at AUTH", "closed at PING"],
)  # fmt: skip
def test_a_look_sends_what_it_asks_for_and_nothing_twice(
    opened: Street, login: Login | None, replies: list[bytes], sent: list[bytes]
) -> None:
    """No HELLO, no CLIENT SETINFO, no second attempt: by default redis-py makes ten."""
    received: list[bytes] = []

    def behave(guest: socket.socket) -> None:
        for reply in replies:
            received.append(guest.recv(65536))
            guest.sendall(reply)

    reached = connections(opened.name_server(resolving))
    server = RedisServer(host="name.test", port=opened.house(behave), tls=False)
    with ping.allowed():
        seen = look(reached, server, login, Deadline.after(5))
    assert seen.has_ponged == (replies[-1] == b"+PONG\r\n")
    assert [b" ".join(words.split(b"\r\n")[2::2]) for words in received] == sent
