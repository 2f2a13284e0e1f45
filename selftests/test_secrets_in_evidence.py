"""Nothing that a probe is told carries a secret into evidence: not amid a text, and not where it is cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import LiveAnswers
from postflight.probes import http
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import delivery, ingresses, pods
from postflight.probes.reads import Probe
from postflight.recording import Recording
from postflight.redaction import cut_short, masked
from selftests.kube_api_server import Served, pod_manifest, serving
from selftests.kubernetes_runs import run_at
from selftests.rude_servers import street

SHOP = "/api/v1/namespaces/shop"
MARK = "marked-secret-7Q"
PREFIX = "marked-"
# How applications, controllers and servers write down what they should not.
SAID = (
    f"cannot connect to postgresql://shop:{MARK}@db.example:5432/shop",
    f"GET https://api.example/hook?token={MARK} failed",
    f"Authorization: Bearer {MARK}{MARK}",
    f"host=db.example user=shop password={MARK} dbname=shop",
    f'{{"level": "error", "password": "{MARK}"}}',
    f"export AWS_SECRET_ACCESS_KEY={MARK}",
    f"password=${MARK}",
    f"password=<{MARK}",
    f"PGPASSWORD=[{MARK}",
    f"fatal: unable to access https://{MARK}@git.example/shop",
    f"password: {MARK}",
    f"""{{"AUTH_TOKEN":"xx'{MARK}"}}""",
    f"X-Api-Key: {MARK}",
    f"Authorization: token {MARK}",
    f"password=ab,{MARK}",
    f'{{"password": "pa\\"{MARK}"}}',
    f"cannot connect to postgresql://shop:p@ss/{MARK}@db.example:5432/shop",
    f"the known one is {MARK}",
)
# Rarer ways; one look at each is enough.
ALSO_SAID = (
    f"password='one {MARK}'",
    f'export TOKEN="one {MARK}"',
    f"password = {MARK}",
    f"db_password:  '{MARK}'",
    f"clientSecret: {MARK}",
    f"JWT_SECRET: {MARK}",
    f'"client_secret" : "one {MARK}"',
    f"{{'password': \"it's {MARK}\"}}",
    f'{{\\"password\\":\\"{MARK}\\"}}',
    f"password=a&{MARK}",
    f"password=$(x{MARK}",
    f"password=${{{MARK}",
    f"password=$E{MARK}",
    f"password=<a>{MARK}",
    f"password=[redacted]{MARK}",
    f'password: "{MARK}',
    f"Authorization: {MARK}",
    f"redis://:{MARK}@cache.example:6379/0",
    f"amqp://a:{MARK}@one.example,amqp://a:{MARK}@two.example",
    f'url="amqp://a:one"{MARK}@one.example"',
    f"https://a:80{MARK}@one.example",
    f"https://one.example/?sig=a'{MARK}",
    f"docker://a:{MARK}@one.example/image@sha256:0123",
    f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----",
)


def at_the_cut(said: str, most: int) -> str:
    """Return a long text in which a cut after so many characters goes through the secret."""
    place = said.index(MARK) + len(MARK) // 2
    return f"{'x ' * ((most - place) // 2)}{said} {'y ' * most}"


@pytest.mark.parametrize("said", [*SAID[:-1], *ALSO_SAID])
def test_what_looks_like_a_secret_is_masked(said: str) -> None:
    """Nobody knows a password that stands where no secret belongs; it is known by its looks."""
    assert PREFIX not in masked(said)
    assert masked(masked(said)) == masked(said)


@pytest.mark.parametrize(
    "said",
    [
        'PGPASSWORD=$(kubectl get secret db -o jsonpath="{.data.password}")',
        "kubectl create secret generic db --from-literal=password=<password>",
        "Secret saleor/saleor-db-secret, key DATABASE_URL",
        "SecretKey(secret='db', key='word', namespace='shop')",
        "https://api.example/orders?page=2&sort=name",
        "https://api.example:8443/@shop/orders?mail=kim@shop.example",
        '{"url":"https://api.example","mail":"kim@shop.example"}',
        "docker-pullable://nginx@sha256:0123456789abcdef",
        "docker://registry:5000/nginx:1.2@sha256:0123456789abcdef",
        "ssh://git@git.example/shop",
        "Secret saleor/saleor-db-secret: there is no key DATABASE_URL",
        "login.password: the Secret shop/db has no key word",
        "auth: {secret: redis, key: password, namespace: shop}",
        "password: {secret: db, key: word, namespace: shop}",
        'PGPASSWORD="$PGPASSWORD" psql; redis-cli --token=${TOKEN:-none}',
        "permissions: {contents: read, id-token: write}",
        "Authorization: the header is missing",
        "--query 'Tags[?Key==`Name`]|[0].Value'",
        "password=[redacted]</summary>",
    ],
)
def test_what_only_names_a_secret_stays(said: str) -> None:
    """A runbook's commands can be pasted, and a message names the Secret that is wrong."""
    assert masked(said) == said


