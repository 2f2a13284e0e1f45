"""The way to a Kubernetes API: whose rights, through which proxy, whom it trusts, what is left on disk."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from postflight.evidence import Unverified
from postflight.probes.aws.eks import Cluster
from postflight.probes.kubernetes import exec as commands
from postflight.probes.kubernetes import pods
from postflight.probes.kubernetes.access import opened, tls_context
from postflight.probes.kubernetes.context import context
from postflight.probes.kubernetes.eks import access_to
from postflight.probes.kubernetes.exchange import NoAnswerError
from postflight.probes.kubernetes.outbound_proxy import is_exempt
from sandbox.network.certificates import Authority
from selftests.kube_api_server import Served, pod_manifest
from selftests.kube_fronts import Proxy, front_door
from selftests.kubernetes_runs import ENVIRONMENT, kubeconfig, look, post, run, serving_shop, set_status
from selftests.rude_servers import Street, street

SHOP = "/api/v1/namespaces/shop"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


@pytest.fixture
def town() -> Iterator[Street]:
    """Give a place for servers that do not play their part."""
    with street() as opened:
        yield opened


@pytest.fixture
def heard(town: Street) -> tuple[str, list[bytes]]:
    """Give a plain HTTP server, and what it is sent."""
    said: list[bytes] = []

    def listen(guest: Any) -> None:
        said.append(guest.recv(65536))
        guest.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    return f"http://127.0.0.1:{town.house(listen)}", said


def running_pod(served: Served) -> None:
    """Put a running pod `api-1` into the shop."""
    post(served, f"{SHOP}/pods", pod_manifest("api-1"))
    box = {"name": "box", "image": "shop:1", "imageID": "", "restartCount": 0, "ready": True,
           "state": {"running": {"startedAt": "2026-01-20T00:00:00Z"}}}  # fmt: skip
    set_status(served, f"{SHOP}/pods/api-1", {"phase": "Running", "containerStatuses": [box]})


IMPERSONATION = {
    "as": "jane",
    "as-uid": "7",
    "as-groups": ["kitchen", "cooks"],
    "as-user-extra": {"acme.com/scope": ["a", "b"]},
}
SENT = (
    b"Impersonate-User: jane", b"Impersonate-Uid: 7", b"Impersonate-Group: kitchen",
    b"Impersonate-Group: cooks", b"Impersonate-Extra-acme.com%2Fscope: a",
    b"Impersonate-Extra-acme.com%2Fscope: b",
)  # fmt: skip


@pytest.mark.parametrize(
    "ask",
    [
        lambda connections: look(pods.pods, connections, "shop"),
        lambda connections: look(commands.superusers, connections, "shop", "api-1", "box"),
    ],
    ids=["a listing", "a command in a pod"],
)
def test_impersonation_is_sent_with_every_request(
    heard: tuple[str, list[bytes]], tmp_path: Path, ask: Any
) -> None:
    """With rights that kubectl would not have, a run would be green where an operator is refused."""
    connections = run(kubeconfig(tmp_path, heard[0], None, {"token": "t", **IMPERSONATION}))
    with pytest.raises(Unverified):
        ask(connections)
    assert len(heard[1]) == 1
    assert [header for header in SENT if header not in heard[1][0]] == []


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_commands_in_pods_go_through_the_proxy_too(
    served: Served, town: Street, tmp_path: Path, tls: bool
) -> None:
    """A WebSocket takes the way of every other request: proxy, login, certificate, name."""
    running_pod(served)
    certificate = Authority("Proxy").issue("127.0.0.1")
    between = Proxy(town, "me:p@ss word", certificate.server_context() if tls else None)
    ca = served.ca_file.read_bytes() + certificate.chain_pem.encode()
    url = f"{'https' if tls else 'http'}://me:p%40ss%20word@127.0.0.1:{between.port}"
    named = {"proxy-url": url, "tls-server-name": "127.0.0.1"}
    server = served.url.replace("127.0.0.1", "api.shop.example")
    connections = run(kubeconfig(tmp_path, server, ca, {"token": "admin"}, **named))
    assert look(context, connections).version
    assert "users.count()" in look(commands.superusers, connections, "shop", "api-1", "box").problem
    assert between.asked == [urlsplit(server).netloc] * 2
    assert "p@ss word" not in connections.secrets.redact("p@ss word")


@pytest.mark.parametrize("exempt", ["", "*", ".shop.example"])
def test_eks_by_name_uses_the_proxy_of_the_shell(
    served: Served, town: Street, tmp_path: Path, exempt: str
) -> None:
    """Where AWS is reached by a proxy, so is the cluster."""
    certificate = Authority("EKS").issue("api.shop.example")
    between = Proxy(town)
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
    shell = {"HTTPS_PROXY": f"http://127.0.0.1:{between.port}", "NO_PROXY": exempt, **keys}
    connections = run(tmp_path / "none", process=shell)
    with front_door(served, certificate.server_context()) as port:
        server = f"https://api.shop.example:{port}"
        found = Cluster(found=True, name="shop-eks", endpoint=server, ca=certificate.chain_pem)
        session = opened(access_to(connections, found), shell, connections.secrets)
        assert session.headers()["authorization"].startswith("Bearer k8s-aws-v1.")
        with contextlib.suppress(NoAnswerError), session.transport.exchange("/version", {}, 5.0) as answer:
            assert answer.status == 200
    assert between.asked == ([] if exempt else [urlsplit(server).netloc])


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("ap-northeast-2", "sts.ap-northeast-2.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("us-iso-east-1", "sts.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "sts.us-isob-east-1.sc2s.sgov.gov"),
        ("eusc-de-east-1", "sts.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_a_token_of_eks_is_signed_for_the_regions_sts(tmp_path: Path, region: str, host: str) -> None:
    """EKS sends the signed request to that host: one signed for another is no login."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}
    environment = {**ENVIRONMENT, "aws": {**ENVIRONMENT["aws"], "region": region}}
    connections = run(tmp_path / "none", environment, keys)
    found = Cluster(found=True, name="shop-eks", endpoint="https://127.0.0.1:1", ca="")
    headers = opened(access_to(connections, found), keys, connections.secrets).headers()
    token = headers["authorization"].removeprefix("Bearer k8s-aws-v1.")
    signed = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    assert signed.netloc == host
    assert f"%2F{region}%2Fsts%2Faws4_request" in signed.query


