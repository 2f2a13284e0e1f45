"""Asks services and pods over HTTP: through the API server's proxy, or directly from inside the cluster."""

from __future__ import annotations

import time
from typing import Final

from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.kubernetes.answers import Absent, Answer, answer_of, refuse, retry_after
from postflight.probes.kubernetes.client import CALL_LIMIT_S, Call, Resource
from postflight.probes.kubernetes.exchange import Exchange, NoAnswerError
from postflight.probes.reads import reads
from postflight.probes.tcp import Trouble

_NOT_FOUND: Final = 404
_THROTTLED: Final = 429
_ATTEMPTS: Final = 3
_SHOWN: Final = 2000
_READ: Final = 65536
_WITHIN_S: Final = 12.0
_EVERY_STATUS: Final = range(100, 600)
_SERVERS_OWN: Final = ("no endpoints available", "error trying to reach service", "no service port",
                       "address not allowed", "no Endpoints")  # fmt: skip


class HealthAnswer(Evidence):
    """What a service or pod answered over HTTP; `problem` where it did not, and then `status` is None.

    `seconds` is the time from the request to the end of the answer. `through`: `proxy` or `direct`.
    """

    asked: str
    through: str
    status: int | None = None
    seconds: float = 0.0
    body: str = ""
    problem: str | None = None

    @property
    def words(self) -> str:
        """What came back, for messages."""
        return self.problem or f"status {self.status}: {' '.join(self.body[:120].split()) or 'an empty body'}"


@reads("get services/proxy", "get /version")
def service_answer(
    connections: Connections, namespace: str, service: str, port: int | str, path: str
) -> HealthAnswer:
    """GET a path of a service through the API server's proxy."""
    return _through_proxy(connections, "services", namespace, f"{service}:{port}", path)


@reads("get pods/proxy", "get /version")
def pod_answer(connections: Connections, namespace: str, pod: str, path: str) -> HealthAnswer:
    """GET a path of a pod, at its first declared port, through the API server's proxy."""
    return _through_proxy(connections, "pods", namespace, pod, path)


@reads("http", "dns")
def direct_answer(
    connections: Connections, namespace: str, service: str, port: int, path: str
) -> HealthAnswer:
    """GET a path of a service by its name in the cluster, from inside it.

    The name is asked for in full, with `cluster.local` as the cluster's domain (that of EKS is no other):
    a declared `resolver` has no search domains that would complete a shorter one.
    """
    from postflight.probes.http import Request
    from postflight.probes.http_client import send

    host = f"{service}.{namespace}.svc.cluster.local"
    asked = f"http://{host}:{port}{path}"
    deadline = Deadline.after(_WITHIN_S)
    connections.calls.count("http")
    # The dot ends the name for the resolver; servers know their name without it.
    request = Request("GET", f"http://{host}.:{port}{path}", {"Host": f"{host}:{port}"})
    try:
        received = send(connections, request, None, deadline)
    except Trouble as trouble:
        return HealthAnswer(asked=asked, through="direct", problem=str(trouble))
    return HealthAnswer(
        asked=asked,
        through="direct",
        status=received.status,
        seconds=round(deadline.elapsed_s, 4),
        body=connections.secrets.short(received.content.decode(errors="replace"), _SHOWN),
    )


def _through_proxy(
    connections: Connections, plural: str, namespace: str, name: str, path: str
) -> HealthAnswer:
    asked = f"{path} of {namespace}/{name}"
    url = f"{Resource(plural).path(namespace, name, 'proxy')}{path}"
    call = Call(f"get {plural}/proxy", f" in {namespace}", url)
    began = time.monotonic()
    kubernetes = connections.kubernetes
    try:
        answer, whole = _passed_on(connections, call, asked)
    except Unverified as error:
        slow = error.__cause__
        if not isinstance(slow, NoAnswerError) or not slow.is_slow or not kubernetes.is_answering(began):
            raise
        # The API server answers: it waits for the service as long as the service makes it wait.
        problem = f"no answer from {name} through the API server ({call.need}): it {slow}"
        return HealthAnswer(asked=asked, through="proxy", problem=problem)
    own = whole.own_status
    if own is None:
        return answer
    message = str(own.get("message", ""))
    if not any(words in message for words in _SERVERS_OWN) and whole.status != _NOT_FOUND:
        refuse(kubernetes.title, call.need, whole)
    return answer.model_copy(update={"status": None, "body": "", "problem": message})


def _passed_on(connections: Connections, call: Call, asked: str) -> tuple[HealthAnswer, Answer]:
    """Return what came through the API server. Raises Unverified for what did not.

    The API server's own 429 is asked again like that of any other call; a service's 429 is its answer.
    """
    kubernetes = connections.kubernetes
    until = time.monotonic() + CALL_LIMIT_S
    for attempt in range(1, _ATTEMPTS + 1):
        left = max(until - time.monotonic(), 0.1)
        try:
            with kubernetes.open(call, accepted=_EVERY_STATUS, within_s=left) as exchange:
                answer, whole = _answer(connections, exchange, asked)
        except Absent as error:
            raise Unverified(f"{kubernetes.title} answers {call.need} without Audit-Id: {error}.") from None
        if whole.status != _THROTTLED or whole.own_status is None or attempt == _ATTEMPTS:
            break
        pause = retry_after(exchange, until)
        if pause is None:
            break
        time.sleep(pause)
    return answer, whole


def _answer(connections: Connections, exchange: Exchange, asked: str) -> tuple[HealthAnswer, Answer]:
    whole = answer_of(exchange, _READ)
    answer = HealthAnswer(
        asked=asked,
        through="proxy",
        status=whole.status,
        seconds=round(exchange.seconds, 4),
        body=connections.secrets.short(whole.body.decode(errors="replace"), _SHOWN),
    )
    return answer, whole
