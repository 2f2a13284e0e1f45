"""What the Kubernetes probes see of a real API server, and what they refuse to do."""

from __future__ import annotations

import base64
import datetime as dt
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postflight.environment import SecretKey
from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.kubernetes import (
    delivery,
    deployments,
    ingresses,
    nodes,
    pods,
    proxy,
    services,
    settings,
)
from postflight.probes.kubernetes import exec as commands
from postflight.probes.kubernetes.client import Call, Resource
from postflight.probes.kubernetes.context import context
from postflight.probes.kubernetes.deployments import Deployments
from postflight.probes.kubernetes.usage import quantity
from postflight.probes.reads import Probe, UndeclaredReadError, reads
from sandbox.kube_api.store import resource_of
from sandbox.network.certificates import Authority
from selftests.kube_api_server import Served, deployment_manifest, pod_manifest, serving
from selftests.kubernetes_runs import ENVIRONMENT, kubeconfig, over_tls, run, run_at
from selftests.rude_servers import street

SHOP = "/api/v1/namespaces/shop"
PASSWORD = "s3cret/with?marks"
URL = f"postgresql://saleor:{PASSWORD.replace('/', '%2F').replace('?', '%3F')}@db.example:5433/saleordb"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving(tmp_path) as server:
        assert server.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}}).ok
        yield server


def look(probe: Probe[..., Any], connections: Connections, *arguments: Any, **named: Any) -> Any:
    """Take one look."""
    return probe.looking(connections, *arguments, **named).look()


def post(served: Served, path: str, body: dict[str, Any]) -> None:
    """Create an object."""
    answer = served.request("POST", path, body=body)
    assert answer.ok, answer.text


def set_status(served: Served, path: str, status: dict[str, Any]) -> None:
    """Write an object's status."""
    kind = "application/merge-patch+json"
    answer = served.request("PATCH", f"{path}/status", body={"status": status}, Content_Type=kind)
    assert answer.ok, answer.text


def test_the_context_tells_server_and_authority(served: Served, tmp_path: Path) -> None:
    """Identity is established by comparing both with what EKS says."""
    seen = look(context, run_at(served, tmp_path))
    assert seen.server == served.url
    assert seen.ca == served.ca_file.read_text()
    assert len(seen.fingerprints) == 1
    assert seen.user == "looker"
    assert not seen.in_cluster


