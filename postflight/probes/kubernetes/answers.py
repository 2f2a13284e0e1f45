"""Whether what came back is an answer of the Kubernetes API, and what its refusals mean."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from postflight.evidence import Unverified
from postflight.long_lists import ListReader, NotAListError
from postflight.probes.kubernetes.exchange import Exchange
from postflight.probes.kubernetes.reading import mapping
from postflight.redaction import cut_short, masked

_WORTH_A_RETRY: Final = frozenset({429, 500, 502, 503, 504})
_FIRST_ERROR: Final = 500
_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 5.0
_SHOWN: Final = 120
_OF_AN_API_SERVER: Final = ("audit-id", "x-kubernetes-pf-flowschema-uid")
_UNKNOWN_PATH: Final = b"404 page not found"


class Absent(Exception):  # noqa: N818 - an answer, not an error
    """404: there is no such object, or no such kind of object."""


class NotTheAnswerError(Exception):
    """What came back is not what was asked for. The text says who answered, and how it begins."""


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (names in lower case) and the first bytes of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def own_status(self) -> Mapping[str, Any] | None:
        """The `Status` object with which the Kubernetes API refuses; None for whatever is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        is_status = (
            isinstance(found, dict) and found.get("kind") == "Status" and found.get("apiVersion") == "v1"
        )
        return found if is_status else None

    @property
    def words(self) -> str:
        """Who answered, and how the answer begins."""
        kind = self.headers.get("content-type", "").partition(";")[0] or "no content type"
        server = self.headers.get("server")
        begins = " ".join(self.body[:1024].decode(errors="replace").split())
        shown = f"it begins with {cut_short(masked(begins), _SHOWN)!r}" if begins else "it is empty"
        return f"status {self.status}, {kind}{f' from {masked(server)}' if server else ''}; {shown}"

    @property
    def is_json(self) -> bool:
        """Whether the content type, where there is one, says JSON."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind in {"", "application/json"} or kind.endswith("+json")


class _Beginning:
    """Passes the chunks of a body on, and keeps how it begins."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._begins = b""

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives."""
        for chunk in self._exchange.chunks():
            if len(self._begins) < _SHOWN:
                self._begins += chunk[:_SHOWN]
            yield chunk

    @property
    def answer(self) -> Answer:
        """What is known of the answer so far."""
        return Answer(self._exchange.status, self._exchange.headers, self._begins)


def answer_of(exchange: Exchange, limit: int = 1 << 20) -> Answer:
    """Return an answer with its body, but no more than `limit` bytes of it."""
    return Answer(exchange.status, exchange.headers, exchange.body(limit))


def retry_after(exchange: Exchange, until: float) -> float | None:
    """Return the seconds to wait before the next try; None where there should be none."""
    if exchange.status not in _WORTH_A_RETRY:
        return None
    named = exchange.headers.get("retry-after", "")
    pause = float(named) if named.isascii() and named.isdigit() else _PAUSE_S
    if pause > _LONGEST_PAUSE_S or time.monotonic() + pause >= until:
        return None
    return pause


def is_marked(headers: Mapping[str, str]) -> bool:
    """Whether headers (names in lower case) bear the mark of a Kubernetes API server.

    kube-apiserver sets `Audit-Id` before it handles a request, and so on what it passes on from a service or
    a pod as well (k8s.io/apiserver, endpoints/filters/audit_init.go: WithAuditInit). EKS runs that
    server, so it sends the header too. The flow schema's header is on what priority and fairness
    classifies, which is no proxied request. A sign-in page, a load balancer and other Go
    servers send neither.
    """
    return any(name in headers for name in _OF_AN_API_SERVER)


def refuse(title: str, need: str, answer: Answer) -> NoReturn:
    """Raise Absent where the Kubernetes API says that something is absent, else Unverified.

    `title` says who was asked. Only a `Status` speaks for the API: a proxy's 404 is no absence, and its 403
    no missing permission.
    """
    own = answer.own_status
    if own is None and answer.status == 404 and _is_unknown_path(answer):  # noqa: PLR2004
        raise Absent("the server serves no such path")
    if own is None and answer.status != 429 and answer.status < _FIRST_ERROR:  # noqa: PLR2004
        raise Unverified(f"{title} was asked to {need}, and what answered is not it: {answer.words}.")
    message = answer.words if own is None else cut_short(masked(str(own.get("message", ""))), 300)
    match answer.status:
        case 404 if own is not None and own.get("reason") == "NotFound":
            raise Absent(message)
        case 401:
            raise Unverified(f"{title} does not accept our credentials (401 {message}); renew them.")
        case 403:
            raise Unverified(f"{title} does not let us {need}: {message}", permission=need)
        case 429:
            raise Unverified(f"{title} has throttled us out (429) when asked to {need}: {message}")
        case status if status >= _FIRST_ERROR:
            raise Unverified(f"{title} fails with status {status} when asked to {need}: {message}")
        case status:
            raise Unverified(f"{title} answers {need} with the unexpected status {status}: {message}")


def _is_unknown_path(answer: Answer) -> bool:
    # Other Go servers answer an unknown path with the same words.
    return answer.body.strip() == _UNKNOWN_PATH and is_marked(answer.headers)


def items_of(exchange: Exchange, plural: str, group_version: str) -> Generator[Any, None, str | None]:
    """Yield the objects of one page of a list, and return the token of the next one.

    Raises NotTheAnswerError, at the latest after the last object.
    """
    body = _Beginning(exchange)
    reader = ListReader(body.chunks())
    try:
        for item in reader.items():
            # The API names kind and version before the items; what is not theirs is not read.
            named = {"apiVersion": group_version, **reader.beside}
            is_other = "kind" in named and not _is_list(named, plural, group_version)
            if is_other or not is_object(item, plural, group_version):
                raise NotTheAnswerError(body.answer.words)
            yield item
    except NotAListError:
        raise NotTheAnswerError(body.answer.words) from None
    token = mapping(reader.beside, "metadata").get("continue") or None
    is_token = token is None or isinstance(token, str)
    if not (_is_list(reader.beside, plural, group_version) and body.answer.is_json and is_token):
        raise NotTheAnswerError(body.answer.words)
    return token


def _is_kind(kind: Any, plural: str) -> bool:
    """Whether `plural` is what a resource of this kind is called: `Ingress`, `ingresses`.

    Source: k8s.io/apimachinery, meta.UnsafeGuessKindToResource.
    """
    if not isinstance(kind, str) or not kind:
        return False
    singular = kind.lower()
    if singular == "endpoints":
        return plural == singular
    if singular.endswith("s"):
        return plural == f"{singular}es"
    return plural == (f"{singular[:-1]}ies" if singular.endswith("y") else f"{singular}s")


def _is_list(beside: Mapping[str, Any], plural: str, group_version: str) -> bool:
    """Whether these are the kind and version of a list of such objects: `PodList`, `v1`."""
    kind = beside.get("kind")
    is_named = isinstance(kind, str) and kind.endswith("List") and _is_kind(kind.removesuffix("List"), plural)
    return is_named and beside.get("apiVersion") == group_version


def is_object(item: Any, plural: str, group_version: str) -> bool:
    """Whether this is an object of such a kind; within a list it need not say its kind."""
    if not isinstance(item, dict) or not isinstance(item.get("metadata"), dict):
        return False
    if not isinstance(item["metadata"].get("name"), str) or not item["metadata"]["name"]:
        return False
    kind = item.get("kind")
    return (kind is None or _is_kind(kind, plural)) and item.get("apiVersion") in {None, group_version}
