"""HTTP and HTTPS: one exchange on a connection of its own, to the address that our resolver gave.

The Host header, SNI and certificate are those of the URL. Redirects are not followed, proxies and CA bundles
of the shell not heeded, and the whole exchange ends by one deadline whatever the server does.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from postflight.environment import Declaration
from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Kind, Stream, Trouble, connect
from postflight.probes.tls import secure

LOOK_S = 12.0
GRAPHQL_MARGIN_S = 5.0
LONGEST_LOOK_S = 120.0
MOST_BYTES = 1 << 20
SHOWN_CHARACTERS = 300
_READ = 1 << 16
USER_AGENT = "postflight"
_TAG = re.compile(r"<[^>]*>?")
_KEPT_HEADERS = (
    "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers",
    "access-control-allow-credentials", "access-control-max-age", "vary", "server", "content-type",
    "location", "retry-after", "via", "x-cache", "x-amz-cf-id",
)  # fmt: skip


class HttpAnswer(Evidence):
    """What came back for one request. `status` None: nothing that is HTTP, see `problem`.

    `seconds` is the whole look, `connect_s` what name, TCP and TLS took of it.
    """

    method: str
    url: str
    status: int | None = None
    headers: Mapping[str, str] = {}
    body: str = ""
    seconds: float
    connect_s: float = 0.0
    first_byte_s: float | None = None
    kind: Kind | None = None
    problem: str | None = None

    @property
    def answer_s(self) -> float:
        """Seconds from sending the request to the end of the answer."""
        return self.seconds - self.connect_s

    @property
    def said(self) -> str:
        """The answer in a few words, for messages."""
        if self.problem is not None:
            return self.problem
        server = f" from {self.headers['server']}" if "server" in self.headers else ""
        text = " ".join(_TAG.sub(" ", self.body).split())[:80]
        return f"HTTP {self.status}{server} after {self.seconds:.1f} s" + (f": {text}" if text else "")

    @property
    def is_gateway_error(self) -> bool:
        """Whether a load balancer or CDN answered for a server that did not."""
        return self.status in (502, 503, 504)


@dataclass(frozen=True)
class Request:
    """One request to send."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)


class Crossing(Declaration):
    """A request that a script on a page of `origin` wants to send."""

    url: str
    origin: str
    method: str
    headers: tuple[str, ...] = ()
    ca: str | None = None


class Query(Declaration):
    """A GraphQL query; `origin` where a page of another origin puts it."""

    url: str
    text: str
    origin: str | None = None
    ca: str | None = None
    limit_s: float = LOOK_S


