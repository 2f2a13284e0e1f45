"""Connections of urllib3 over sockets that we connect ourselves.

urllib3, and with it requests and the Kubernetes client, would resolve names by the system and take the first
socket it gets. Here it asks for one by host and port, and so gets the address that the environment's resolver
gave, within the look's deadline. The URL keeps its host: Host header, SNI and OpenSSL's check of the
certificate's names are the library's own.
"""

from __future__ import annotations

import io
import socket
import ssl
from functools import partial
from typing import Any, Protocol

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPException, HTTPSConnection

_SWITCHING = 101
_FIRST_ANSWER = 200
_CONTINUE = 100
# 100 Continue and 103 Early Hints come once or twice, if at all.
_MOST_INTERIM = 50


class Look(Protocol):
    """What one request needs from its sender."""

    def dial(self, host: str, port: int) -> socket.socket:
        """Return a connected socket. What it raises passes urllib3 unless it is an OSError."""

    def is_connected(self) -> None:
        """Note that TCP, and TLS where the URL wants it, are made."""

    def is_answered(self) -> None:
        """Note that the first byte of the answer is here."""


class CutHeadError(HTTPException):
    """The connection ended within the head of the answer, which the library takes for its end."""


class _Head:
    """Reads the lines of a head."""

    def __init__(self, source: io.BufferedReader) -> None:
        self._source = source
        self._is_begun = False

    def readline(self, most: int) -> bytes:
        line = self._source.readline(most)
        if self._is_begun and not line:
            raise CutHeadError("the head ended without an empty line")
        self._is_begun = True
        return line

    def close(self) -> None:
        self._source.close()


_Received: Any = HTTPConnection.response_class


class _Response(_Received):  # type: ignore[misc]  # the standard library's, as urllib3 has it
    """Notes the first byte, and skips every interim answer; the library skips only 100 Continue."""

    fp: Any

    def __init__(self, connected: socket.socket, *args: Any, look: Look, **kwargs: Any) -> None:
        super().__init__(connected, *args, **kwargs)
        self._interim = 0
        try:
            if self.fp.peek(1):
                look.is_answered()
        except BaseException:
            # The caller does not get this response, and the socket stays open while its reader is.
            self.fp.close()
            raise

    def begin(self) -> None:
        whole = self.fp
        self.fp = _Head(whole)
        try:
            super().begin()
        finally:
            if self.fp is not None:
                self.fp = whole

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()
        if status >= _FIRST_ANSWER or status == _SWITCHING:
            return version, status, reason
        self._interim += 1
        if self._interim > _MOST_INTERIM:
            raise HTTPException(f"more than {_MOST_INTERIM} interim answers")
        return version, _CONTINUE, reason


class PinnedHTTPConnection(HTTPConnection):
    """Speaks HTTP over the socket that the look dials."""

    def __init__(self, *args: Any, look: Look, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._look = look
        self.response_class = partial(_Response, look=look)  # type: ignore[assignment]

    def _new_conn(self) -> socket.socket:
        return self._look.dial(self._dns_host, self.port or 80)

    def connect(self) -> None:
        """Connect, and note the moment."""
        super().connect()
        self._look.is_connected()


class PinnedHTTPSConnection(HTTPSConnection):
    """Speaks HTTPS over the socket that the look dials."""

    def __init__(self, *args: Any, look: Look, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._look = look
        self.response_class = partial(_Response, look=look)  # type: ignore[assignment]

    def send(self, data: Any) -> None:
        """Send; where the server has closed already, its answer or alert may still be read."""
        try:
            super().send(data)
        except ssl.SSLEOFError as error:
            # This one urllib3 passes over, and reads what there is.
            raise BrokenPipeError(str(error)) from None

    def _new_conn(self) -> socket.socket:
        return self._look.dial(self._dns_host, self.port or 443)

    def connect(self) -> None:
        """Connect, make the handshake, and note the moment."""
        super().connect()
        self._look.is_connected()


def pinned_pool(host: str, port: int, tls: ssl.SSLContext | None, look: Look) -> HTTPConnectionPool:
    """Return the pool of one look; `tls` is None for plain HTTP."""
    if tls is None:
        plain = HTTPConnectionPool(host, port)
        plain.ConnectionCls = partial(PinnedHTTPConnection, look=look)  # type: ignore[assignment]
        return plain
    secure = HTTPSConnectionPool(host, port, ssl_context=tls)
    secure.ConnectionCls = partial(PinnedHTTPSConnection, look=look)  # type: ignore[assignment]
    return secure
