from __future__ import annotations

import asyncio
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
from sandbox.kube_api.store import Store, resource_of
from selftests.kube_api_server import Served, serving

_PODS: Final = "/api/v1/namespaces/shop/pods"
_DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/shop/deployments"
_MERGE: Final = "application/merge-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_JSON_PATCH: Final = "application/json-patch+json"


def _pod(name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"name": "box", "image": "shop:1"}]},
    }


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": _pod(name)["spec"]}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


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
    server.request("POST", _PODS, body=_pod(name))
    state = {"name": "box", "ready": True, "state": {"running": {"startedAt": "2026-01-14T01:00:00Z"}}}
    status = {"phase": "Running", "podIP": ip, "containerStatuses": [state]}
    assert server.request("PATCH", f"{_PODS}/{name}/status", body={"status": status}, Content_Type=_MERGE).ok


def test_pages_hold_every_object_once(server: Served) -> None:
    """A listing that loses an object between two pages would be blind to it."""
    for number in range(7):
        server.request("POST", _PODS, body=_pod(f"pod-{number}"))
    names: list[str] = []
    token = ""
    remaining: list[int | None] = []
    while True:
        page = server.request("GET", f"/api/v1/pods?limit=3&continue={token}").json()
        names += [item["metadata"]["name"] for item in page["items"]]
        remaining.append(page["metadata"].get("remainingItemCount"))
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == [f"pod-{number}" for number in range(7)]
    assert remaining == [4, 1, None]


