"""A Kubernetes API that cannot be asked: each way ends in time, as unverified, with one clear paragraph."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import pods, proxy
from postflight.probes.kubernetes.access import opened
from postflight.probes.kubernetes.context import context
from postflight.probes.kubernetes.ways import access
from sandbox.kube_api.misbehaviour import Mode
from sandbox.network.certificates import Authority, Certificate
from selftests.kube_api_server import Served, serving
from selftests.kubernetes_runs import ENVIRONMENT, kubeconfig, over_tls, run, run_at
from selftests.rude_servers import Street, street

TOKEN = "a-token-that-nobody-may-read"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give an API server."""
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def town() -> Iterator[Street]:
    """Give a place for servers that do not play their part."""
    with street() as opened:
        yield opened


def refusal(connections: Connections, within_s: float) -> Unverified:
    """List pods, which must fail as unverified within this time; return what was said."""
    began = time.monotonic()
    with pytest.raises(Unverified) as raised:
        pods.pods.looking(connections, "shop").look()
    assert time.monotonic() - began < within_s
    words = str(raised.value)
    assert "\n" not in words, "one paragraph"
    assert "Traceback" not in words
    assert TOKEN not in words
    return raised.value


@pytest.mark.parametrize(
    ("mode", "within_s", "words"),
    [
        ("hang", 10.0, "did not answer in time"),
        ("reset", 3.0, "closed the connection"),
        ("garbage", 3.0, "not a list"),
        ("401", 3.0, "does not accept our credentials (401"),
        ("403", 3.0, "does not let us list pods in shop"),
        ("429", 6.0, "has throttled us out (429)"),
        ("500", 6.0, "fails with status 500"),
    ],
)
def test_a_failing_server_is_unverified(
    served: Served, tmp_path: Path, mode: Mode, within_s: float, words: str
) -> None:
    """No failure of the API server may look like a healthy or an absent workload."""
    served.api.mode = mode
    error = refusal(run_at(served, tmp_path), within_s)
    assert words in str(error)
    assert (error.permission == "list pods in shop") == (mode == "403")


def test_a_throttled_call_is_sent_again(served: Served, tmp_path: Path) -> None:
    """An API server that asks for a moment gets one, within the deadline."""
    served.api.mode = "429"
    connections = run_at(served, tmp_path)
    refusal(connections, 6.0)
    assert connections.calls.by_protocol() == {"kubernetes": {"list pods": 3}}


def test_a_server_that_recovers_is_heard(served: Served, tmp_path: Path) -> None:
    """A connection that the server closed while it lay idle is not taken for a dead server."""
    connections = run_at(served, tmp_path, who="admin")
    assert pods.pods.looking(connections, "shop").look().items == ()
    served.api.mode = "hang"
    time.sleep(0.1)
    served.api.mode = ""
    assert pods.pods.looking(connections, "shop").look().items == ()


def _at(town_port: int, folder: Path, ca: bytes | None, user: Mapping[str, Any] | None = None) -> Connections:
    return run(kubeconfig(folder, f"https://127.0.0.1:{town_port}", ca, user or {"token": TOKEN}))


def _certificate() -> tuple[Authority, Certificate]:
    authority = Authority("Hard times")
    return authority, authority.issue("127.0.0.1")


def test_a_stranger_with_another_ca_is_not_believed(town: Street, tmp_path: Path) -> None:
    """A context that leads to somebody else must not get our token."""
    _, certificate = _certificate()
    other, _ = _certificate()
    port = town.https(certificate)
    assert "not trusted" in str(refusal(_at(port, tmp_path, other.pem.encode()), 3.0))
    assert "not trusted" in str(refusal(_at(port, tmp_path, None), 3.0))


def test_a_server_that_never_shakes_hands_ends_in_time(town: Street, tmp_path: Path) -> None:
    """A firewall that accepts and forwards nothing looks like this."""
    authority, _ = _certificate()
    error = refusal(_at(town.house(town.says_nothing), tmp_path, authority.pem.encode()), 5.0)
    assert "did not answer in time" in str(error)


def test_a_dripping_server_is_cut_off(town: Street, tmp_path: Path) -> None:
    """One byte now and then never trips a read timeout; the whole deadline does."""
    authority, certificate = _certificate()
    listener = town.house(
        over_tls(certificate, town.drips(b'HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{"items": ["'))
    )
    error = refusal(_at(listener, tmp_path, authority.pem.encode()), 17.0)
    assert "did not finish its answer within 15 s" in str(error)


def test_a_server_that_does_not_speak_http_is_unverified(town: Street, tmp_path: Path) -> None:
    """Another program on that port."""
    authority, certificate = _certificate()
    port = town.house(over_tls(certificate, town.speaks(b"220 mail.example ESMTP\r\n")))
    assert "not HTTP" in str(refusal(_at(port, tmp_path, authority.pem.encode()), 3.0))


def test_plain_http_on_the_port_is_unverified(town: Street, tmp_path: Path) -> None:
    """TLS is never given up for a server that does not speak it."""
    authority, _ = _certificate()
    assert "TLS" in str(refusal(_at(town.http(), tmp_path, authority.pem.encode()), 3.0))


def test_a_closed_port_is_unverified(tmp_path: Path) -> None:
    """A cluster that was deleted, or a VPN that is off."""
    authority, _ = _certificate()
    assert "refuses connections at 127.0.0.1:1" in str(refusal(_at(1, tmp_path, authority.pem.encode()), 3.0))


