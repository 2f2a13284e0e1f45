"""Stands before the sandbox's S3 and lets one operation hang, answer late, drip, or never answer."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

from selftests.serving import in_a_thread

How = Literal["hang", "mute", "drip", "late", "page"]

# Longer than any run of a test; the end of the proxy ends it.
_HANGS_S = 120.0
# Longer than an upload on its way is waited for, and shorter than the time limit of a deletion.
_LATE_S = 1.5
_ACTIONS = {"PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@dataclass
class S3Proxy:
    """What the proxy does with each operation of S3, and what it was asked.

    `hang`: a request is not passed on; `mute`: it is, and its answer is withheld; `late`: it is passed on
    after a while; `drip`: the answer comes byte by byte; `page`: a page of the proxy's own, with status 200.
    """

    upstream: str
    url: str = ""
    behaviour: dict[str, How] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def count(self, action: str) -> int:
        """Return how many requests of an action have come."""
        return sum(1 for one, _ in self.seen if one == action)

    def wait_for(self, action: str, within_s: float = 30.0) -> None:
        """Wait until an action has been asked for. Raises TimeoutError."""
        until = time.monotonic() + within_s
        while not self.count(action):
            if time.monotonic() > until:
                raise TimeoutError(f"no {action} came, only {self.seen}")
            time.sleep(0.01)


@contextmanager
def standing_before(upstream: str) -> Iterator[S3Proxy]:
    """Run a proxy before an S3 at `upstream`, as long as the context lasts."""
    proxy = S3Proxy(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy))
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    with in_a_thread(server):
        try:
            yield proxy
        finally:
            proxy.over.set()


def _handler(proxy: S3Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing of requests."""

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_listing = "list-type" in urlsplit(self.path).query
            action = _ACTIONS.get(self.command, "ListObjectsV2" if is_listing else "GetObject")
            proxy.seen.append((action, self.path))
            how = proxy.behaviour.get(action)
            if how == "page":
                _answer(self, 200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")
                return
            if how in {"hang", "late"}:
                proxy.over.wait(_HANGS_S if how == "hang" else _LATE_S)
            if how != "hang":
                status, headers, content = _asked(proxy.upstream, self, body)
                if how == "mute":
                    proxy.over.wait(_HANGS_S)
                else:
                    pause_s = 1.0 if how == "drip" else 0.0
                    _answer(self, status, headers, content, lambda: proxy.over.wait(pause_s))

        do_GET = do_HEAD = do_PUT = do_DELETE = _serve  # noqa: N815 - named by the base class

    return Handler


def _asked(upstream: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
    place = urlsplit(upstream)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_HANGS_S)
    try:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        connection.request(request.command, request.path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _answer(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: Mapping[str, str],
    content: bytes,
    pause: Callable[[], object] = lambda: None,
) -> None:
    try:
        request.send_response_only(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            if name not in _HOP_BY_HOP:
                request.send_header(name, value)
        request.end_headers()
        for at in range(len(content)):
            request.wfile.write(content[at : at + 1])
            pause()
    except OSError:
        # Who asked has gone.
        request.close_connection = True