def test_thousands_of_pods_are_listed_quickly(server: Served) -> None:
    """The budget for 5,000 pods is the suite's, so the sandbox must not spend it."""

    async def fill() -> None:
        for number in range(5_700):
            server.api.store.create(resource_of("pods"), "shop", _pod(f"pod-{number:05}"))

    server.call(fill())
    for attempt in range(2):
        start = time.perf_counter()
        token, count = "", 0
        while True:
            page = server.request("GET", f"{_PODS}?limit=500&continue={token}").json()
            count += len(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                break
        elapsed = time.perf_counter() - start
        assert count == 5_700
        assert elapsed < (6.0 if attempt == 0 else 3.0)


def test_a_write_that_changes_nothing_keeps_the_version(server: Served) -> None:
    """Controllers write what they find; if that counted as a change, the world would never settle."""
    server.request("POST", _DEPLOYMENTS, body=_deployment("cart"))
    found = server.request("GET", f"{_DEPLOYMENTS}/cart").json()
    again = server.request("PUT", f"{_DEPLOYMENTS}/cart", body=found).json()
    assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


def test_generation_counts_changes_of_the_spec_only(server: Served) -> None:
    """The observed generation against the current one is how a rollout is judged."""
    server.request("POST", _DEPLOYMENTS, body=_deployment("cart"))
    path = f"{_DEPLOYMENTS}/cart"
    server.request("PATCH", path, body={"metadata": {"labels": {"a": "b"}}}, Content_Type=_MERGE)
    status = {"status": {"observedGeneration": 1, "readyReplicas": 0}}
    patched = server.request("PATCH", f"{path}/status", body=status, Content_Type=_MERGE).json()
    assert patched["metadata"]["generation"] == 1
    assert patched["status"] == {"observedGeneration": 1}
    patched = server.request(
        "PATCH", path, body={"spec": {"replicas": 2}, "status": {}}, Content_Type=_MERGE
    ).json()
    assert patched["metadata"]["generation"] == 2
    assert patched["status"] == {"observedGeneration": 1}


def test_a_stale_write_is_a_conflict(server: Served) -> None:
    """Two writers must not overwrite each other unseen."""
    server.request("POST", _DEPLOYMENTS, body=_deployment("cart"))
    old = server.request("GET", f"{_DEPLOYMENTS}/cart").json()
    server.request("PATCH", f"{_DEPLOYMENTS}/cart", body={"spec": {"replicas": 2}}, Content_Type=_MERGE)
    refused = server.request("PUT", f"{_DEPLOYMENTS}/cart", body=old)
    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")


def test_strategic_patch_merges_containers_by_name(server: Served) -> None:
    """A fault that patches one variable must leave its neighbours alone."""
    obj = _deployment("cart")
    box = obj["spec"]["template"]["spec"]["containers"][0]
    box["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    server.request("POST", _DEPLOYMENTS, body=obj)
    change = {"name": "box", "env": [{"name": "B", "value": "3"}, {"name": "A", "$patch": "delete"}]}
    body = {"spec": {"template": {"spec": {"containers": [change]}}}}
    patched = server.request("PATCH", f"{_DEPLOYMENTS}/cart", body=body, Content_Type=_STRATEGIC).json()
    [container] = patched["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "B", "value": "3"}]
    assert container["image"] == "shop:1"


def test_json_patch_edits_one_place(server: Served) -> None:
    """An annotation's name holds slashes, which a JSON pointer escapes."""
    server.request("POST", _PODS, body=_pod("cart", annotations={"example.com/a": "1"}))
    edit = [{"op": "replace", "path": "/metadata/annotations/example.com~1a", "value": "2"}]
    patched = server.request("PATCH", f"{_PODS}/cart", body=edit, Content_Type=_JSON_PATCH).json()
    assert patched["metadata"]["annotations"] == {"example.com/a": "2"}
    missing = [{"op": "remove", "path": "/metadata/annotations/none"}]
    assert server.request("PATCH", f"{_PODS}/cart", body=missing, Content_Type=_JSON_PATCH).status_code == 422


def test_a_dry_run_leaves_everything_as_it_was(server: Served) -> None:
    """`kubectl diff` asks for one."""
    assert server.request("POST", f"{_PODS}?dryRun=All", body=_pod("cart")).status_code == 201
    assert server.request("GET", f"{_PODS}/cart").status_code == 404


def test_what_an_object_owns_goes_with_it(server: Served) -> None:
    """Deleting a Deployment must end its pods."""
    owner = server.request("POST", _DEPLOYMENTS, body=_deployment("cart")).json()
    reference = {
        "kind": "Deployment",
        "name": "cart",
        "uid": owner["metadata"]["uid"],
        "apiVersion": "apps/v1",
    }
    server.request("POST", _PODS, body=_pod("cart-1", ownerReferences=[reference]))
    server.request("POST", _PODS, body=_pod("other"))
    assert server.request("DELETE", f"{_DEPLOYMENTS}/cart").json()["status"] == "Success"
    assert [item["metadata"]["name"] for item in server.request("GET", _PODS).json()["items"]] == ["other"]


def test_a_namespace_takes_its_objects_along(server: Served) -> None:
    """A namespace that is made again must be empty."""
    server.request("POST", _PODS, body=_pod("cart"))
    assert server.request("DELETE", "/api/v1/namespaces/shop").ok
    assert server.request("GET", "/api/v1/pods").json()["items"] == []
    assert server.request("POST", _PODS, body=_pod("cart")).status_code == 404


def test_a_finalizer_keeps_the_object_until_it_is_taken_off(server: Served) -> None:
    """An Argo CD application that is stuck in deletion looks like this."""
    path = "/apis/argoproj.io/v1alpha1/namespaces/shop/applications"
    server.request("POST", path, body={"metadata": {"name": "shop", "finalizers": ["argocd"]}, "spec": {}})
    server.request("DELETE", f"{path}/shop")
    assert "deletionTimestamp" in server.request("GET", f"{path}/shop").json()["metadata"]
    server.request("PATCH", f"{path}/shop", body={"metadata": {"finalizers": None}}, Content_Type=_MERGE)
    assert server.request("GET", f"{path}/shop").status_code == 404


def test_newer_clients_find_their_versions(server: Served) -> None:
    """Today's clients ask for versions that the recorded server's discovery does not list."""
    for path in ("batch/v1/cronjobs", "policy/v1/poddisruptionbudgets", "discovery.k8s.io/v1/endpointslices"):
        listed = server.request("GET", f"/apis/{path}").json()
        assert listed["apiVersion"] == path.rpartition("/")[0]


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
    server.request("POST", _PODS, body=_pod("old", labels={"app": "cart"}))
    events: list[dict[str, Any]] = []
    watching = _watch_lines(server, "labelSelector=app%3Dcart", events)
    server.request("POST", _PODS, body=_pod("new", labels={"app": "cart"}))
    server.request("POST", _PODS, body=_pod("other"))
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
    server.request("POST", _PODS, body=_pod("between"))
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
    server.request("POST", _PODS, body=_pod("cart"))
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
    with HTTPServer(("127.0.0.1", 0), _Application) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


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


def test_secrets_and_pods_get_the_defaults_of_a_real_server(server: Served) -> None:
    """What a manifest leaves out is filled in, and checks read the result."""
    body = {"metadata": {"name": "token"}, "stringData": {"key": "value"}}
    secret = server.request("POST", "/api/v1/namespaces/shop/secrets", body=body).json()
    assert (secret["type"], secret["data"]) == ("Opaque", {"key": "dmFsdWU="})
    assert "stringData" not in secret
    pod = _pod("guaranteed")
    pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    assert server.request("POST", _PODS, body=pod).json()["status"]["qosClass"] == "Guaranteed"


def test_the_store_is_usable_without_a_server() -> None:
    """Controllers work on the store itself."""

    async def use() -> tuple[int, list[str]]:
        store = Store()
        store.create(resource_of("pods"), "default", _pod("b", labels={"app": "x"}))
        store.create(resource_of("pods"), "default", {**_pod("a"), "metadata": {"generateName": "a-"}})
        found = store.list(resource_of("pods"), "default", labels="app=x")
        return len(store.list(resource_of("pods"))), [
            pod["kind"] + "/" + pod["metadata"]["name"] for pod in found
        ]

    assert asyncio.run(use()) == (2, ["Pod/b"])
