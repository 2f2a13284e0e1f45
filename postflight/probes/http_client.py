"""Sends one HTTP request by requests, and says in the words of evidence what went wrong."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPException
from urllib3.util.request import ACCEPT_ENCODING

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Cutoff, Deadline
from postflight.probes.pinned_connections import CutHeadError, pinned_pool
from postflight.probes.reads import require_declared
from postflight.probes.tcp import Trouble, connect, is_ours
from postflight.probes.tls import broken_off, tls_trouble, trust

if TYPE_CHECKING:
    import socket

    from postflight.probes.http import Request

MOST_BYTES = 1 << 20
USER_AGENT = "postflight"
_CHUNK = 1 << 16
_PORTS = {"http": 80, "https": 443}
_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True)
class Received:
    """An answer as it came: header names in lower case, times in seconds since the look began."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    is_too_large: bool
    connect_s: float
    first_byte_s: float


def _netloc(url: str) -> str:
    """Return host and port as a URL has them; what is no URL is its own name."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return url


def send(connections: Connections, request: Request, ca: str | None, deadline: Deadline) -> Received:
    """Send a request and read its answer, at most 1 MiB of it. Raises Trouble, or Unverified."""
    look = _Look(connections, request.url, deadline)
    try:
        adapter = _Adapter(look, trust(ca, "http/1.1") if request.url.startswith("https:") else None)
        return _received(adapter, request, look)
    except _ERRORS as error:
        _explain(error, request, look, connections)
    finally:
        look.cutoff.close()


def _received(adapter: _Adapter, request: Request, look: _Look) -> Received:
    prepared = requests.Request(
        request.method, request.url, auth=_without_login, data=request.body,
        headers={
            "User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": ACCEPT_ENCODING,
            "Connection": "close", **request.headers,
        },
    ).prepare()  # fmt: skip
    # Not by a Session: that would parse where a redirect leads, and fail where it leads nowhere.
    left = look.deadline.remaining_s()
    with adapter.send(prepared, stream=True, timeout=left, proxies=None) as response:
        look.is_headed = True
        content, is_too_large = _content(response.raw)
        if look.cutoff.was_cut.is_set():
            raise TimeoutError  # a body without a length just ends where the connection is shut
        return Received(
            status=response.status_code,
            # A header sent twice is one list, as browsers read it.
            headers={name.lower(): value for name, value in response.headers.items()},
            content=content,
            is_too_large=is_too_large,
            connect_s=look.connect_s or 0.0,
            first_byte_s=look.first_byte_s or 0.0,
        )


def _content(raw: urllib3.HTTPResponse) -> tuple[bytes, bool]:
    content = bytearray()
    for chunk in raw.stream(_CHUNK, decode_content=True):
        content += chunk
        if len(content) > MOST_BYTES:
            return bytes(content[:MOST_BYTES]), True
    return bytes(content), False


def _without_login(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from a login of its own."""
    return prepared


class _Look:
    """One request on its way: dials, and notes how far it got."""

    def __init__(self, connections: Connections, url: str, deadline: Deadline) -> None:
        self._connections = connections
        self.deadline = deadline
        self.cutoff = Cutoff(deadline)
        # Until there is a connection, the server goes by what the URL calls it.
        self.peer = _netloc(url)
        # As the URL spells it: the library dials the A-label, which messages elsewhere do not show.
        self._host = urlsplit(f"//{self.peer}").hostname
        self.is_dialled = False
        self.is_headed = False
        self.connect_s: float | None = None
        self.first_byte_s: float | None = None

    def dial(self, host: str, port: int) -> socket.socket:
        require_declared("http")
        self.is_dialled = True
        stream = connect(self._connections, self._host or host, port, self.deadline)
        self.peer = stream.peer
        try:
            self.cutoff.guard(stream.socket.fileno())
            stream.socket.settimeout(self.deadline.remaining_s())
        except BaseException:
            stream.close()
            raise
        return stream.socket

    def is_connected(self) -> None:
        self.connect_s = self.deadline.elapsed_s

    def is_answered(self) -> None:
        self.first_byte_s = self.deadline.elapsed_s


