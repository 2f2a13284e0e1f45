"""HTTP with deadlines that hold: connections are kept for reuse, TLS is always verified."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postflight.probes.deadlines import alarm

_CHUNK = 65536


class NoAnswerError(Exception):
    """The other side gave no usable HTTP answer: one clause that says why. `is_slow`: it took too long."""

    def __init__(self, clause: str, *, is_slow: bool = False) -> None:
        super().__init__(clause)
        self.is_slow = is_slow


@dataclass(frozen=True)
class Target:
    """Where to connect. `tls` is None for plain HTTP; `proxy` is the host and port of an HTTP proxy."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    tls_server_name: str | None = None
    proxy: tuple[str, int] | None = None
    connect_s: float = 3.0
    read_s: float = 8.0


class _Connection(http.client.HTTPConnection):
    def __init__(self, target: Target) -> None:
        self._target = target
        self.watch: _Watch | None = None
        host, port = target.proxy or (target.host, target.port)
        super().__init__(host, port, timeout=target.connect_s)
        if target.proxy:
            self.set_tunnel(target.host, target.port)

    def connect(self) -> None:
        super().connect()
        if self.watch is not None:
            self.watch.guard(self.sock)
        target = self._target
        if target.tls is not None:
            secured = target.tls.wrap_socket(
                self.sock,
                server_hostname=target.tls_server_name or target.host,
                do_handshake_on_connect=False,
            )
            self.sock = secured
            if self.watch is not None:
                self.watch.guard(secured)
            secured.do_handshake()
        self.sock.settimeout(target.read_s)


def connected(target: Target) -> socket.socket:
    """Return a connected socket, past its TLS handshake, for another protocol. Raises NoAnswerError."""
    connection = _Connection(target)
    try:
        connection.connect()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise NoAnswerError(_why(error, target)) from error
    return connection.sock


class Exchange:
    """One request and its answer, whose body can be read once."""

    def __init__(self, response: http.client.HTTPResponse, began: float, watch: _Watch) -> None:
        self._response = response
        self._watch = watch
        self._began = began
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}

    @property
    def seconds(self) -> float:
        """Seconds since the request was sent."""
        return time.monotonic() - self._began

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives. Raises OSError and HTTPException where it is cut short."""
        while chunk := self._response.read1(_CHUNK):
            yield chunk
        if self._watch.has_fired:
            raise TimeoutError
        if self._response.length:
            raise http.client.IncompleteRead(b"", self._response.length)

    def body(self, limit: int = 1 << 20) -> bytes:
        """Return the body, but no more than `limit` bytes of it."""
        parts = bytearray()
        for chunk in self.chunks():
            parts += chunk
            if len(parts) >= limit:
                break
        return bytes(parts[:limit])

    @property
    def is_read(self) -> bool:
        """Whether the connection is free for another request."""
        return self._response.isclosed() and not self._response.will_close


class Transport:
    """Sends requests to one target, from any thread."""

    _KEPT = 16

    def __init__(self, target: Target) -> None:
        self._target = target
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], within_s: float
    ) -> Iterator[Exchange]:
        """Send a request; the body must be read within the block. Raises NoAnswerError.

        `within_s` bounds the whole exchange, whatever the other side does.
        """
        watch = _Watch(within_s)
        connection: _Connection | None = None
        try:
            connection, answer = self._send(method, path, headers, watch)
            yield answer
            if answer.is_read:
                self._keep(connection)
                connection = None
        except (OSError, http.client.HTTPException, ValueError) as error:
            if watch.has_fired or isinstance(error, TimeoutError):
                clause = _too_slow(within_s, self._target, has_fired=watch.has_fired)
                raise NoAnswerError(clause, is_slow=True) from error
            if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):
                raise
            raise NoAnswerError(_why(error, self._target)) from error
        finally:
            watch.stop()
            if connection is not None:
                connection.close()

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], watch: _Watch
    ) -> tuple[_Connection, Exchange]:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept is not None:
            try:
                return kept, _request(kept, method, path, headers, watch)
            except (ConnectionError, ssl.SSLEOFError):
                # The other side closed it while it lay idle: the request goes out again, on a new one.
                kept.close()
        fresh = _Connection(self._target)
        try:
            return fresh, _request(fresh, method, path, headers, watch)
        except BaseException:
            fresh.close()
            raise

    def _keep(self, connection: _Connection) -> None:
        with self._lock:
            if len(self._idle) < self._KEPT:
                self._idle.append(connection)
                return
        connection.close()


def _request(
    connection: _Connection, method: str, path: str, headers: Mapping[str, str], watch: _Watch
) -> Exchange:
    if connection.sock is None:
        connection.watch = watch
        connection.connect()
    else:
        watch.guard(connection.sock)
    began = time.monotonic()
    connection.request(method, path, headers=dict(headers))
    return Exchange(connection.getresponse(), began, watch)


class _Watch:
    """Cuts a connection at its deadline: a server that drips never trips a read timeout."""

    def __init__(self, within_s: float) -> None:
        self.has_fired = False
        self._guarded: socket.socket | None = None
        self._lock = threading.Lock()
        self._alarm = alarm(within_s, self._fire)

    def guard(self, connected: socket.socket) -> None:
        """Cut this connection when the time is up. Raises TimeoutError when it is already."""
        with self._lock:
            if self.has_fired:
                raise TimeoutError
            self._guarded = connected

    def stop(self) -> None:
        self._alarm.cancel()
        self._guarded = None

    def _fire(self) -> None:
        with self._lock:
            self.has_fired = True
            if self._guarded is not None:
                with contextlib.suppress(OSError):  # closed by either side in the same moment
                    # The connection's own method, not that of a TLS object, which is another thread's.
                    socket.socket.shutdown(self._guarded, socket.SHUT_RDWR)


def _too_slow(within_s: float, target: Target, *, has_fired: bool) -> str:
    if has_fired:
        return f"did not finish its answer within {round(within_s, 1):g} s"
    return f"did not answer in time (connect {target.connect_s:g} s, read {target.read_s:g} s)"


def _why(error: Exception, target: Target) -> str:
    where = f"{target.host}:{target.port}"
    match error:
        case ssl.SSLCertVerificationError():
            clause = f"shows a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            clause = f"does not speak TLS as it should: {error.reason or error}"
        case socket.gaierror():
            clause = f"has a name that does not resolve ({target.host}: {error.strerror})"
        case ConnectionRefusedError():
            clause = f"refuses connections at {where}"
        case ConnectionError():
            clause = "closed the connection before its answer was complete"
        case http.client.IncompleteRead():
            clause = "closed the connection in the middle of its answer"
        case http.client.HTTPException():
            clause = "answers something that is not HTTP"
        case _:
            clause = f"cannot be reached at {where}: {error}"
    return clause
