"""How requests reach the process that forks the stand-in's containers."""

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

LENGTH = struct.Struct("!I")
LARGEST_COUNT_OF_DESCRIPTORS = 4


def send(channel: socket.socket, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one request; the descriptors travel with its length."""
    body = json.dumps(request).encode()
    socket.send_fds(channel, [LENGTH.pack(len(body))], list(descriptors))
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Read one request; None when the other side is gone."""
    head, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, LARGEST_COUNT_OF_DESCRIPTORS)
    if not head:
        return None
    (size,) = LENGTH.unpack(head)
    body = b""
    while len(body) < size:
        part = channel.recv(size - len(body))
        if not part:
            return None
        body += part
    return json.loads(body), list(descriptors)
