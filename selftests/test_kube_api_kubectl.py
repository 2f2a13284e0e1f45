from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from selftests.kube_api_server import Served, serving

_KUBECTL: Final = shutil.which("kubectl")
_WEBSOCKETS: Final = "KUBECTL_REMOTE_COMMAND_WEBSOCKETS"
_IMAGE: Final = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/shop:7114918"

Kubectl = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(_KUBECTL is None, reason="kubectl is not on PATH")


def _deployment() -> dict[str, object]:
    container = {"name": "cart", "image": _IMAGE, "ports": [{"containerPort": 3000}]}
    template = {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
    return {"metadata": {"name": "cart"}, "spec": spec}


def _pod(name: str, state: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    obj = {
        "metadata": {"name": name, "labels": {"app": "cart"}},
        "spec": {"containers": [{"name": "cart", "image": _IMAGE}]},
    }
    running = "running" in state
    container = {"name": "cart", "image": _IMAGE, "ready": running, "restartCount": 0, "state": state}
    ready = {"type": "Ready", "status": "True" if running else "False"}
    status = {"phase": "Running" if running else "Pending", "podIP": "10.0.10.7", "conditions": [ready]}
    return obj, {**status, "containerStatuses": [container]}


def _seed(served: Served) -> None:
    served.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}})
    served.request("POST", "/apis/apps/v1/namespaces/shop/deployments", body=_deployment())
    states: dict[str, dict[str, object]] = {
        "cart-1": {"running": {"startedAt": "2026-01-14T01:00:00Z"}},
        "cart-2": {"waiting": {"reason": "ImagePullBackOff"}},
    }
    for name, state in states.items():
        obj, status = _pod(name, state)
        served.request("POST", "/api/v1/namespaces/shop/pods", body=obj)
        path = f"/api/v1/namespaces/shop/pods/{name}/status"
        served.request("PATCH", path, body={"status": status}, Content_Type="application/merge-patch+json")
    served.kubelet.log_texts["shop/cart-1/cart", False] = "first\nsecond\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server with one Deployment, a running pod and one that waits for its image."""
    with serving(tmp_path_factory.mktemp("kubectl")) as served:
        _seed(served)
        yield served


