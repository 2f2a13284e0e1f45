"""The interlock and the deadline below a Kubernetes client: urllib3's connections, which only read."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import urllib3

from postflight.probes.deadlines import alarm
from postflight.probes.reads import UndeclaredReadError


class Watch:
    """Cuts a connection at its deadline: a server that drips never trips a read timeout.

    `is_reused`: the request went out on a connection that was kept from an earlier one.
    """

    def __init__(self, within_s: float) -> None:
        self.has_fired = False
        self.is_reused = False
        self._twin: socket.socket | None = None
        self._lock = threading.Lock()
        self._alarm = alarm(within_s, self._fire)

    def guard(self, connected: socket.socket) -> None:
        """Cut this connection when the time is up. Raises TimeoutError when it is already."""
        with self._lock:
            if self.has_fired:
                raise TimeoutError
            self._let_go()
            # A TLS handshake takes the socket's descriptor over; a twin is the same connection all along.
            self._twin = socket.socket(fileno=os.dup(connected.fileno()))

    def stop(self) -> None:
        """Let the connection be."""
        self._alarm.cancel()
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._twin is not None:
            self._twin.close()
            self._twin = None

    def _fire(self) -> None:
        with self._lock:
            self.has_fired = True
            if self._twin is not None:
                with contextlib.suppress(OSError):  # closed by either side in the same moment
                    self._twin.shutdown(socket.SHUT_RDWR)


_PERMIT: ContextVar[Watch | None] = ContextVar("permit", default=None)


@contextlib.contextmanager
def permitted(watch: Watch) -> Iterator[None]:
    """Let this thread send a GET, under this watch, within the block."""
    token = _PERMIT.set(watch)
    try:
        yield
    finally:
        _PERMIT.reset(token)


def _permit() -> Watch:
    watch = _PERMIT.get()
    if watch is None:
        raise UndeclaredReadError("the Kubernetes client was used past its interlock; nothing was sent")
    return watch


class _Guarded:
    """Goes before a connection class of urllib3: nothing is sent but a permitted GET, within its deadline."""

    sock: socket.socket | None

    def _new_conn(self) -> socket.socket:
        watch = _permit()
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        watch.is_reused = False
        watch.guard(connected)
        return connected

    def request(self, method: str, url: str, *arguments: Any, **named: Any) -> None:
        watch = _permit()
        if method != "GET":
            raise UndeclaredReadError(f"{method} is no read; it was not sent")
        if self.sock is not None:
            watch.guard(self.sock)
        super().request(method, url, *arguments, **named)  # type: ignore[misc]

    def connect(self) -> None:
        _permit()
        super().connect()  # type: ignore[misc]


def guarded(pools: urllib3.PoolManager) -> urllib3.PoolManager:
    """Give a pool manager connection classes that only read."""

    def pool_class(ordinary: Any) -> Any:
        connection = type("Guarded", (_Guarded, ordinary.ConnectionCls), {})
        return type("GuardedPool", (_GuardedPool, ordinary), {"ConnectionCls": connection})

    classes = pools.pool_classes_by_scheme.items()
    pools.pool_classes_by_scheme = {scheme: pool_class(ordinary) for scheme, ordinary in classes}
    return pools


class _GuardedPool:
    """Goes before a pool class of urllib3: notes whether a connection was kept from an earlier request."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        watch = _PERMIT.get()
        if watch is not None:
            watch.is_reused = connection.sock is not None
        return connection