def test_the_shell_cannot_change_whom_we_trust(served: Served, tmp_path: Path) -> None:
    """SSL_CERT_FILE and its like point elsewhere on many machines; the kubeconfig's CA decides."""
    elsewhere = {
        "SSL_CERT_FILE": "/dev/null",
        "REQUESTS_CA_BUNDLE": "/dev/null",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    assert look(context, run_at(served, tmp_path, **elsewhere)).server == served.url


def test_pages_are_put_together(served: Served, tmp_path: Path) -> None:
    """A pod on the second page is looked at like one on the first."""

    async def fill() -> None:
        for number in range(1_201):
            served.api.store.create(resource_of("pods"), "shop", pod_manifest(f"pod-{number:04}"))

    served.call(fill())
    connections = run_at(served, tmp_path)
    seen = look(pods.pods, connections, "shop")
    assert len({pod.name for pod in seen.items}) == 1_201
    calls = connections.calls.by_protocol()["kubernetes"]
    assert isinstance(calls, dict)
    assert calls["list pods"] in {1, 3}, "from its cache the server may answer in one piece"


def test_a_long_listing_is_light(tmp_path: Path) -> None:
    """An API server answers from its cache in one piece; with 5,000 pods that must not cost 300 MB."""
    authority = Authority("Long listing")
    item = json.dumps({"metadata": {"name": "cart", "annotations": {"padding": "x" * 6000}}, "spec": {}})
    body = ('{"kind": "PodList", "items": [' + ", ".join([item] * 5_000) + '], "metadata": {}}').encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with street() as town:
        port = town.house(over_tls(authority.issue("127.0.0.1"), town.speaks(head + body)))
        server = f"https://127.0.0.1:{port}"
        connections = run(kubeconfig(tmp_path, server, authority.pem.encode(), {"token": "viewer"}))
        tracemalloc.start()
        try:
            seen = look(pods.pods, connections, "shop")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert len(seen.items) == 5_000
    assert peak < 25 << 20, f"{peak >> 20} MB at the peak, for an answer of {len(body) >> 20} MB"


def test_only_declared_reads_are_sent(served: Served, tmp_path: Path) -> None:
    """The interlock: what a probe does not declare never leaves this process."""
    connections = run_at(served, tmp_path)

    @reads("list nodes")
    def greedy(connections: Connections) -> Deployments:
        list(connections.kubernetes.list(Resource("pods"), "shop"))
        return Deployments(namespace="shop", items=())

    with pytest.raises(UndeclaredReadError, match="list pods"):
        look(greedy, connections)
    assert connections.calls.by_protocol() == {}


def test_every_call_is_counted_as_sent(served: Served, tmp_path: Path) -> None:
    """`calls` in results.json is what budgets are held against."""
    connections = run_at(served, tmp_path)
    look(nodes.nodes, connections)
    look(services.services, connections, "shop")
    assert connections.calls.by_protocol() == {"kubernetes": {"list nodes": 1, "list services": 1}}


def test_a_refused_listing_names_the_missing_permission(served: Served, tmp_path: Path) -> None:
    """Who reads `unverified` wants to know what to grant."""
    with pytest.raises(Unverified, match="does not let us list configmaps in shop") as refused:
        look(settings.config_maps, run_at(served, tmp_path), "shop", ())
    assert refused.value.permission == "list configmaps in shop"


def test_absent_objects_are_evidence(served: Served, tmp_path: Path) -> None:
    """That something is not there is an answer, not an error."""
    connections = run_at(served, tmp_path, who="admin")
    assert not look(deployments.deployments, connections, "shop", ()).named("cart").found
    assert not look(ingresses.ingresses, connections, "shop").named("shop").found
    assert not look(settings.secret, connections, "shop", "db", ()).found
    assert not look(services.service_accounts, connections, "shop").named("default").found
    assert not look(delivery.jobs, connections, "shop").named("migrate").found
    assert look(delivery.applications, connections, "shop").installed


def test_a_deployment_is_cut_to_what_checks_need(served: Served, tmp_path: Path) -> None:
    """Values of variables stay out of evidence, but for those that the environment itself names."""
    manifest = deployment_manifest("cart")
    box = manifest["spec"]["template"]["spec"]["containers"][0]
    box["readinessProbe"] = {"httpGet": {"path": "/health", "port": 3000}}
    box["env"] = [
        {"name": "DB_NAME", "value": "cart_service"},
        {"name": "TOKEN", "value": "do-not-tell"},
        {"name": "DB_USER", "valueFrom": {"secretKeyRef": {"name": "db", "key": "username"}}},
    ]
    box["envFrom"] = [{"configMapRef": {"name": "shared", "optional": True}}]
    post(served, "/apis/apps/v1/namespaces/shop/deployments", manifest)
    seen = look(deployments.deployments, run_at(served, tmp_path), "shop", ("DB_NAME",)).named("cart")
    (container,) = seen.containers
    by_name = {variable.name: variable for variable in container.variables}
    assert by_name["DB_NAME"].value == "cart_service"
    assert by_name["TOKEN"].value is None
    assert by_name["DB_USER"].reference is not None
    assert by_name["DB_USER"].reference.key == "username"
    assert container.sources[0].optional
    assert seen.readiness_path == "/health"
    assert "do-not-tell" not in seen.model_dump_json()


def test_a_crashing_container_is_known_by_its_state(served: Served, tmp_path: Path) -> None:
    """A container between two crashes looks like any other; its last run tells."""
    post(served, f"{SHOP}/pods", pod_manifest("cart-1", labels={"app": "cart"}))
    now = dt.datetime.now(dt.UTC)

    def at(seconds_ago: float) -> str:
        return (now - dt.timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")

    ended = {"exitCode": 1, "reason": "Error", "startedAt": at(60), "finishedAt": at(30)}
    box = {"name": "box", "image": "shop:1", "imageID": "", "restartCount": 4, "ready": False}
    running = {"state": {"running": {"startedAt": at(5)}}, "lastState": {"terminated": ended}}
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}, "lastState": {}}
    steady = {"state": {"running": {"startedAt": at(300)}}, "lastState": {"terminated": ended}}
    judged = []
    for state in (running, waiting, steady):
        set_status(
            served, f"{SHOP}/pods/cart-1", {"phase": "Running", "containerStatuses": [{**box, **state}]}
        )
        seen = look(pods.pods, run_at(served, tmp_path), "shop").selected({"app": "cart"})
        judged.append((bool(seen.stuck), bool(seen.restarting)))
    assert judged == [(False, True), (True, True), (False, False)]