class GraphqlAnswer(Evidence):
    """What a GraphQL query gave: `data` only where the answer is JSON that has it."""

    http: HttpAnswer
    data: Mapping[str, Any] | None = None
    errors: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The answer in a few words, for messages."""
        return f"GraphQL errors: {'; '.join(self.errors)}" if self.errors else self.http.said


def exchange(
    connections: Connections, request: Request, ca: str | None = None, look_s: float = LOOK_S
) -> tuple[HttpAnswer, bytes]:
    """Make one request; return the answer and its body (at most 1 MiB). Raises Unverified, never Trouble."""
    deadline = Deadline.after(look_s)
    connections.calls.count("http")
    netloc = urlsplit(request.url).netloc
    try:
        return _exchange(connections, request, ca, deadline)
    except Trouble as trouble:
        kind, problem = trouble.kind, str(trouble)
    except http.client.RemoteDisconnected:
        kind, problem = "closed", f"{netloc} closed the connection without an answer"
    except http.client.HTTPException as error:
        words = str(error).strip().splitlines()[:1] or [type(error).__name__]
        kind, problem = (
            "garbage",
            f"{netloc} answered something that is not HTTP ({connections.secrets.short(words[0], 80)})",
        )
    failed = HttpAnswer(
        method=request.method, url=request.url, seconds=deadline.elapsed_s, kind=kind, problem=problem
    )
    return failed, b""


def _exchange(
    connections: Connections, request: Request, ca: str | None, deadline: Deadline
) -> tuple[HttpAnswer, bytes]:
    parts = urlsplit(request.url)
    stream = _stream(connections, parts, ca, deadline)
    connected = deadline.elapsed_s
    try:
        client = http.client.HTTPConnection(parts.netloc)
        # http.client asks no more of its socket than sendall, makefile and close.
        client.sock = stream
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close", **request.headers}
        client.request(request.method, target, body=request.body, headers=sent)
        response = client.getresponse()
        first_byte = deadline.elapsed_s
        content = response.read(MOST_BYTES)
        if response.length and len(content) < MOST_BYTES:
            raise Trouble("closed", f"{stream.peer} closed the connection before its answer was complete")
    finally:
        stream.close()
    received: dict[str, str] = {}
    for name, value in response.getheaders():
        # A header sent twice is one list, as browsers read it.
        earlier = received.get(name.lower())
        received[name.lower()] = value if earlier is None else f"{earlier}, {value}"
    answer = HttpAnswer(
        method=request.method, url=request.url, status=response.status, seconds=round(deadline.elapsed_s, 4),
        headers={name: received[name] for name in _KEPT_HEADERS if name in received},
        body=connections.secrets.short(content[:_READ].decode("utf-8", errors="replace"), SHOWN_CHARACTERS),
        connect_s=round(connected, 4), first_byte_s=round(first_byte, 4),
    )  # fmt: skip
    return answer, content


def _stream(connections: Connections, parts: SplitResult, ca: str | None, deadline: Deadline) -> Stream:
    host = parts.hostname or ""
    is_secure = parts.scheme == "https"
    stream = connect(connections, host, parts.port or (443 if is_secure else 80), deadline)
    if not is_secure:
        return stream
    try:
        return secure(stream, host, ca)
    except BaseException:
        stream.close()
        raise


@reads("http", "dns")
def get(connections: Connections, url: str, ca: str | None = None, origin: str | None = None) -> HttpAnswer:
    """Look at what GET answers. `origin`: ask as a script on a page of that origin would."""
    require_declared("http")
    return exchange(connections, Request("GET", url, {"Origin": origin} if origin else {}), ca)[0]


@reads("http", "dns")
def preflight(connections: Connections, crossing: Crossing) -> HttpAnswer:
    """Ask what a browser asks before a page of another origin may send this request (Fetch standard)."""
    require_declared("http")
    headers = {"Origin": crossing.origin, "Access-Control-Request-Method": crossing.method}
    if crossing.headers:
        # The standard has browsers send these names in lower case, sorted, without spaces.
        names = sorted(name.lower() for name in crossing.headers)
        headers["Access-Control-Request-Headers"] = ",".join(names)
    return exchange(connections, Request("OPTIONS", crossing.url, headers), crossing.ca)[0]


@reads("http", "dns", deadline_s=130.0)
def graphql(connections: Connections, query: Query) -> GraphqlAnswer:
    """Put a GraphQL query (never a mutation), and wait a little longer than its limit for the answer."""
    require_declared("http")
    if query.text.lstrip().startswith(("mutation", "subscription")):
        raise ValueError("a probe only reads: it sends queries")
    headers = {"Content-Type": "application/json", **({"Origin": query.origin} if query.origin else {})}
    request = Request("POST", query.url, headers, json.dumps({"query": query.text}).encode())
    look_s = min(query.limit_s + GRAPHQL_MARGIN_S, LONGEST_LOOK_S)
    answer, content = exchange(connections, request, query.ca, look_s)
    return _graphql(answer, content, connections.secrets.short)


def _graphql(answer: HttpAnswer, content: bytes, short: Callable[[str, int], str]) -> GraphqlAnswer:
    try:
        parsed = json.loads(content)
    except ValueError:
        return GraphqlAnswer(http=answer)
    if not isinstance(parsed, dict):
        return GraphqlAnswer(http=answer)
    data, errors = parsed.get("data"), parsed.get("errors")
    messages = [error.get("message", error) if isinstance(error, dict) else error for error in errors or ()]
    return GraphqlAnswer(
        http=answer,
        data=data if isinstance(data, dict) else None,
        errors=tuple(short(str(message), 200) for message in messages),
    )