def test_a_text_is_cut_between_words() -> None:
    """Half a secret is recognised by nobody."""
    assert cut_short("password is hunter2000", 15) == "password is…"
    assert cut_short("hunter2000hunter2000", 15) == "…"
    assert cut_short("short", 15) == "short"


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., str]:
    """Give a function that takes a look, and returns all that is kept of it."""

    def take(connections: Connections, probe: Probe[..., Any], *arguments: Any, **named: Any) -> str:
        connections.secrets.add(MARK)
        answers = LiveAnswers(Recording(tmp_path / "evidence", connections.secrets.redact))
        seen = answers.ask(probe.looking(connections, *arguments, **named))
        (file,) = (tmp_path / "evidence").glob("*.json")
        return file.read_text(encoding="utf-8") + connections.secrets.redact(repr(seen))

    return take


def post(served: Served, path: str, body: dict[str, Any]) -> None:
    """Create an object."""
    answer = served.request("POST", path, body=body)
    assert answer.ok, answer.text


@pytest.mark.parametrize("said", SAID)
def test_events_carry_no_secret(tmp_path: Path, told: Callable[..., str], said: str) -> None:
    """A controller's warning repeats the URL that it was given."""
    with serving(tmp_path) as served:
        post(served, "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        about = {"kind": "Ingress", "name": "shop", "namespace": "shop"}
        for number, message in enumerate((said, at_the_cut(said, 500))):
            event = {"metadata": {"name": f"e{number}"}, "type": "Warning", "reason": "Failed"}
            post(served, f"{SHOP}/events", {**event, "involvedObject": about, "message": message})
        kept = told(run_at(served, tmp_path, "admin"), ingresses.warnings, "shop")

    assert "Failed" in kept
    assert PREFIX not in kept


@pytest.mark.parametrize("said", SAID)
def test_argo_cds_messages_carry_no_secret(tmp_path: Path, told: Callable[..., str], said: str) -> None:
    """A repository's URL with its token is what Argo CD complains of when it cannot fetch."""
    status = {
        "operationState": {"phase": "Failed", "message": at_the_cut(said, 300)},
        "conditions": [{"type": "ComparisonError", "message": said}],
    }
    applied = {"kubectl.kubernetes.io/last-applied-configuration": said}
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    body = {**head, "metadata": {"name": "shop", "annotations": applied}, "spec": {}, "status": status}
    with serving(tmp_path) as served:
        post(served, "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        post(served, "/apis/argoproj.io/v1alpha1/namespaces/shop/applications", body)
        kept = told(run_at(served, tmp_path, "admin"), delivery.applications, "shop")

    assert "Failed" in kept
    assert PREFIX not in kept


@pytest.mark.parametrize("said", SAID)
def test_the_end_of_a_log_carries_no_secret(tmp_path: Path, told: Callable[..., str], said: str) -> None:
    """Applications log their settings when they start, and their connection when it fails."""
    with serving(tmp_path) as served:
        post(served, "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        post(served, f"{SHOP}/pods", pod_manifest("box"))
        served.kubelet.log_texts["shop/box/box", False] = f"started\n{said}\n"
        connections = run_at(served, tmp_path, "admin")
        kept = told(connections, pods.last_words, "shop", "box", "box", previous=False)

    assert "started" in kept
    assert PREFIX not in kept


@pytest.mark.parametrize("said", SAID)
def test_an_answers_body_and_headers_carry_no_secret(
    tmp_path: Path, told: Callable[..., str], said: str
) -> None:
    """A debug page shows the settings; a session's cookie is a login."""
    body = at_the_cut(said, http.SHOWN_CHARACTERS).encode()
    head = (
        f"HTTP/1.1 500 Oops\r\nSet-Cookie: session={MARK}\r\nX-Api-Key: {MARK}\r\nServer: shop\r\n"
        f"Location: https://shop.example/?access_token={MARK}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with serving(tmp_path) as served, street() as opened:
        port = opened.house(opened.speaks(head.encode() + body))
        connections = run_at(served, tmp_path, "admin")
        kept = told(connections, http.get, f"http://127.0.0.1:{port}/?sig={MARK}")

    assert "shop" in kept
    assert PREFIX not in kept