@pytest.mark.parametrize(
    ("server", "exempt", "is_it"),
    [
        ("https://10.9.8.7:6443", "10.0.0.0/8", True),
        ("https://10.9.8.7:6443", "11.0.0.0/8", False),
        ("https://10.9.8.7:6443", "10.9.8.7", True),
        ("https://10.9.8.7:6443", "10.9.8.7:6443", True),
        ("https://10.9.8.7:6443", "10.9.8.7:443", False),
        ("https://10.9.8.7", "10.9.8.7:443", True),
        ("https://[fd00::7]:6443", "fd00::/8", True),
        ("https://[fd00::7]:6443", "fd00::7", True),
        ("https://[fd00::7]:6443", "[fd00::7]:6443", True),
        ("https://[fd00::7]:6443", "[fd00::7]:443", False),
        ("https://a.eks.amazonaws.com", "amazonaws.com", True),
        ("https://a.eks.amazonaws.com", ".amazonaws.com", True),
        ("https://a.eks.amazonaws.com", "*.amazonaws.com", True),
        ("https://a.eks.amazonaws.com", "other.com, EKS.amazonaws.com ", True),
        ("https://a.eks.amazonaws.com", "eks.amazonaws.com:443", True),
        ("https://a.eks.amazonaws.com", "eks.amazonaws.com:6443", False),
        ("https://amazonaws.com", ".amazonaws.com", False),
        ("https://notamazonaws.com", "amazonaws.com", False),
        ("https://a.eks.amazonaws.com", "*", True),
        ("https://a.eks.amazonaws.com", "10.0.0.0/8,not/a/range,,", False),
        ("https://a.eks.amazonaws.com", "", False),
        ("https://localhost:6443", "", True),
        ("https://127.0.0.9:6443", "", True),
        ("https://[::1]:6443", "", True),
    ],
)
def test_no_proxy_is_read_as_kubectl_reads_it(server: str, exempt: str, is_it: bool) -> None:
    """Source: golang.org/x/net/http/httpproxy."""
    assert is_exempt(urlsplit(server), exempt) == is_it


def test_a_socks_proxy_needs_pysocks_or_is_used(served: Served, tmp_path: Path) -> None:
    """Without the library one sentence says so; with it, a proxy that is down is the proxy's fault."""
    file = kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), {"token": "viewer"},
                      **{"proxy-url": "socks5://127.0.0.1:1"})  # fmt: skip
    with pytest.raises(Unverified, match=r"PySocks|SOCKS|proxy"):
        look(pods.pods, run(file), "shop")


def test_no_key_is_left_on_disk(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while the run goes on: a run may be killed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    client = Authority("Client").issue("looker")
    pair = {"client-certificate-data": client.cert_pem, "client-key-data": client.key_pem}
    user = {"token": "viewer", **{name: _base64(pem) for name, pem in pair.items()}}
    connections = run(kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), user))
    assert look(pods.pods, connections, "shop").items == ()
    assert list(scratch.iterdir()) == []
    broken = {**user, "client-key-data": _base64("no key")}
    with pytest.raises(Unverified, match="cannot be used"):
        look(pods.pods, run(kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), broken)), "shop")
    assert list(scratch.iterdir()) == []


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _bare_certificates() -> tuple[str, str]:
    """Return a CA without a Subject Key Identifier, and a pair that names no Authority Key Identifier."""
    now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bare")])
    leaf = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api")])
    ours, theirs = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    model = Authority("Times").issue("127.0.0.1")

    def builder(subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(now).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(model.not_before).not_valid_after(model.not_after)

    ca = builder(now, ours).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = builder(leaf, theirs).add_extension(names, critical=False)
    pem = serialization.Encoding.PEM
    key = theirs.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signed = server.sign(ours, hashes.SHA256()).public_bytes(pem)
    return ca.sign(ours, hashes.SHA256()).public_bytes(pem).decode(), (key + signed).decode()


def test_certificates_without_key_identifiers_are_trusted(served: Served, tmp_path: Path) -> None:
    """Python 3.13 refuses them unless told otherwise, and EKS has had such; Go takes them."""
    ca, pair = _bare_certificates()
    (tmp_path / "pair.pem").write_text(pair)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(tmp_path / "pair.pem")
    strict = ssl.create_default_context(cadata=ca)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    with front_door(served, theirs) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match="Key Identifier"):
            _shake_hands(strict, port)
        assert not tls_context(ca).verify_flags & ssl.VERIFY_X509_STRICT
        file = kubeconfig(tmp_path, f"https://127.0.0.1:{port}", ca.encode(), {"token": "viewer"})
        seen = look(pods.pods, run(file), "shop")
    assert seen.items == ()


def _shake_hands(context: ssl.SSLContext, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        context.wrap_socket(plain, server_hostname="127.0.0.1").close()
