"""What the Kubernetes probes see of Deployments, pods and Secrets, and what of them is never evidence."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from postflight.environment import SecretKey
from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.credentials import credential
from postflight.probes.kubernetes import deployments, pods, settings
from postflight.probes.kubernetes.deployments import Deployments
from postflight.probes.reads import reads
from selftests.kube_api_server import Served, deployment_manifest, pod_manifest
from selftests.kubernetes_runs import (
    ENVIRONMENT,
    kubeconfig,
    look,
    post,
    run,
    run_at,
    serving_shop,
    set_status,
)

SHOP = "/api/v1/namespaces/shop"
PASSWORD = "s3cret/with?marks"
URL = f"postgresql://saleor:{PASSWORD.replace('/', '%2F').replace('?', '%3F')}@db.example:5433/saleordb"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


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
    manifest = pod_manifest("cart-1", labels={"app": "cart"})
    manifest["spec"]["nodeName"] = "node-1"
    post(served, f"{SHOP}/pods", manifest)
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


def test_a_pod_that_no_scheduler_has_seen_waits_for_a_node(served: Served, tmp_path: Path) -> None:
    """With a scheduler that is down, or a name that is nobody's, nothing says that a pod has no node."""
    manifest = pod_manifest("cart-1", labels={"app": "cart"})
    manifest["spec"]["schedulerName"] = "volcano"
    post(served, f"{SHOP}/pods", manifest)
    set_status(served, f"{SHOP}/pods/cart-1", {"phase": "Pending"})

    (waiting,) = look(pods.pods, run_at(served, tmp_path), "shop").selected({"app": "cart"}).unscheduled
    assert waiting.scheduling_message == "its scheduler, volcano, has not looked at it"


@pytest.mark.parametrize(("policy", "is_restarting"), [({"restartPolicy": "Always"}, True), ({}, False)])
def test_a_sidecar_that_restarts_is_no_init_container(
    served: Served, tmp_path: Path, policy: dict[str, str], is_restarting: bool
) -> None:
    """An init container may try until it gets through; a sidecar that crashes takes its pod with it."""
    manifest = pod_manifest("cart-1", labels={"app": "cart"})
    manifest["spec"].update(initContainers=[{"name": "proxy", "image": "proxy:1", **policy}])
    post(served, f"{SHOP}/pods", manifest)
    crash = {"name": "proxy", "image": "proxy:1", "imageID": "", "restartCount": 6, "ready": False,
             "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {}}  # fmt: skip
    set_status(served, f"{SHOP}/pods/cart-1", {"phase": "Running", "initContainerStatuses": [crash]})

    seen = look(pods.pods, run_at(served, tmp_path), "shop").selected({"app": "cart"})
    assert bool(seen.restarting) is is_restarting
