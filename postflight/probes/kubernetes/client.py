"""The Kubernetes API, read-only: raw JSON, every call declared, counted and bounded in time."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Collection, Container, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from postflight.environment import SecretKey
from postflight.evidence import Unverified
from postflight.probes.circuit import Circuit
from postflight.probes.kubernetes.access import Access, Session, opened
from postflight.probes.kubernetes.answers import (
    Absent,
    NotTheAnswerError,
    answer_of,
    is_marked,
    is_object,
    items_of,
    refuse,
    retry_after,
)
from postflight.probes.kubernetes.exchange import Exchange, NoAnswerError
from postflight.probes.kubernetes.reading import text
from postflight.probes.kubernetes.secret_values import SecretValues
from postflight.probes.kubernetes.ways import access
from postflight.probes.reads import require_declared

if TYPE_CHECKING:
    from postflight.probes.connections import Connections

PAGE: Final = 500
CALL_LIMIT_S: Final = 15.0
LIST_LIMIT_S: Final = 20.0
_VERSION_LIMIT_S: Final = 3.0
_ATTEMPTS: Final = 3
_OK: Final = 200
_REFUSED_FOR_S: Final = 10.0


@dataclass(frozen=True)
class Resource:
    """A kind of object: `Resource("deployments", "apps/v1")`; the core group is `v1`."""

    plural: str
    group_version: str = "v1"

    @property
    def word(self) -> str:
        """Its name in permissions: `pods`, `deployments.apps`."""
        group, found, _ = self.group_version.partition("/")
        return f"{self.plural}.{group}" if found else self.plural

    def path(self, namespace: str | None, *rest: str) -> str:
        """Return the URL path of the collection, or of an object or sub-resource in it."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        place = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        tail = "".join(f"/{quote(step, safe=':')}" for step in rest)
        return f"{root}{self.group_version}{place}/{self.plural}{tail}"


@dataclass(frozen=True)
class Call:
    """One read: the permission it needs (`list pods`), where (`in saleor`), and its path with query."""

    permission: str
    where: str
    path: str

    @property
    def need(self) -> str:
        """The permission in words: `list pods in saleor`."""
        return f"{self.permission}{self.where}"

    @property
    def is_proxied(self) -> bool:
        """Whether the API server passes the answer of something else on."""
        return self.permission.endswith("/proxy")