def test_a_hanging_service_is_evidence(served: Served, tmp_path: Path, town: Street) -> None:
    """The API server answers, the service behind it does not: that is a finding, not our failure to look."""
    path = "/api/v1/namespaces"
    assert served.request("POST", path, body={"metadata": {"name": "shop"}}).ok
    port = town.house(town.says_nothing)
    served.pod_ports["10.0.0.1", 3000] = ("127.0.0.1", port)
    service = {"metadata": {"name": "cart"}, "spec": {"ports": [{"name": "http", "port": 80}]}}
    subsets = [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"name": "http", "port": 3000}]}]
    assert served.request("POST", f"{path}/shop/services", body=service).ok
    endpoints = {"metadata": {"name": "cart"}, "subsets": subsets}
    assert served.request("POST", f"{path}/shop/endpoints", body=endpoints).ok
    began = time.monotonic()
    connections = run_at(served, tmp_path, who="admin")
    seen = proxy.service_answer.looking(connections, "shop", "cart", 80, "/health").look()
    assert time.monotonic() - began < 10
    assert seen.status is None
    assert "no answer from cart:80" in seen.problem


def test_an_unknown_context_names_those_there_are(served: Served, tmp_path: Path) -> None:
    """The nearest way to the right context is to see the list."""
    file = kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), {"token": TOKEN})
    cluster = {**ENVIRONMENT["cluster"], "context": "prod"}
    error = refusal(run(file, {**ENVIRONMENT, "cluster": cluster}), 3.0)
    assert "has no context 'prod'; it has: shop" in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such file"),
        ("", "has no context 'shop'; it has: none"),
        ("clusters: [", "is not YAML (ParserError)"),
        ("[]", "is not a mapping"),
    ],
)
def test_a_broken_kubeconfig_is_unverified(tmp_path: Path, text: str | None, words: str) -> None:
    """Whatever is wrong with the file, one paragraph names it."""
    file = tmp_path / "broken"
    if text is not None:
        file.write_text(text)
    error = refusal(run(file), 3.0)
    assert words in str(error)
    assert str(file) in str(error)


def test_skipped_verification_is_refused(served: Served, tmp_path: Path) -> None:
    """A cluster that anybody can pretend to be is no evidence."""
    skips = {"insecure-skip-tls-verify": True}
    file = kubeconfig(tmp_path, served.url, None, {"token": TOKEN}, **skips)
    assert "skips TLS verification" in str(refusal(run(file), 3.0))


_NO_CREDENTIAL = '{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {}}'


def _plugin(folder: Path, script: str) -> dict[str, Any]:
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program)}}


def test_a_credential_plugin_gives_the_token(served: Served, tmp_path: Path) -> None:
    """EKS kubeconfigs run `aws eks get-token`."""
    status = '"status": {"token": "viewer", "expirationTimestamp": "2099-01-01T00:00:00Z"}'
    answer = f'{{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", {status}}}'
    user = _plugin(tmp_path, f"echo '{answer}'; echo once >> {tmp_path}/runs")
    connections = run(kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), user))
    for _ in range(3):
        assert context.looking(connections).look().server == served.url
    assert (tmp_path / "runs").read_text() == "once\n", "it is run again only when its token runs out"
    assert connections.secrets.redact("Bearer viewer") == "Bearer [redacted]"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'Unable to locate credentials' >&2; exit 253", "status 253: Unable to locate credentials"),
        ("echo nonsense", "did not print an ExecCredential"),
        (f"echo '{_NO_CREDENTIAL}'", "neither a token nor a client certificate"),
    ],
)
def test_a_failing_credential_plugin_is_unverified(tmp_path: Path, script: str, words: str) -> None:
    """Asking as nobody instead would end in a 403 that blames the wrong thing."""
    file = kubeconfig(tmp_path, "https://127.0.0.1:1", None, _plugin(tmp_path, script))
    assert words in str(refusal(run(file), 5.0))


def test_a_missing_credential_plugin_is_named(tmp_path: Path) -> None:
    """On a CI runner without the aws CLI."""
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}
    file = kubeconfig(tmp_path, "https://127.0.0.1:1", None, {"exec": plugin})
    assert "no-such-plugin` is not installed" in str(refusal(run(file), 3.0)).replace("`)", "`")


def test_a_pod_uses_its_service_account(served: Served, tmp_path: Path) -> None:
    """In the cluster no kubeconfig is needed; the kubelet puts token and CA there."""
    (tmp_path / "token").write_text("viewer\n")
    (tmp_path / "ca.crt").write_text(served.ca_file.read_text())
    host, _, port = served.url.removeprefix("https://").partition(":")
    cluster = {**ENVIRONMENT["cluster"], "context": None}
    shell = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    connections = run("", {**ENVIRONMENT, "cluster": cluster}, shell)
    found = access(connections, tmp_path)
    assert found.in_cluster
    assert found.server == served.url
    session = opened(found, connections.process, connections.secrets)
    assert session.headers()["authorization"] == "bearer viewer"
    assert session.ca == served.ca_file.read_text()


def test_a_list_cut_short_is_unverified(town: Street, tmp_path: Path) -> None:
    """The first half of a listing must not pass for the whole of it."""
    authority, certificate = _certificate()
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{"items": [{"metadata": {"name": "cart-1"}}'
    port = town.house(over_tls(certificate, town.speaks(half)))
    assert "in the middle of its answer" in str(refusal(_at(port, tmp_path, authority.pem.encode()), 3.0))
