from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
import requests
from kubernetes import client
from kubernetes.stream import stream

from sandbox.kube_api.server import Mode
from selftests.kube_api_server import Served, pod_manifest, serving
from selftests.serving import in_a_thread

_PODS: Final = "/api/v1/namespaces/shop/pods"
_MERGE: Final = "application/merge-patch+json"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the empty namespace `shop`."""
    with serving(tmp_path) as served:
        assert served.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}}).ok
        yield served


@pytest.fixture
def python_client(server: Served) -> Iterator[client.CoreV1Api]:
    """Give the official Python client, as probes use it."""
    configuration = client.Configuration(host=server.url, api_key={"authorization": "Bearer admin"})
    configuration.ssl_ca_cert = str(server.ca_file)
    with client.ApiClient(configuration) as api_client:
        yield client.CoreV1Api(api_client)
        api_client.rest_client.pool_manager.clear()


def _run_pod(server: Served, name: str, ip: str = "10.0.10.9") -> None:
    server.request("POST", _PODS, body=pod_manifest(name))
    state = {"name": "box", "ready": True, "state": {"running": {"startedAt": "2026-01-14T01:00:00Z"}}}
    status = {"phase": "Running", "podIP": ip, "containerStatuses": [state]}
    assert server.request("PATCH", f"{_PODS}/{name}/status", body={"status": status}, Content_Type=_MERGE).ok


def _watch_lines(server: Served, query: str, lines: list[dict[str, Any]]) -> threading.Thread:
    def read() -> None:
        answer = server.request("GET", f"{_PODS}?watch=true&timeoutSeconds=2&{query}")
        lines.extend(json.loads(line) for line in answer.text.splitlines())

    thread = threading.Thread(target=read)
    thread.start()
    time.sleep(0.3)
    return thread


def test_watch_tells_every_change_in_order(server: Served) -> None:
    """`kubectl wait` and informers see the world through this."""
    server.request("POST", _PODS, body=pod_manifest("old", labels={"app": "cart"}))
    events: list[dict[str, Any]] = []
    watching = _watch_lines(server, "labelSelector=app%3Dcart", events)
    server.request("POST", _PODS, body=pod_manifest("new", labels={"app": "cart"}))
    server.request("POST", _PODS, body=pod_manifest("other"))
    server.request("PATCH", f"{_PODS}/old", body={"metadata": {"labels": {"app": "no"}}}, Content_Type=_MERGE)
    server.request("DELETE", f"{_PODS}/new")
    watching.join()
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "old"),
        ("ADDED", "new"),
        ("DELETED", "old"),
        ("DELETED", "new"),
    ]


def test_watch_begins_where_a_list_ended(server: Served) -> None:
    """Between the list and the watch nothing may be lost."""
    version = server.request("GET", _PODS).json()["metadata"]["resourceVersion"]
    server.request("POST", _PODS, body=pod_manifest("between"))
    events: list[dict[str, Any]] = []
    _watch_lines(server, f"resourceVersion={version}", events).join()
    assert [event["object"]["metadata"]["name"] for event in events] == ["between"]


def test_a_waiting_controller_wakes_at_a_change(server: Served) -> None:
    """Reconcilers sleep until something changes, and not longer."""
    version = server.api.store.version
    seen: list[int] = []

    def wait() -> None:
        seen.append(server.call(server.api.store.wait_change(version, 10)))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)
    server.request("POST", _PODS, body=pod_manifest("cart"))
    waiting.join(timeout=2)
    assert seen == [version + 1]
    assert server.call(server.api.store.wait_change(version + 1, 0.05)) == version + 1


def test_a_denied_request_is_refused_to_all_but_admins(server: Served) -> None:
    """The fault access-denied takes one permission away from the suite's user."""
    assert server.request("GET", _PODS, user="viewer").ok
    server.api.denied.add(("list", "pods"))
    refused = server.request("GET", _PODS, user="viewer")
    assert refused.status_code == 403
    assert 'User "viewer" cannot list resource "pods"' in refused.json()["message"]
    assert server.request("GET", _PODS).ok


def test_calls_of_ordinary_users_are_counted(server: Served) -> None:
    """The number of calls must not grow with the number of checks."""
    server.request("GET", _PODS, user="viewer")
    server.request("GET", _PODS)
    assert dict(server.api.calls) == {"list pods": 1}


@pytest.mark.parametrize(
    ("mode", "status"), [("401", 401), ("403", 403), ("429", 429), ("500", 500)], ids=str
)
def test_refusing_modes_answer_a_status(server: Served, mode: Mode, status: int) -> None:
    """Hard times: each must reach the suite in the protocol's own words."""
    server.api.mode = mode
    refused = server.request("GET", _PODS, user="viewer")
    assert (refused.status_code, refused.json()["code"]) == (status, status)
    assert refused.headers.get("Retry-After") == ("1" if mode == "429" else None)
    assert server.request("GET", _PODS).ok


