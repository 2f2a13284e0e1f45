"""What comes back is an answer of the Kubernetes API, or unverified: every operation, every odd answer."""

from __future__ import annotations

import inspect
import json
import pkgutil
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

import postflight.probes.kubernetes as package
from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import proxy
from postflight.probes.kubernetes.pods import pods
from postflight.probes.reads import Probe, declared_probes
from selftests.kubernetes_runs import kubeconfig, look, run
from selftests.proofs.harness import Sandbox
from selftests.rude_servers import Behaviour, Street, street

Operation = tuple[str, Mapping[str, Any]]

_BEGINS = "<html><body>Sign in to Corporate Proxy</body></html>"
_POD = {"metadata": {"name": "cart", "namespace": "shop"}}
_STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "code": 403}


def _http(status: str, kind: str, body: str | bytes, *headers: str, length: int | None = None) -> bytes:
    data = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data) if length is None else length}", *headers]
    return "\r\n".join([*lines, f"Content-Type: {kind}", "Connection: close", "", ""]).encode() + data


def _json(value: Any, status: str = "200 OK", **more: Any) -> bytes:
    return _http(status, "application/json", json.dumps(value), **more)


def _list(**changes: Any) -> bytes:
    return _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [], **changes})


# Sent to every request, whatever is asked.
ODD: Final[Mapping[str, bytes]] = {
    "HTML with 200": _http("200 OK", "text/html", _BEGINS, "Server: proxy/1"),
    "HTML with 401": _http("401 Unauthorized", "text/html", _BEGINS),
    "HTML with 403": _http("403 Forbidden", "text/html", _BEGINS),
    "HTML with 404": _http("404 Not Found", "text/html", _BEGINS),
    "HTML with 502": _http("502 Bad Gateway", "text/html", _BEGINS),
    "another Go server's 404": _http("404 Not Found", "text/plain", "404 page not found\n"),
    "Rancher's 404": _json({"type": "error", "status": "404", "code": "NotFound"}, "404 Not Found"),
    "a Status with 404 of another reason": _json({**_STATUS, "reason": "Expired"}, "404 Not Found"),
    "a redirect": _http("302 Found", "text/html", "", "Location: http://127.0.0.1:1/login"),
    "no content": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "nothing": _http("200 OK", "application/json", ""),
    "{}": _json({}),
    "[]": _json([]),
    "null": _json(None),
    "a text": _json("ok"),
    "a number": _json(5),
    "deep nesting": _http("200 OK", "application/json", "[" * 100_000),
    "other bytes": _http("200 OK", "application/json", b"\x00\xff\xfe{"),
    "a body cut short": _http("200 OK", "application/json", '{"kind": "PodList", "ite', length=5000),
    "a body cut short without its length": b'HTTP/1.0 200 OK\r\n\r\n{"kind": "PodList", "items": [{"met',
    "chunks cut short": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"kind": "Pod',
    "gzip that is none": _http("200 OK", "application/json", "{}", "Content-Encoding: gzip"),
    "another kind": _json({"kind": "LeaseList", "apiVersion": "coordination.k8s.io/v1", "items": []}),
    "another kind, with items": _json({"kind": "LeaseList", "apiVersion": "v1", "items": [_POD]}),
    "a list of another version": _list(apiVersion="v9"),
    "a list without a kind": _json({"items": [], "metadata": {}}),
    "items that are a mapping": _list(items={"a": _POD}),
    "items that are no objects": _list(items=[1, "a", None]),
    "items without metadata": _list(items=[{"spec": {}}]),
    "items without a name": _list(items=[{"metadata": {"name": None}}]),
    "a list without items": _json({"kind": "PodList", "apiVersion": "v1", "metadata": {}}),
    "a list as HTML": _http("200 OK", "text/html", '{"kind":"PodList","apiVersion":"v1","items":[]}'),
    "a next page that is no text": _list(metadata={"continue": {"a": 1}}),
    "the same next page again and again": _list(metadata={"continue": "again"}),
    "a Status with 200": _json({**_STATUS, "reason": "NotFound"}),
    "a refusal": _json({**_STATUS, "reason": "Forbidden"}, "403 Forbidden"),
    "throttled": _http("429 Too Many Requests", "text/plain", "later", "Retry-After: 60"),
    "not HTTP": b"220 mail.example ESMTP\r\n",
    "only a status line": b"HTTP/1.1 200 OK\r\n",
}


