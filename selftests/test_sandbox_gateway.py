"""The sandbox's gateway, seen by ordinary clients over real sockets."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sandbox.network.certificates import Authority
from sandbox.network.gateway import Gateway
from sandbox.network.relay import relay
from selftests.event_loop import EventLoop, event_loop

PUBLIC = Authority("Test public authority")
LATENCY = 0.1


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoop]:
    """Give an event loop in a thread."""
    with event_loop() as running:
        yield running


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@pytest.fixture(scope="module")
def echo(loop: EventLoop) -> Iterator[tuple[str, int]]:
    """Give the address of a server that answers with what it gets."""
    server = loop.run(asyncio.start_server(_echo, "127.0.0.1", 0))
    yield server.sockets[0].getsockname()
    loop.loop.call_soon_threadsafe(server.close)


@dataclass
class Switch:
    """A security group with one rule."""

    admits: bool = True


@pytest.fixture
def switch() -> Switch:
    """Give a security group that admits."""
    return Switch()


@pytest.fixture
def gateway(loop: EventLoop, echo: tuple[str, int], switch: Switch) -> Iterator[Gateway]:
    """Give a running gateway before the echo server."""
    made = Gateway("echo", echo, admits=lambda: switch.admits)
    loop.run(made.start())
    yield made
    loop.run(made.stop())


def _say(port: int, words: bytes = b"hello", timeout: float = 0.5) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as client:
        client.sendall(words)
        return client.recv(len(words))


def test_gateway_relays(gateway: Gateway) -> None:
    """A database behind an open security group can be used."""
    assert _say(gateway.port) == b"hello"


def test_gateway_relays_much_data_unchanged(gateway: Gateway) -> None:
    """A relay that loses or reorders bytes would break TLS and PostgreSQL's protocol."""
    words = bytes(range(256)) * 4000
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answer:
            assert answer.read() == words


def test_closed_security_group_answers_nothing(loop: EventLoop, gateway: Gateway, switch: Switch) -> None:
    """A timeout and a refusal tell a security group from a dead server."""
    switch.admits = False
    loop.run(gateway.refresh())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", gateway.port), timeout=0.2)


def test_closed_security_group_cuts_present_connections(
    loop: EventLoop, gateway: Gateway, switch: Switch
) -> None:
    """Pooled connections must not hide that the way is closed."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=2) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        switch.admits = False
        loop.run(gateway.refresh())
        assert _is_cut(client)


def _is_cut(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


async def _relay_cut_after(turns: int, target: tuple[str, int]) -> None:
    client, accepted = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=accepted)
    conversation = asyncio.create_task(relay(reader, writer, target))
    client.sendall(b"hello")
    await asyncio.sleep(0.01)
    client.close()
    for _ in range(turns):
        await asyncio.sleep(0)
    conversation.cancel()
    await asyncio.gather(conversation, return_exceptions=True)
    writer.close()


def test_cut_relay_closes_its_connection(loop: EventLoop, echo: tuple[str, int]) -> None:
    """Whatever it was doing when it was cut: what is left open is reported by another test, later."""
    for turns in range(20):
        loop.run(_relay_cut_after(turns, echo))
    loop.run(asyncio.sleep(0.01))
    gc.collect()


def test_gateway_reopens_on_the_same_port(loop: EventLoop, gateway: Gateway, switch: Switch) -> None:
    """Mending a fault must not move an endpoint that AWS has told to everybody."""
    port = gateway.port
    for mode in ("refuse", "silent", "relay"):
        switch.admits = False
        loop.run(gateway.refresh())
        switch.admits = True
        loop.run(gateway.set_mode(mode))
    assert gateway.port == port
    assert _say(port) == b"hello"


def test_gateway_sees_a_closed_group_by_itself(gateway: Gateway, switch: Switch) -> None:
    """Whoever revokes a rule in AWS does not also tell the gateway."""
    switch.admits = False
    time.sleep(0.3)
    with pytest.raises(TimeoutError):
        _say(gateway.port, timeout=0.2)


def test_refusing_gateway_resets(loop: EventLoop, gateway: Gateway) -> None:
    """A stopped server refuses at once."""
    loop.run(gateway.set_mode("refuse"))
    with pytest.raises(ConnectionRefusedError):
        _say(gateway.port)


def test_silent_gateway_accepts_and_says_nothing(loop: EventLoop, gateway: Gateway) -> None:
    """A hanging server is accepted, so only a read limit notices it."""
    loop.run(gateway.set_mode("silent"))
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=0.3) as client:
        client.sendall(b"x")
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_gateway_delays_answers_without_limiting_throughput(loop: EventLoop, echo: tuple[str, int]) -> None:
    """Latency is a delay line: ten pipelined questions cost one latency, not ten."""
    slow = Gateway("slow", echo, latency=LATENCY)
    port = loop.run(slow.start())
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
        for _ in range(10):
            client.sendall(b"0123456789")
            time.sleep(0.001)
        with client.makefile("rb") as answer:
            assert len(answer.read(100)) == 100
    assert LATENCY <= time.monotonic() - began < 3 * LATENCY
    loop.run(slow.stop())


@pytest.mark.parametrize("mode", ["relay", "silent"])
def test_gateway_terminates_tls(loop: EventLoop, echo: tuple[str, int], mode: str) -> None:
    """ElastiCache speaks TLS; a hanging Redis still completes the handshake."""
    certificate = PUBLIC.issue("cache.test")
    secure = Gateway("secure", echo, tls=certificate.server_context())
    port = loop.run(secure.start())
    loop.run(secure.set_mode("silent" if mode == "silent" else "relay"))
    trusted = ssl.create_default_context(cadata=PUBLIC.pem)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=0.5) as plain,
        trusted.wrap_socket(plain, server_hostname="cache.test") as client,
    ):
        client.sendall(b"x")
        if mode == "silent":
            with pytest.raises(TimeoutError):
                client.recv(1)
        else:
            assert client.recv(1) == b"x"
    loop.run(secure.stop())