class _Adapter(HTTPAdapter):
    """Takes its one connection from the look; never a proxy, never another CA than the declared one."""

    def __init__(self, look: _Look, tls: ssl.SSLContext | None) -> None:
        self._look = look
        self._tls = tls
        super().__init__(max_retries=0)

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """Make none: one request needs one pool."""

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Load nothing: the context of the pool already holds what is trusted."""

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_: Any, **__: Any
    ) -> urllib3.HTTPConnectionPool:
        parts = urlsplit(request.url or "")
        return pinned_pool(str(parts.hostname), parts.port or _PORTS[parts.scheme], self._tls, self._look)


def _explain(error: Exception, request: Request, look: _Look, connections: Connections) -> NoReturn:
    """Raise what an error of the libraries says: Trouble of the other side, or Unverified."""
    chain = tuple(_chain(error))
    for one in chain:
        if isinstance(one, OSError) and is_ours(one):
            raise Unverified(f"{request.url} could not be asked from here: {one.strerror}.") from None
    if not look.is_dialled and not look.deadline.is_over:
        words = connections.secrets.short(str(error), 120)
        raise Unverified(f"{request.url} cannot be asked: {words.rstrip('.')}.") from None
    raise _trouble(chain, _netloc(request.url), look, connections) from None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it wraps, as requests and urllib3 wrap them: the innermost comes last."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if any(one is known for known in seen):
            continue
        seen.append(one)
        yield one
        inner = (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)
        waiting += [each for each in inner if isinstance(each, BaseException)]


def _trouble(chain: tuple[BaseException, ...], netloc: str, look: _Look, connections: Connections) -> Trouble:
    def met(*kinds: type[BaseException]) -> BaseException | None:
        return next((one for one in chain if isinstance(one, kinds)), None)

    if look.cutoff.was_cut.is_set() or met(TimeoutError, urllib3.exceptions.TimeoutError):
        return _late(look)
    broken = met(ssl.SSLError)
    if isinstance(broken, ssl.SSLError):
        return _tls_broken(broken, netloc, look)
    if any(isinstance(one, ConnectionError) and isinstance(one, HTTPException) for one in chain):
        return Trouble("closed", f"{netloc} closed the connection without an answer")
    if met(ConnectionError):
        return Trouble("reset", f"{look.peer} reset the connection")
    return _not_http(chain, netloc, look, connections)


def _not_http(
    chain: tuple[BaseException, ...], netloc: str, look: _Look, connections: Connections
) -> Trouble:
    if any(isinstance(one, urllib3.exceptions.DecodeError) for one in chain):
        return Trouble("garbage", f"{netloc} answered a body that is not what its Content-Encoding says")
    is_odd = any(isinstance(one, urllib3.exceptions.InvalidChunkLength) for one in chain)
    if (look.is_headed and not is_odd) or any(isinstance(one, CutHeadError) for one in chain):
        return Trouble("closed", f"{look.peer} closed the connection before its answer was complete")
    words = (str(chain[-1]).strip().splitlines() or [""])[0] or type(chain[-1]).__name__
    said = connections.secrets.short(words, 80)
    return Trouble("garbage", f"{netloc} answered something that is not HTTP ({said})")


def _late(look: _Look) -> Trouble:
    waited = f"{look.deadline.ends - look.deadline.began:.0f} s"
    if look.first_byte_s is not None:
        return Trouble("slow", f"{look.peer} began to answer and had not ended after {waited}")
    return Trouble("silent", f"{look.peer} accepted the connection and said nothing for {waited}")


def _tls_broken(error: ssl.SSLError, netloc: str, look: _Look) -> Trouble:
    if look.connect_s is None and "CERTIFICATE_REQUIRED" not in (error.reason or ""):
        return tls_trouble(error, urlsplit(f"//{netloc}").hostname or netloc, look.peer)
    return broken_off(error, look.peer)