def _made_up(probe: Probe[..., Any]) -> dict[str, Any]:
    """Return arguments for a probe that a healthy run does not need."""
    parameters = list(inspect.signature(probe.function).parameters.values())[1:]
    kinds = {"int": 80, "bool": False, "Collection[str]": (), "tuple[str, ...]": ()}
    return {one.name: kinds.get(str(one.annotation), "x") for one in parameters}


@pytest.fixture(scope="module")
def operations(sandbox: Sandbox) -> list[Operation]:
    """Return what a healthy run asks, each probe once, and what is asked only in trouble."""
    folder = next(sandbox.run_suite("-q").folder.glob("**/evidence"))
    asked: dict[str, Mapping[str, Any]] = {}
    for file in sorted(folder.glob("kubernetes.*.json")):
        kept = json.loads(file.read_text(encoding="utf-8"))
        asked.setdefault(kept["probe"], kept["arguments"])
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    for name, probe in declared_probes().items():
        if name.startswith("kubernetes.") and probe.reads and "http" not in probe.reads:
            asked.setdefault(name, _made_up(probe))
    return sorted(asked.items())


@pytest.fixture
def town() -> Iterator[Street]:
    """Give a place for servers that do not play their part."""
    with street() as opened:
        yield opened


def answering(words: bytes) -> Behaviour:
    """Return a server that says this to every request, and hangs up."""

    def behave(guest: socket.socket) -> None:
        guest.recv(65536)
        guest.sendall(words)

    return behave


def at(port: int, folder: Path) -> Connections:
    """Return the connections of a run whose API is at this port."""
    folder.mkdir(exist_ok=True)
    return run(kubeconfig(folder, f"http://127.0.0.1:{port}", None, {"token": "a-token-of-the-test"}))


def verdict(operation: Operation, connections: Connections) -> str:
    """Take one look, and return what became of it."""
    name, arguments = operation
    began = time.monotonic()
    try:
        seen = look(declared_probes()[name], connections, **arguments)
    except Unverified as error:
        words = str(error)
        is_told = "\n" not in words and "Traceback" not in words and "a-token" not in words
        kind = "unverified" if is_told else f"told badly: {words}"
    except Exception as error:  # noqa: BLE001 - what must not be
        kind = f"traceback {type(error).__name__}: {error}"
    else:
        assert isinstance(seen, Evidence)
        kind = "green"
    may_take_s = min(declared_probes()[name].deadline_s, 30.0)
    return kind if time.monotonic() - began < may_take_s else f"hang: {kind}"


def _verdicts(operations: list[Operation], port: int, folder: Path) -> Iterator[tuple[Operation, str]]:
    """Take a look of each operation at the server there, all at once, each in a run of its own."""

    def ask(numbered: tuple[int, Operation]) -> str:
        number, operation = numbered
        return verdict(operation, at(port, folder / str(number)))

    with ThreadPoolExecutor(len(operations)) as threads:
        yield from zip(operations, threads.map(ask, enumerate(operations)), strict=True)


