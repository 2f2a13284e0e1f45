"""Every kind of kubeconfig: it connects where kubectl connects, or one sentence says what is missing."""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from postflight.evidence import Unverified
from postflight.probes.kubernetes import pods
from sandbox.network.certificates import Authority, Certificate
from selftests.kube_api_server import USERS, Served
from selftests.kube_fronts import Proxy, front_door
from selftests.kubeconfig_logins import CONNECTS, OIDC_TOKEN, Variant
from selftests.kubeconfigs import VARIANTS
from selftests.kubernetes_runs import ENVIRONMENT, look, run, serving_shop
from selftests.rude_servers import street

KUBECTL = shutil.which("kubectl")
NAMES = ("127.0.0.1", "localhost", "api.shop.example", "::1")


@dataclass(frozen=True)
class Place:
    """An API server with proxies and front doors, and what kubeconfigs say of them."""

    served: Served
    known: Mapping[str, str]
    proxies: Mapping[str, Proxy]


def _encoded(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _encrypted(key: str) -> bytes:
    loaded = serialization.load_pem_private_key(key.encode(), password=None)
    sealed = serialization.BestAvailableEncryption(b"sealed")
    return loaded.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, sealed
    )


def _demanding(certificate: Certificate, authority: Authority) -> ssl.SSLContext:
    context = certificate.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem)
    return context


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give the servers that all variants share."""
    authority = Authority("Front")
    certificate, client, other = (authority.issue(*names) for names in (NAMES, ("looker",), ("other",)))
    plain = certificate.server_context()
    with ExitStack() as stack:
        served = stack.enter_context(serving_shop(tmp_path_factory.mktemp("served")))
        users = served.api._users  # noqa: SLF001 - a token that is made anew for each session
        assert isinstance(users, dict)
        users[OIDC_TOKEN] = USERS["viewer"]
        town = stack.enter_context(street())
        proxies = {
            "proxy": Proxy(town),
            "login_proxy": Proxy(town, login="me:p@ss word"),
            "tls_proxy": Proxy(town, tls=plain),
        }
        front = stack.enter_context(front_door(served, plain, "/k8s/clusters/c-1"))
        named = stack.enter_context(front_door(served, plain))
        mtls = stack.enter_context(front_door(served, _demanding(certificate, authority)))
        ipv6 = stack.enter_context(front_door(served, plain, host="::1"))
        ca = served.ca_file.read_text()
        known = {
            "url": served.url,
            "port": served.url.rpartition(":")[2],
            "ca": _encoded(ca),
            "wrapped_ca": "\n".join(textwrap.wrap(_encoded(ca), 64)),
            "spaced_ca": " ".join(textwrap.wrap(_encoded(ca), 64)),
            "leaf": _encoded(ssl.get_server_certificate(("127.0.0.1", int(served.url.rpartition(":")[2])))),
            "front": f"https://127.0.0.1:{front}",
            "front_port": str(named),
            "front_ca": _encoded(authority.pem),
            "mtls": f"https://127.0.0.1:{mtls}",
            "ipv6_port": str(ipv6),
            "certificate": _encoded(client.cert_pem),
            "key": _encoded(client.key_pem),
            "certificate_line": client.cert_pem.replace("\n", "\\\\n"),
            "key_line": client.key_pem.replace("\n", "\\\\n"),
            "other_key": _encoded(other.key_pem),
            "encrypted_key": _encoded(_encrypted(client.key_pem)),
            "client_pem": client.cert_pem,
            "client_key_pem": client.key_pem,
            "ca_pem": ca,
            "path": os.environ["PATH"],
            **{name: str(proxy.port) for name, proxy in proxies.items()},
        }
        yield Place(served, known, proxies)


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(one, known) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    return value.format(**known) if isinstance(value, str) else value


def _written(variant: Variant, known: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Write the files of a variant, and return the variables of the shell that uses it."""
    known = {**known, "folder": str(folder), "base": folder.name}
    cluster = {"server": "{url}", "certificate-authority-data": "{ca}", **variant.cluster}
    user = {"token": "viewer", **variant.user}
    context = {"cluster": "shop", "user": "looker", **variant.context}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "shop",
        "clusters": [{"name": "shop", "cluster": _filled(cluster, known)}],
        "users": [{"name": "looker", "user": _filled(user, known)}],
        "contexts": [{"name": variant.named, "context": _filled(context, known)}],
        **variant.whole,
    }
    if variant.name == "no such context":
        content["contexts"] = [{"name": "shop", "context": context}]
    (folder / "config").write_text(json.dumps(content), encoding=variant.encoding)
    texts = {"empty": "", "token": "viewer\n", "ca.pem": known["ca_pem"]}
    texts |= {"client.pem": known["client_pem"], "client-key.pem": known["client_key_pem"]}
    texts |= {name: text.format(**known) for name, text in variant.files.items()}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    shell = {"PATH": known["path"], "HOME": str(folder), "KUBECONFIG": variant.kubeconfig, **variant.process}
    return {name: value.format(**known) for name, value in shell.items()}


def _sentence(shell: Mapping[str, str], named: str) -> str:
    """List pods, and return what a run says where it cannot."""
    cluster = {**ENVIRONMENT["cluster"], "context": named}
    connections = run(shell["KUBECONFIG"], {**ENVIRONMENT, "cluster": cluster}, shell)
    try:
        assert look(pods.pods, connections, "shop").items == ()
    except Unverified as error:
        return str(error)
    return CONNECTS


def _kubectl_connects(shell: Mapping[str, str], named: str) -> bool:
    assert KUBECTL is not None
    asked = [
        KUBECTL,
        "--context",
        named,
        "--request-timeout=5s",
        "get",
        "--raw",
        "/api/v1/namespaces/shop/pods",
    ]
    done = subprocess.run(
        asked, env=dict(shell), capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    return done.returncode == 0


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_kubeconfig_connects_or_says_what_is_missing(place: Place, variant: Variant, tmp_path: Path) -> None:
    """Where it is installed, kubectl is the second opinion."""
    shell = _written(variant, place.known, tmp_path)
    before = (tmp_path / "config").read_bytes()

    sentence = _sentence(shell, variant.named)

    if variant.words == CONNECTS:
        assert sentence == CONNECTS
    else:
        assert variant.words in sentence
        assert "\n" not in sentence
        assert "Traceback" not in sentence
        assert "p@ss" not in sentence
    assert (tmp_path / "config").read_bytes() == before, "a run writes no kubeconfig"
    if KUBECTL is not None and not variant.differs:
        assert _kubectl_connects(shell, variant.named) == (sentence == CONNECTS)


def test_there_are_enough_variants() -> None:
    """A table that shrinks proves less."""
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS) >= 90
    assert sum(bool(variant.differs) for variant in VARIANTS) <= 6