def test_broken_modes_break_the_connection(server: Served) -> None:
    """A reset, garbage and silence are three different findings."""
    server.api.mode = "reset"
    with pytest.raises(requests.ConnectionError):
        server.request("GET", _PODS, user="viewer")
    server.api.mode = "garbage"
    with pytest.raises(requests.JSONDecodeError):
        server.request("GET", _PODS, user="viewer").json()
    server.api.mode = "hang"
    with pytest.raises(requests.Timeout):
        requests.get(
            server.url + _PODS,
            headers={"Authorization": "Bearer viewer"},
            verify=str(server.ca_file),
            timeout=0.5,
        )


def test_latency_delays_every_answer(server: Served) -> None:
    """Performance figures are only honest with the latency of a real network."""
    server.api.latency_s = 0.2
    start = time.perf_counter()
    assert server.request("GET", "/version").ok
    assert time.perf_counter() - start >= 0.2


class _Application(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "authorization": self.headers.get("Authorization")}).encode()
        self.send_response(418)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def application() -> Iterator[int]:
    """Give the port of a little HTTP server that tells what it was asked."""
    with in_a_thread(HTTPServer(("127.0.0.1", 0), _Application)) as listening:
        yield listening.server_address[1]


def _serve_cart(server: Served) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": 3000}]
    server.request(
        "POST",
        "/api/v1/namespaces/shop/services",
        body={"metadata": {"name": "cart"}, "spec": {"ports": ports}},
    )
    subset = {"addresses": [{"ip": "10.0.10.9"}], "ports": [{"name": "http", "port": 3000}]}
    body = {"metadata": {"name": "cart"}, "subsets": [subset]}
    assert server.request("POST", "/api/v1/namespaces/shop/endpoints", body=body).ok


@pytest.mark.parametrize("reference", ["cart:http", "cart:80", "http:cart:http"])
def test_service_proxy_reaches_the_ready_pod(server: Served, application: int, reference: str) -> None:
    """From outside, a service's health is read this way; the caller's token must not leak into it."""
    _serve_cart(server)
    server.pod_ports["10.0.10.9", 3000] = ("127.0.0.1", application)
    answer = server.request("GET", f"/api/v1/namespaces/shop/services/{reference}/proxy/health/live?full=1")
    assert answer.status_code == 418
    assert answer.json() == {"path": "/health/live?full=1", "authorization": None}


def test_service_proxy_says_when_nobody_listens(server: Served) -> None:
    """A pod that is ready on paper but gone is a 503 of the API server."""
    _serve_cart(server)
    refused = server.request("GET", "/api/v1/namespaces/shop/services/cart:http/proxy/health")
    assert refused.status_code == 503
    assert (
        refused.json()["message"]
        == "error trying to reach service: dial tcp 10.0.10.9:3000: connect: connection refused"
    )


def test_python_client_lists_and_runs_commands(server: Served, python_client: client.CoreV1Api) -> None:
    """Probes use this client, and its exec speaks the v4 WebSocket protocol."""
    _run_pod(server, "cart")
    pods = python_client.list_namespaced_pod("shop").items
    assert [pod.status and pod.status.phase for pod in pods] == ["Running"]
    session = stream(
        python_client.connect_get_namespaced_pod_exec,
        "cart",
        "shop",
        command=["sh", "-c", "exit 4"],
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
        _preload_content=False,
    )
    session.run_forever(timeout=5)
    assert session.read_stdout() == "shop/cart/box: sh -c exit 4\n"
    assert session.read_stderr() == "to stderr\n"
    assert session.returncode == 4
    session.sock.shutdown()


def test_a_followed_log_goes_on(server: Served) -> None:
    """`kubectl logs -f` shows what is written after it began."""
    _run_pod(server, "cart")
    texts = server.kubelet.log_texts
    texts["shop/cart/box", False] = "first\n"
    read: list[str] = []

    def follow() -> None:
        read.append(server.request("GET", f"{_PODS}/cart/log?follow=true").text)

    following = threading.Thread(target=follow)
    following.start()
    time.sleep(0.4)
    texts["shop/cart/box", False] = "first\nsecond\n"
    time.sleep(0.4)
    del texts["shop/cart/box", False]
    following.join(timeout=5)
    assert read == ["first\nsecond\n"]


def _watch_until_broken(server: Served) -> None:
    url = f"{server.url}{_PODS}?watch=true"
    headers = {"Authorization": "Bearer admin"}
    with (
        pytest.raises(requests.exceptions.ChunkedEncodingError),
        requests.get(url, headers=headers, verify=str(server.ca_file), stream=True, timeout=10) as answer,
    ):
        list(answer.iter_content())


def test_a_stopped_server_frees_its_port(server: Served) -> None:
    """`down` must not wait for somebody's open watch."""
    watching = threading.Thread(target=_watch_until_broken, args=(server,))
    watching.start()
    time.sleep(0.3)
    start = time.perf_counter()
    server.call(server.api.stop())
    assert time.perf_counter() - start < 2
    watching.join(timeout=5)
    with pytest.raises(requests.ConnectionError):
        server.request("GET", "/healthz")