class Kubernetes:
    """The Kubernetes API of the environment's cluster. Safe to use from any thread."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._opening = threading.Lock()
        self._access: Access | None = None
        self._session: Session | None = None
        self._refused: Unverified | None = None
        self._refused_until = 0.0
        self._circuit = Circuit()
        self._asking_whether_it_answers = threading.Lock()
        self._secrets = SecretValues(connections, lambda *name: self.get(Resource("secrets"), *name))

    def session(self) -> Session:
        """Return the client, logged in. Raises Unverified."""
        with self._opening:
            if self._session is not None and time.monotonic() < self._session.ends:
                return self._session
            if self._refused is not None and time.monotonic() < self._refused_until:
                raise Unverified(str(self._refused), self._refused.permission)
            try:
                if self._access is None:
                    self._access = access(self._connections)
                self._session = opened(self._access, self._connections.process, self._connections.secrets)
            except Unverified as error:
                # Threads that wait for the way in need not each find out that there is none.
                self._refused, self._refused_until = error, time.monotonic() + _REFUSED_FOR_S
                raise
            return self._session

    @property
    def title(self) -> str:
        """Who is asked, in messages: `The Kubernetes API of context prod (https://…)`."""
        return self.session().access.title

    def version(self, within_s: float = CALL_LIMIT_S) -> str:
        """Return the API server's version. Raises Unverified."""
        call = Call("get /version", "", "/version")
        try:
            with self.open(call, within_s=within_s) as exchange:
                answer = answer_of(exchange)
        except Absent:
            raise Unverified(f"{self.title} has no /version, so it is not a Kubernetes API.") from None
        found = _parsed(answer.body)
        if not text(found, "gitVersion") or not answer.is_json:
            raise self._not_it(call, "the version of a Kubernetes API", answer.words)
        return text(found, "gitVersion")

    def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return one object, None where it is absent. Raises Unverified."""
        call = Call(f"get {resource.word}", _where(namespace), resource.path(namespace, name))
        try:
            with self.open(call) as exchange:
                answer = answer_of(exchange, 64 << 20)
        except Absent:
            return None
        found = _parsed(answer.body)
        is_it = is_object(found, resource.plural, resource.group_version) and "kind" in found
        is_it = is_it and answer.is_json and found["metadata"]["name"] == name
        if not is_it:
            raise self._not_it(call, f"the object {name}", answer.words)
        return dict(found)

    def list(
        self,
        resource: Resource,
        namespace: str | None,
        query: Mapping[str, str] | None = None,
        *,
        may_be_absent: bool = False,
    ) -> Iterator[Any]:
        """Yield all objects of a collection, page by page.

        Raises Unverified; where the server knows no such kind and it `may_be_absent`, Absent.
        """
        first = {"limit": str(PAGE), "resourceVersion": "0"}
        page: str | None = None
        pages: set[str] = set()
        until = time.monotonic() + LIST_LIMIT_S
        while True:
            # Version 0 is answered from the server's cache, cheaply; a later page may not name a version.
            asked = {**(query or {}), **(first if page is None else {"limit": str(PAGE), "continue": page})}
            path = f"{resource.path(namespace)}?{urlencode(asked)}"
            call = Call(f"list {resource.word}", _where(namespace), path)
            try:
                page = yield from self._page(call, resource)
            except Absent:
                if may_be_absent:
                    raise
                raise self._unverified(f"serves no {resource.word} ({resource.group_version})") from None
            if page is None:
                return
            if page in pages or time.monotonic() > until:
                lack = (
                    "names the same next page twice"
                    if page in pages
                    else f"did not end in {LIST_LIMIT_S:g} s"
                )
                raise self._unverified(f"answers {call.need} with a list that {lack}")
            pages.add(page)

    def _page(self, call: Call, resource: Resource) -> Generator[Any, None, str | None]:
        """Yield the objects of one page, and return the token of the next one."""
        with self.open(call) as exchange:
            try:
                return (yield from items_of(exchange, resource.plural, resource.group_version))
            except NotTheAnswerError as other:
                what = f"a list of {resource.plural}"
                raise self._not_it(call, what, str(other)) from None

    def text(self, call: Call, limit: int, *, absent: Collection[int] = (404,)) -> str | None:
        """Return the text at a path (a log), None for a status that says it is absent. Raises Unverified."""
        with self.open(call, accepted=(_OK, *absent)) as exchange:
            answer = answer_of(exchange, limit)
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        own = answer.own_status
        if answer.status != _OK and own is not None and own.get("reason") in {"NotFound", "BadRequest"}:
            return None
        if answer.status != _OK or kind != "text/plain":
            raise self._not_it(call, "a text", answer.words)
        return answer.body.decode(errors="replace")

    @contextlib.contextmanager
    def open(
        self, call: Call, *, accepted: Container[int] = (_OK,), within_s: float = CALL_LIMIT_S
    ) -> Iterator[Exchange]:
        """Send a GET and give its exchange, once its status is one of `accepted`.

        A proxied answer must bear an API server's mark as well: without it, no service has said anything.
        Raises Unverified, and Absent where the API says so.
        """
        require_declared(call.permission)
        session = self.session()
        began = self._circuit.begin()
        until = time.monotonic() + within_s
        is_passed_on = True
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                headers = session.headers(Accept="application/json")
                self._connections.calls.count("kubernetes", call.permission)
                left = max(until - time.monotonic(), 0.1)
                with session.transport.exchange(call.path, headers, left) as exchange:
                    self._circuit.answered()
                    is_passed_on = not call.is_proxied or is_marked(exchange.headers)
                    if exchange.status in accepted and is_passed_on:
                        yield exchange
                        return
                    pause = retry_after(exchange, until) if attempt < _ATTEMPTS else None
                    if pause is None:
                        refuse(session.access.title, call.need, answer_of(exchange))
                time.sleep(pause)
        except NoAnswerError as error:
            verdict = self._unverified(f"{error} (asked to {call.need})")
            if error.is_silent and not call.is_proxied:
                self._circuit.silent(began, verdict)
            # A cause that is slow says that a service is; what bears no mark is no service's answer.
            raise verdict from (error if is_passed_on else None)

    def is_answering(self, since: float) -> bool:
        """Return True where the API itself has answered since then, or does now. Raises Unverified."""
        with self._asking_whether_it_answers:
            if not self._circuit.has_answered(since):
                self.version(_VERSION_LIMIT_S)
            return True

    @contextlib.contextmanager
    def connected(self, permission: str, within_s: float) -> Iterator[tuple[Session, socket.socket]]:
        """Give a connected socket for a protocol that begins as HTTP does; count the call.

        Raises Unverified, and NoAnswerError for what goes wrong on the socket.
        """
        require_declared(permission)
        session = self.session()
        self._circuit.begin()
        self._connections.calls.count("kubernetes", permission)
        with session.transport.connected(within_s) as stream:
            yield session, stream

    def secret_value(self, source: SecretKey) -> str:
        """Return one value of a Secret. Raises Unverified where it is not there."""
        return self._secrets.value(source)

    def read_secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return a Secret's values, which never leave memory; None where it is absent. Raises Unverified."""
        require_declared("get secrets")
        return self._secrets.read(namespace, name)

    def _unverified(self, what: str) -> Unverified:
        return Unverified(f"{self.title} {what}.")

    def _not_it(self, call: Call, what: str, answered: str) -> Unverified:
        answered = self._connections.secrets.redact(answered)
        return self._unverified(f"answers {call.need} with something that is not {what}: {answered}")


def _where(namespace: str | None) -> str:
    return f" in {namespace}" if namespace else ""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