@pytest.fixture(scope="module")
def kubectl(server: Served, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """Give a function that runs kubectl as a user of the server (`admin` unless told)."""
    home = tmp_path_factory.mktemp("home")
    cluster = {"server": server.url, "certificate-authority": str(server.ca_file)}
    context = {"cluster": "sandbox", "user": "user", "namespace": "shop"}

    def run(*arguments: str, user: str = "admin", stdin: str = "") -> subprocess.CompletedProcess[str]:
        config = home / f"{user}.json"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sandbox",
            "contexts": [{"name": "sandbox", "context": context}],
            "clusters": [{"name": "sandbox", "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": user}}],
        }
        config.write_text(json.dumps(document), encoding="utf-8")
        return subprocess.run(
            [str(_KUBECTL), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "KUBECONFIG": str(config),
                _WEBSOCKETS: os.environ.get(_WEBSOCKETS, "true"),
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def test_get_shows_each_pod_with_its_trouble(kubectl: Kubectl) -> None:
    """An operator's first look must say what a real cluster's says."""
    shown = kubectl("get", "pods")
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert rows[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row[:4] for row in rows[1:]] == [
        ["cart-1", "1/1", "Running", "0"],
        ["cart-2", "0/1", "ImagePullBackOff", "0"],
    ]


def test_get_shows_deployments_under_their_short_name(kubectl: Kubectl) -> None:
    """Discovery has to carry groups, short names and kinds for `kubectl get deploy` to work at all."""
    assert "deployment.apps/cart" in kubectl("get", "deploy,svc,ing", "-A").stdout


def test_describe_shows_state_and_events(kubectl: Kubectl, server: Served) -> None:
    """The runbook's confirm commands are mostly `kubectl describe`."""
    pod = server.request("GET", "/api/v1/namespaces/shop/pods/cart-2").json()
    about = {"kind": "Pod", "namespace": "shop", "name": "cart-2", "uid": pod["metadata"]["uid"]}
    event = {
        "metadata": {"name": "cart-2.1"},
        "involvedObject": about,
        "reason": "Failed",
        "type": "Warning",
        "message": "no such tag",
    }
    assert server.request("POST", "/api/v1/namespaces/shop/events", body=event).status_code == 201
    shown = kubectl("describe", "pod", "cart-2").stdout
    assert "Reason:       ImagePullBackOff" in shown
    assert "no such tag" in shown


@pytest.mark.parametrize("use_websockets", ["true", "false"])
def test_exec_gives_output_and_exit_status(
    kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, use_websockets: str
) -> None:
    """Output and exit status must arrive apart, over WebSocket and over the SPDY of older clients."""
    monkeypatch.setenv(_WEBSOCKETS, use_websockets)
    fine = kubectl("exec", "cart-1", "--", "manage.py", "check")
    assert (fine.returncode, fine.stdout) == (0, "shop/cart-1/cart: manage.py check\n")
    failed = kubectl("exec", "cart-1", "--", "sh", "-c", "exit 3")
    assert failed.returncode == 3
    assert "to stderr" in failed.stderr


@pytest.mark.parametrize("use_websockets", ["true", "false"])
def test_exec_passes_standard_input_on(
    kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch, use_websockets: str
) -> None:
    """`kubectl exec -i` is how a script reaches `manage.py shell`."""
    monkeypatch.setenv(_WEBSOCKETS, use_websockets)
    assert kubectl("exec", "-i", "cart-1", "--", "cat", stdin="from here\n").stdout.endswith("from here\n")


def test_exec_needs_a_running_container(kubectl: Kubectl) -> None:
    """A pod that waits for its image has nothing to run a command in."""
    assert 'container not found ("cart")' in kubectl("exec", "cart-2", "--", "true").stderr


def test_logs_give_text_and_tail(kubectl: Kubectl) -> None:
    """Logs are the evidence for a crash."""
    assert kubectl("logs", "cart-1").stdout == "first\nsecond\n"
    assert kubectl("logs", "cart-1", "--tail=1").stdout == "second\n"
    assert "is waiting to start" in kubectl("logs", "cart-2").stderr


@pytest.mark.parametrize(
    ("question", "answer"),
    [(("list", "pods"), "yes"), (("get", "pods", "--subresource=log"), "yes"), (("list", "secrets"), "no")],
)
def test_can_i_follows_the_rules(kubectl: Kubectl, question: tuple[str, ...], answer: str) -> None:
    """`kubectl auth can-i` is how the generated ClusterRole is confirmed."""
    assert kubectl("auth", "can-i", *question, user="viewer").stdout.strip() == answer


def test_refusal_names_user_verb_and_resource(kubectl: Kubectl) -> None:
    """What is missing must be readable from the refusal."""
    assert 'User "smoke" cannot list resource "pods"' in kubectl("get", "pods", user="readonly").stderr


def test_changes_by_hand_arrive(kubectl: Kubectl) -> None:
    """Breaking the sandbox by hand uses these commands."""
    for command in (
        ("scale", "deploy", "cart", "--replicas=2"),
        ("set", "image", "deploy/cart", "cart=shop:next"),
        ("set", "env", "deploy/cart", "LOG_LEVEL=debug"),
        ("rollout", "restart", "deploy/cart"),
        ("patch", "deploy", "cart", "-p", '{"metadata":{"labels":{"tier":"backend"}}}'),
    ):
        done = kubectl(*command)
        assert done.returncode == 0, done.stderr
    found = json.loads(kubectl("get", "deploy", "cart", "-o", "json").stdout)
    [container] = found["spec"]["template"]["spec"]["containers"]
    assert found["spec"]["replicas"] == 2
    assert found["metadata"]["labels"] == {"tier": "backend"}
    assert found["metadata"]["generation"] == 5
    assert container["image"] == "shop:next"
    assert container["env"] == [{"name": "LOG_LEVEL", "value": "debug"}]
    assert container["ports"] == [{"containerPort": 3000, "protocol": "TCP"}]


def test_apply_merges_what_the_manifest_leaves_out(kubectl: Kubectl, tmp_path: Path) -> None:
    """`kubectl apply` removes what left the manifest and keeps what others set; `diff` changes nothing."""
    manifest = tmp_path / "web.json"
    deployment = _deployment() | {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    manifest.write_text(json.dumps(deployment), encoding="utf-8")
    assert kubectl("apply", "-f", str(manifest)).stdout == "deployment.apps/web created\n"
    assert kubectl("scale", "deploy", "web", "--replicas=4").returncode == 0
    manifest.write_text(json.dumps(deployment).replace(":7114918", ":next"), encoding="utf-8")
    assert kubectl("diff", "-f", str(manifest)).returncode == 1
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.metadata.generation}").stdout == "2"
    assert kubectl("apply", "-f", str(manifest)).stdout == "deployment.apps/web configured\n"
    assert kubectl("apply", "-f", str(manifest)).stdout == "deployment.apps/web unchanged\n"
    assert kubectl("delete", "deploy", "web").returncode == 0


def test_small_objects_can_be_made_by_hand(kubectl: Kubectl) -> None:
    """The typed client in kubectl sends these as protobuf."""
    assert kubectl("create", "configmap", "flags", "--from-literal=a=1").returncode == 0
    assert kubectl("create", "secret", "generic", "token", "--from-literal=key=value").returncode == 0
    assert kubectl("get", "cm", "flags", "-o", "jsonpath={.data.a}").stdout == "1"
    assert kubectl("get", "secret", "token", "-o", "jsonpath={.data.key}").stdout == "dmFsdWU="