def test_every_odd_answer_to_every_operation_is_unverified(
    operations: list[Operation], town: Street, tmp_path: Path
) -> None:
    """No absence, no emptiness and no permission is read from what the Kubernetes API did not say."""
    wrong: list[str] = []
    counted: Counter[str] = Counter()
    for answer, words in ODD.items():
        port = town.house(answering(words))
        for operation, kind in _verdicts(operations, port, tmp_path):
            counted[re.split("[ :]", kind)[0]] += 1
            if kind != "unverified":
                wrong.append(f"{operation[0]} x {answer}: {kind}")
    print(
        f"{len(operations)} operations x {len(ODD)} answers: {counted['green']} green, "
        f"{counted['traceback']} tracebacks, {counted['hang']} hangs"
    )
    assert len(operations) >= 15
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("how", ["says nothing", "drips", "resets", "closes"])
def test_every_operation_ends_whatever_the_server_does(
    operations: list[Operation], town: Street, tmp_path: Path, how: str
) -> None:
    """Hung up, reset, dripped upon or kept waiting: each look ends in its time, as unverified."""
    drip = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n{"
    behaviours: dict[str, Behaviour] = {
        "says nothing": town.says_nothing,
        "resets": town.resets,
        "closes": town.closes,
        "drips": town.drips(drip),
    }
    port = town.house(behaviours[how])

    kinds = {operation[0]: kind for operation, kind in _verdicts(operations, port, tmp_path)}

    print(f"{len(operations)} operations x a server that {how}: {len(kinds)} ended")
    assert {name: kind for name, kind in kinds.items() if kind != "unverified"} == {}


@pytest.mark.parametrize("answer", ["HTML with 200", "HTML with 404", "HTML with 403", "another kind"])
def test_who_answered_and_how_it_begins_is_said(town: Street, tmp_path: Path, answer: str) -> None:
    """Nothing helps more than the first words of the page that came instead."""
    with pytest.raises(Unverified) as raised:
        look(pods, at(town.house(answering(ODD[answer])), tmp_path), "shop")
    assert raised.value.permission is None
    begins = "LeaseList" if answer == "another kind" else "Sign in to Corporate Proxy"
    assert begins in str(raised.value)
    assert "list pods in shop" in str(raised.value)


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "401 Unauthorized", "429 Slow", "502 Bad Gateway"])
def test_an_answer_through_the_api_server_is_the_services(town: Street, tmp_path: Path, status: str) -> None:
    """kube-apiserver marks what it passes on; the same page from what is before it says nothing."""
    marked = answering(_http(status, "text/html", _BEGINS, "Audit-Id: 7e6c", "Retry-After: 0"))
    arguments = ("shop", "cart", 80, "/health")
    seen = look(proxy.service_answer, at(town.house(marked), tmp_path), *arguments)
    assert (seen.status, seen.problem) == (int(status[:3]), None)

    bare = answering(_http(status, "text/html", _BEGINS, "Retry-After: 0"))
    with pytest.raises(Unverified, match="Sign in to Corporate Proxy"):
        look(proxy.service_answer, at(town.house(bare), tmp_path), *arguments)


@pytest.mark.parametrize("is_own", [True, False], ids=["the API server's", "the service's"])
def test_only_the_api_servers_own_throttling_is_waited_out(
    town: Street, tmp_path: Path, is_own: bool
) -> None:
    """A service that answers 429 once has answered 429."""
    marks = ("Audit-Id: 7e6c", "Retry-After: 0")
    body = json.dumps({**_STATUS, "code": 429, "reason": "TooManyRequests"}) if is_own else "slow down"
    answers = iter(
        [_http("429 Slow", "application/json", body, *marks), _http("200 OK", "text/plain", "ok", *marks)]
    )

    def behave(guest: socket.socket) -> None:
        guest.recv(65536)
        guest.sendall(next(answers))

    seen = look(proxy.service_answer, at(town.house(behave), tmp_path), "shop", "cart", 80, "/health")
    assert seen.status == (200 if is_own else 429)


@pytest.mark.parametrize(
    ("withheld", "exit_status"),
    [("* *", 6), ("get /version", 4)],
    ids=["after the first look", "from the start"],
)
def test_a_run_over_a_silent_api_ends_soon(sandbox: Sandbox, withheld: str, exit_status: int) -> None:
    """Accepted and never answered: waited for once, not once a service, and nothing is called failed."""
    sandbox.break_("answer-withheld", f"action={withheld}", "how=hang")
    began = time.monotonic()
    try:
        seen = sandbox.run_suite("-q")
    finally:
        sandbox.mend("answer-withheld")
    assert time.monotonic() - began < 60
    assert seen.exit_status == exit_status
    assert "did not answer in time" in " ".join(seen.output.split())
    assert seen.by_verdict("failed") == []
    if exit_status == 6:
        assert all("The Kubernetes API of context" in one["message"] for one in seen.by_verdict("unverified"))
        assert len(seen.by_verdict("unverified")) > 400
