"""The Kubernetes API, read-only: raw JSON, every call declared, counted and bounded in time."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import threading
import time
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from postflight.environment import SecretKey
from postflight.evidence import Unverified
from postflight.long_lists import ListReader, NotAListError
from postflight.probes.kubernetes.access import Access
from postflight.probes.kubernetes.reading import mapping
from postflight.probes.kubernetes.refusals import Absent, refuse, retry_after, status_message
from postflight.probes.kubernetes.transport import Exchange, NoAnswerError, Target, Transport
from postflight.probes.kubernetes.ways import access
from postflight.probes.kubernetes.withheld import remember
from postflight.probes.reads import require_declared

if TYPE_CHECKING:
    from postflight.probes.connections import Connections

PAGE: Final = 500
CALL_LIMIT_S: Final = 15.0
_ATTEMPTS: Final = 3
_OK: Final = 200
_ONE_MOMENT_S: Final = 2.0
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


class Kubernetes:
    """The Kubernetes API of the environment's cluster. Safe to use from any thread."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._opening = threading.Lock()
        self._opened: tuple[Access, Transport] | None = None
        self._refused: Unverified | None = None
        self._refused_until = 0.0
        self._secrets: dict[tuple[str, str], _Secret] = {}
        self._secrets_lock = threading.Lock()

    def access(self) -> Access:
        """Return how the API is reached. Raises Unverified."""
        return self._open()[0]

    def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return one object, None where it is absent. Raises Unverified."""
        call = Call(f"get {resource.word}", _where(namespace), resource.path(namespace, name))
        return self.json(call)

    def json(self, call: Call) -> dict[str, Any] | None:
        """Return the JSON object at a path, None where it is absent. Raises Unverified."""
        try:
            with self.open(call) as exchange:
                answer = json.loads(exchange.body(64 << 20))
        except Absent:
            return None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._unverified(f"answers {call.need} with something that is not JSON")
        return answer

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
        while True:
            # Version 0 is answered from the server's cache, cheaply; a later page may not name a version.
            asked = {**(query or {}), **(first if page is None else {"limit": str(PAGE), "continue": page})}
            path = f"{resource.path(namespace)}?{urlencode(asked)}"
            call = Call(f"list {resource.word}", _where(namespace), path)
            try:
                with self.open(call) as exchange:
                    reader = ListReader(exchange.chunks())
                    yield from reader.items()
            except NotAListError:
                raise self._unverified(f"answers {call.need} with something that is not a list") from None
            except Absent:
                if may_be_absent:
                    raise
                raise self._unverified(f"serves no {resource.word} ({resource.group_version})") from None
            page = mapping(reader.beside, "metadata").get("continue") or None
            if page is None:
                return

    def text(self, call: Call, limit: int, *, absent: Collection[int] = (404,)) -> str | None:
        """Return the text at a path (a log), None for a status that says it is absent. Raises Unverified."""
        with self.open(call, accepted=(_OK, *absent)) as exchange:
            body = exchange.body(limit).decode(errors="replace")
            return body if exchange.status == _OK else None

    @contextlib.contextmanager
    def open(self, call: Call, *, accepted: Container[int] = (_OK,)) -> Iterator[Exchange]:
        """Send a GET and give its exchange, once its status is one of `accepted`.

        Raises Unverified, and Absent for a 404.
        """
        require_declared(call.permission)
        reached, transport = self._open()
        until = time.monotonic() + CALL_LIMIT_S
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                headers = self._headers(reached)
                self._connections.calls.count("kubernetes", call.permission)
                left = max(until - time.monotonic(), 0.1)
                path = reached.path_prefix + call.path
                with transport.exchange("GET", path, headers, left) as exchange:
                    if exchange.status in accepted:
                        yield exchange
                        return
                    pause = retry_after(exchange, until) if attempt < _ATTEMPTS else None
                    if pause is None:
                        refuse(self.title, call.need, exchange.status, status_message(exchange.body()))
                time.sleep(pause)
        except NoAnswerError as error:
            raise self._unverified(f"{error} (asked to {call.need})") from error

    def way(self, permission: str) -> tuple[Target, dict[str, str]]:
        """Return where to connect, and with which headers, for a protocol that begins as HTTP does.

        Counts the call. Raises Unverified.
        """
        require_declared(permission)
        reached = self.access()
        self._connections.calls.count("kubernetes", permission)
        return reached.target(reached.credential()), self._headers(reached)

    def secret_value(self, source: SecretKey) -> str:
        """Return one value of a Secret. Raises Unverified where it is not there."""
        values = self.read_secret(source.namespace or "", source.secret)
        if values is None:
            raise Unverified(
                f"There is no Secret {source.namespace}/{source.secret}, so no login can be tried."
            )
        if source.key not in values:
            keys = ", ".join(sorted(values)) or "no key"
            raise Unverified(
                f"Secret {source.namespace}/{source.secret} has no key {source.key}; it has {keys}."
            )
        return values[source.key]

    def read_secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return a Secret's values, which never leave memory; None where it is absent. Raises Unverified."""
        require_declared("get secrets")
        with self._secrets_lock:
            kept = self._secrets.setdefault((namespace, name), _Secret())
        with kept.lock:
            if time.monotonic() - kept.read_at > _ONE_MOMENT_S:
                kept.values = self._secret(namespace, name)
                kept.read_at = time.monotonic()
            return kept.values

    def _secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        found = self.get(Resource("secrets"), namespace, name)
        if found is None:
            return None
        values: dict[str, str] = {}
        for key, data in mapping(found, "data").items():
            encoded = str(data)
            try:
                values[key] = base64.b64decode(encoded).decode()
            except (binascii.Error, UnicodeDecodeError):
                values[key] = encoded  # binary: its base64 form is as good a secret as any
            source = SecretKey(secret=name, key=key, namespace=namespace)
            remember(self._connections, source, values[key], encoded)
        return values

    def _headers(self, reached: Access) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "postflight"}
        credential = reached.credential()
        return {**headers, "Authorization": credential.header} if credential.header else headers

    def _open(self) -> tuple[Access, Transport]:
        with self._opening:
            if self._refused is not None and time.monotonic() < self._refused_until:
                raise Unverified(str(self._refused), self._refused.permission)
            if self._opened is None:
                try:
                    reached = access(self._connections)
                    self._opened = reached, Transport(reached.target(reached.credential()))
                except Unverified as error:
                    # Threads that wait for the way in need not each find out that there is none.
                    self._refused, self._refused_until = error, time.monotonic() + _REFUSED_FOR_S
                    raise
            return self._opened

    @property
    def title(self) -> str:
        """Who answers, in messages: `The Kubernetes API of context prod (https://…)`."""
        reached = self.access()
        return f"The Kubernetes API of {reached.label} ({reached.server})"

    def _unverified(self, what: str) -> Unverified:
        return Unverified(f"{self.title} {what}.")


class _Secret:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: Mapping[str, str] | None = None
        self.read_at = float("-inf")


def _where(namespace: str | None) -> str:
    return f" in {namespace}" if namespace else ""
