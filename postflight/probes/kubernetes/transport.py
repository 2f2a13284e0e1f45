"""GET requests through urllib3's pools, each with one deadline for the whole of it."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import urllib3
from urllib3 import exceptions as errors
from urllib3.connection import HTTPException

from postflight.probes.kubernetes.exchange import Exchange, NoAnswerError
from postflight.probes.kubernetes.guard import Watch, guarded, permitted
from postflight.probes.kubernetes.no_answer import CONNECT_S, READ_S, is_slow, reason


class Transport:
    """Sends GET requests to one server, from any thread, through a pool manager of urllib3.

    It takes the pool manager over: from then on its connections send nothing but what `exchange` and
    `connected` ask for.
    """

    def __init__(self, pools: urllib3.PoolManager, server: str) -> None:
        self._pools = guarded(pools)
        self._server = server
        parts = urlsplit(server)
        self._where = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    @contextlib.contextmanager
    def exchange(self, path: str, headers: Mapping[str, str], within_s: float) -> Iterator[Exchange]:
        """Send a GET; the body must be read within the block. Raises NoAnswerError.

        `within_s` bounds the whole exchange, whatever the other side does.
        """
        watch = Watch(within_s)
        response: Any = None
        answer: Exchange | None = None
        try:
            response, began = self._send(path, headers, watch)
            answer = Exchange(response, began, watch)
            yield answer
        except (OSError, errors.HTTPError, HTTPException) as error:
            self._fail(error, watch, within_s, is_silent=answer is None)
        finally:
            watch.stop()
            if response is not None:
                if answer is None or not answer.is_read:
                    response.close()
                response.release_conn()

    @contextlib.contextmanager
    def connected(self, within_s: float) -> Iterator[socket.socket]:
        """Give a connected socket, past proxy and TLS handshake, for a protocol that begins as HTTP does.

        Raises NoAnswerError, also for what goes wrong on the socket within the block.
        """
        watch = Watch(within_s)
        connection: Any = None
        try:
            pool: Any = self._pools.connection_from_url(self._server)
            with permitted(watch):
                connection = pool._new_conn()  # noqa: SLF001 - urllib3 lends no connection of a pool
                connection.timeout = CONNECT_S
                if pool.proxy is not None:
                    pool._prepare_proxy(connection)  # noqa: SLF001
                if connection.sock is None:
                    connection.connect()
            connection.sock.settimeout(READ_S)
            yield connection.sock
        except (OSError, errors.HTTPError, HTTPException) as error:
            self._fail(error, watch, within_s, is_silent=True)
        finally:
            watch.stop()
            if connection is not None:
                connection.close()

    def _send(self, path: str, headers: Mapping[str, str], watch: Watch) -> tuple[Any, float]:
        try:
            return self._sent(path, headers, watch)
        except errors.ProtocolError as error:
            if watch.has_fired or not watch.is_reused or not isinstance(error.args[-1], ConnectionError):
                raise
        # The other side closed connections while they lay idle: the request goes out again, on a new one.
        self._pools.clear()
        return self._sent(path, headers, watch)

    def _sent(self, path: str, headers: Mapping[str, str], watch: Watch) -> tuple[Any, float]:
        with permitted(watch):
            began = time.monotonic()
            response = self._pools.urlopen(
                "GET", self._server + path, headers=headers, preload_content=False, redirect=False,
                retries=False, timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            )  # fmt: skip
        return response, began

    def _fail(self, error: Exception, watch: Watch, within_s: float, *, is_silent: bool) -> NoReturn:
        if watch.has_fired:
            clause = f"did not finish its answer within {round(within_s, 1):g} s"
            raise NoAnswerError(clause, is_slow=True, is_silent=is_silent) from error
        slow = is_slow(error)
        raise NoAnswerError(reason(error, self._where), is_slow=slow, is_silent=slow and is_silent) from error
