"""A command in a pod is judged by its end: its exit status, or what it was run for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import exec as commands
from selftests.kubernetes_runs import kubeconfig, look, run
from selftests.rude_servers import Behaviour, Street, street

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _CLOSE = 2, 8
_CLOSED: Final = (_CLOSE, struct.pack("!H", 1000))
_FAILURE: Final = b"\x03" + json.dumps({"status": "Failure", "message": "command terminated"}).encode()


@pytest.fixture
def town() -> Iterator[Street]:
    """Give a place for servers that end a stream early."""
    with street() as opened:
        yield opened


def streaming(*frames: tuple[int, bytes]) -> Behaviour:
    """Return a server that accepts a WebSocket, sends these frames (opcode, data), and hangs up."""

    def behave(guest: socket.socket) -> None:
        asked = guest.recv(65536)
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", asked)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + _GUID, usedforsecurity=False).digest())
        guest.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        for kind, data in frames:
            guest.sendall(bytes([0x80 | kind, len(data)]) + data)
        guest.recv(65536)

    return behave


def at(port: int, folder: Path) -> Connections:
    """Return the connections of a run whose API is at this port."""
    return run(kubeconfig(folder, f"http://127.0.0.1:{port}", None, {"token": "a-token-of-the-test"}))


@pytest.mark.parametrize(
    "frames",
    [(_CLOSED,), ((_TEXT, b"\x01active super"), _CLOSED), ((_TEXT, b"\x02warning: slow"), _CLOSED), ()],
    ids=["closed at once", "closed in its output", "closed after a warning", "hung up"],
)
def test_a_stream_that_ends_early_is_unverified(
    town: Street, tmp_path: Path, frames: tuple[tuple[int, bytes], ...]
) -> None:
    """A node that restarts closes its streams: no command has failed by it."""
    with pytest.raises(Unverified, match="asked to create pods/exec in shop"):
        look(commands.superusers, at(town.house(streaming(*frames)), tmp_path), "shop", "api-1", "box")


def test_a_command_that_ends_is_evidence(town: Street, tmp_path: Path) -> None:
    """Its exit status is a failure, and its count is a count even where the stream ends after it."""
    failed = town.house(streaming((_TEXT, _FAILURE), _CLOSED))
    seen = look(commands.superusers, at(failed, tmp_path), "shop", "api-1", "box")
    assert seen.problem == "manage.py shell failed in api-1: command terminated"
    counted = town.house(streaming((_TEXT, b"\x01active superusers: 2\n"), _CLOSED))
    assert look(commands.superusers, at(counted, tmp_path), "shop", "api-1", "box").count == 2