def test_an_image_that_cannot_be_pulled_is_no_crash(served: Served, tmp_path: Path) -> None:
    """Two faults, two checks: the registry's trouble must not show as the application's."""
    post(served, f"{SHOP}/pods", pod_manifest("cart-1", labels={"app": "cart"}))
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    box = {
        "name": "box",
        "image": "shop:1",
        "imageID": "",
        "restartCount": 0,
        "ready": False,
        "state": waiting,
    }
    set_status(served, f"{SHOP}/pods/cart-1", {"phase": "Pending", "containerStatuses": [box]})
    seen = look(pods.pods, run_at(served, tmp_path), "shop").selected({"app": "cart"})
    assert [container.reason for _, container in seen.unable_to_pull] == ["ImagePullBackOff"]
    assert not seen.stuck


def test_the_last_words_of_a_crash_hide_logins(served: Served, tmp_path: Path) -> None:
    """Applications log their connection URL, password and all."""
    post(served, f"{SHOP}/pods", pod_manifest("cart-1"))
    log = "starting\n\ncannot reach postgresql://cart:hunter22@db.example/cart\n"
    served.kubelet.log_texts[("shop/cart-1/box", True)] = log
    said = look(pods.last_words, run_at(served, tmp_path), "shop", "cart-1", "box", previous=True)
    assert said.text == "starting / cannot reach postgresql://[redacted]@db.example/cart"
    silent = look(pods.last_words, run_at(served, tmp_path), "shop", "cart-1", "box", previous=False)
    assert silent.text == ""


def _secret(served: Served) -> None:
    values = {"DATABASE_URL": URL, "DEBUG": "false", "EMPTY": ""}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    post(served, f"{SHOP}/secrets", {"metadata": {"name": "db"}, "data": encoded})


def test_a_secret_becomes_its_keys_and_its_login(served: Served, tmp_path: Path) -> None:
    """Host, port, user and database are compared; the password never becomes evidence."""
    _secret(served)
    connections = run_at(served, tmp_path, who="admin")
    seen = look(settings.secret, connections, "shop", "db", ("DATABASE_URL",))
    login = seen.key("DATABASE_URL").login
    assert (login.host, login.port, login.user, login.database) == ("db.example", 5433, "saleor", "saleordb")
    assert seen.key("EMPTY").is_empty
    assert "s3cret" not in seen.model_dump_json()
    assert connections.secrets.redact(f"x {URL} y {PASSWORD} z") == "x [redacted] y [redacted] z"
    assert connections.secrets.redact("s3cret%2Fwith%3Fmarks") == "[redacted]", "as it stands in the URL"
    assert connections.secrets.redact("false") == "false", "an everyday word is no secret"


def test_a_credential_is_read_once_for_all_who_need_it(served: Served, tmp_path: Path) -> None:
    """Logins and evidence share one read of the Secret, and it stays in memory."""
    _secret(served)
    connections = run_at(served, tmp_path, who="admin")

    @reads("get secrets")
    def log_in(connections: Connections) -> Deployments:
        source = SecretKey(secret="db", key="DATABASE_URL", namespace="shop")
        assert credential(connections, source) == URL
        assert credential(connections, source) == URL
        with pytest.raises(Unverified, match="Secret shop/db has no key PASSWORD; it has DATABASE_URL"):
            credential(connections, SecretKey(secret="db", key="PASSWORD", namespace="shop"))
        return Deployments(namespace="shop", items=())

    look(log_in, connections)
    assert connections.calls.by_protocol() == {"kubernetes": {"get secrets": 1}}


