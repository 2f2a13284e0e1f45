"""Connections that go wrong: held open without a word, or cut."""

from __future__ import annotations

import os
import select
import socket
import struct
from typing import NoReturn

_LONGEST_HANG_SECONDS = 600.0


class ConnectionCutError(ConnectionError):
    """The sandbox itself has cut this connection; nothing is left to answer."""


def hang(connection: socket.socket) -> NoReturn:
    """Say nothing until the client gives up (or ten minutes have gone)."""
    select.select([connection], [], [], _LONGEST_HANG_SECONDS)
    reset(connection)


def reset(connection: socket.socket) -> NoReturn:
    """Cut the connection with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The handler's files keep a closed socket open; taking the descriptor from it does close it.
    os.close(connection.detach())
    raise ConnectionCutError
