"""HTTP and HTTPS by requests: one exchange on a connection of its own, to the address our resolver gave.

Redirects are reported and not followed; proxies, CA bundles, cookies and logins of the shell do not count;
the whole exchange ends by one deadline whatever the server does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from postflight.environment import Declaration
from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.graphql_documents import is_one_query
from postflight.probes.reads import reads
from postflight.probes.tcp import Kind, Trouble

LOOK_S = 12.0
GRAPHQL_MARGIN_S = 5.0
LONGEST_LOOK_S = 120.0
SHOWN_CHARACTERS = 300
_READ = 1 << 16
_TAG = re.compile(r"<[^>]*>?")
_REALM = re.compile(r'realm="[^"]*"', re.IGNORECASE)
_KEPT_HEADERS = (
    "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers",
    "access-control-allow-credentials", "access-control-max-age", "vary", "server", "content-type",
    "location", "retry-after", "via", "x-cache", "age", "x-amz-cf-id", "x-amz-cf-pop", "x-amzn-waf-action",
    "x-amzn-requestid", "x-served-by", "cf-ray", "cf-mitigated", "content-encoding", "www-authenticate",
)  # fmt: skip


class HttpAnswer(Evidence):
    """What came back for one request. `status` None: nothing that is HTTP, see `problem`.

    `seconds` is the whole look, `connect_s` what name, TCP and TLS took of it. `is_too_large`: the body is
    larger than 1 MiB, of which the rest was not read.
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
    is_too_large: bool = False

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
        size = ", larger than 1 MiB" if self.is_too_large else ""
        return f"HTTP {self.status}{server} after {self.seconds:.1f} s{size}" + (f": {text}" if text else "")

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

    def value(self, *path: str) -> Any:
        """Return what the data holds at this path of fields; None where it holds nothing of the kind."""
        found: Any = self.data
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def exchange(
    connections: Connections, request: Request, ca: str | None = None, look_s: float = LOOK_S
) -> tuple[HttpAnswer, bytes]:
    """Make one request; return the answer and its body (at most 1 MiB). Raises Unverified, never Trouble."""
    # requests is imported where HTTP is asked for: `--help` and a run without it need not wait for it.
    from postflight.probes.http_client import send

    deadline = Deadline.after(look_s)
    connections.calls.count("http")
    try:
        received = send(connections, request, ca, deadline)
    except Trouble as trouble:
        failed = HttpAnswer(
            method=request.method, url=request.url, seconds=deadline.elapsed_s, kind=trouble.kind,
            problem=str(trouble),
        )  # fmt: skip
        return failed, b""
    text = received.content[:_READ].decode("utf-8", errors="replace")
    answer = HttpAnswer(
        method=request.method, url=request.url, status=received.status, seconds=round(deadline.elapsed_s, 4),
        headers=_kept(received.headers), body=connections.secrets.short(text, SHOWN_CHARACTERS),
        connect_s=round(received.connect_s, 4), first_byte_s=round(received.first_byte_s, 4),
        is_too_large=received.is_too_large,
    )  # fmt: skip
    return answer, received.content


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    if "www-authenticate" in kept:
        # A challenge may hold a nonce; the scheme and the realm say who asks.
        scheme = kept["www-authenticate"].partition(" ")[0]
        realm = _REALM.search(kept["www-authenticate"])
        kept["www-authenticate"] = f"{scheme} {realm[0]}" if realm else scheme
    return kept


@reads("http", "dns")
def get(connections: Connections, url: str, ca: str | None = None, origin: str | None = None) -> HttpAnswer:
    """Look at what GET answers. `origin`: ask as a script on a page of that origin would."""
    return exchange(connections, Request("GET", url, {"Origin": origin} if origin else {}), ca)[0]


@reads("http", "dns")
def preflight(connections: Connections, crossing: Crossing) -> HttpAnswer:
    """Ask what a browser asks before a page of another origin may send this request (Fetch standard)."""
    headers = {"Origin": crossing.origin, "Access-Control-Request-Method": crossing.method}
    if crossing.headers:
        # The standard has browsers send these names in lower case, sorted, without spaces.
        names = sorted(name.lower() for name in crossing.headers)
        headers["Access-Control-Request-Headers"] = ",".join(names)
    return exchange(connections, Request("OPTIONS", crossing.url, headers), crossing.ca)[0]


@reads("http", "dns", deadline_s=130.0)
def graphql(connections: Connections, query: Query) -> GraphqlAnswer:
    """Put a GraphQL query (never a mutation), and wait a little longer than its limit for the answer."""
    if not is_one_query(query.text):
        raise ValueError("a probe only reads: it sends queries, one at a time")
    headers = {"Content-Type": "application/json", **({"Origin": query.origin} if query.origin else {})}
    request = Request("POST", query.url, headers, json.dumps({"query": query.text}).encode())
    look_s = min(query.limit_s + GRAPHQL_MARGIN_S, LONGEST_LOOK_S)
    answer, content = exchange(connections, request, query.ca, look_s)
    if answer.is_too_large:
        raise Unverified(
            f"{query.url} answers a query with more than 1 MiB, of which no more is read: {answer.said}."
        )
    return _graphql(answer, content, connections.secrets.short)


def _graphql(answer: HttpAnswer, content: bytes, short: Callable[[str, int], str]) -> GraphqlAnswer:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return GraphqlAnswer(http=answer)
    if not isinstance(parsed, dict):
        return GraphqlAnswer(http=answer)
    data, errors = parsed.get("data"), parsed.get("errors")
    listed = errors if isinstance(errors, list) else []
    messages = [error.get("message", error) if isinstance(error, dict) else error for error in listed]
    return GraphqlAnswer(
        http=answer,
        data=data if isinstance(data, dict) else None,
        errors=tuple(short(str(message), 200) for message in messages),
    )