def test_a_user_name_in_a_secret_may_be_told(served: Served, tmp_path: Path) -> None:
    """`db-user-wrong` has to name the user; the environment says which key holds one."""
    data = {key: base64.b64encode(key.encode() * 2).decode() for key in ("username", "password")}
    post(served, f"{SHOP}/secrets", {"metadata": {"name": "db"}, "data": data})
    server = {
        "kind": "cluster",
        "identifier": "shop",
        "user": "shopkeeper",
        "login_database": "postgres",
        "login": {"user": {"secret": "db", "key": "username", "namespace": "shop"}},
    }
    file = kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), {"token": "admin"})
    connections = run(file, {**ENVIRONMENT, "database_servers": {"shop": server}})
    seen = look(settings.secret, connections, "shop", "db", ("username",))
    assert (seen.key("username").value, seen.key("password").value) == ("usernameusername", None)
    assert connections.secrets.redact("usernameusername passwordpassword") == "usernameusername [redacted]"


def test_a_service_without_ready_pods_is_evidence(served: Served, tmp_path: Path) -> None:
    """The proxy's own 503 is the cluster's answer about the service, not our failure to look."""
    ports = [{"name": "http", "port": 80}]
    post(served, f"{SHOP}/services", {"metadata": {"name": "cart"}, "spec": {"ports": ports}})
    post(served, f"{SHOP}/endpoints", {"metadata": {"name": "cart"}, "subsets": []})
    seen = look(proxy.service_answer, run_at(served, tmp_path, who="admin"), "shop", "cart", 80, "/health")
    assert seen.status is None
    assert "no endpoints available" in seen.problem
    gone = look(proxy.service_answer, run_at(served, tmp_path, who="admin"), "shop", "none", 80, "/health")
    assert 'services "none" not found' in gone.problem


def test_the_proxy_needs_its_own_permission(served: Served, tmp_path: Path) -> None:
    """A 403 of the API server must not be taken for a 403 of the service."""
    with pytest.raises(Unverified) as refused:
        look(proxy.service_answer, run_at(served, tmp_path, who="readonly"), "shop", "cart", 80, "/health")
    assert refused.value.permission == "get services/proxy in shop"


def test_exec_runs_the_one_fixed_command(served: Served, tmp_path: Path) -> None:
    """The only thing that is ever run in a pod is the count of superusers."""
    post(served, f"{SHOP}/pods", pod_manifest("api-1"))
    running = {"running": {"startedAt": "2026-01-20T00:00:00Z"}}
    box = {
        "name": "box",
        "image": "shop:1",
        "imageID": "",
        "restartCount": 0,
        "ready": True,
        "state": running,
    }
    set_status(served, f"{SHOP}/pods/api-1", {"phase": "Running", "containerStatuses": [box]})
    connections = run_at(served, tmp_path, who="admin")
    seen = look(commands.superusers, connections, "shop", "api-1", "box")
    assert seen.count is None
    assert "manage.py shell failed in api-1" in seen.problem, "this kubelet echoes the command"
    assert "users.count()" in seen.problem
    gone = look(commands.superusers, connections, "shop", "api-2", "box")
    assert gone.problem == "pod api-2 is gone"
    with pytest.raises(Unverified) as refused:
        look(commands.superusers, run_at(served, tmp_path, who="viewer"), "shop", "api-1", "box")
    assert refused.value.permission == "create pods/exec in shop"


def test_a_path_with_odd_characters_is_escaped() -> None:
    """A name from an environment file must not become another path."""
    assert Resource("pods").path("a/b", "c?d") == "/api/v1/namespaces/a%2Fb/pods/c%3Fd"
    assert Resource("jobs", "batch/v1").path("a") == "/apis/batch/v1/namespaces/a/jobs"
    assert Call("list pods", " in shop", "/").need == "list pods in shop"


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    """Room on a node is what it has to give, less what pods ask for: in the same unit."""
    read = [quantity(written) for written in ("1930m", "2", "3388360Ki", "96Mi", "1G", "110", "")]
    assert read == [1.93, 2.0, 3388360 * 1024, 96 << 20, 1e9, 110.0, 0.0]
