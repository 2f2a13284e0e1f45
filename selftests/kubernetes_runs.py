"""Runs of the Kubernetes probes against an API server of the sandbox, by a kubeconfig of their own."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from postflight.environment import Environment
from postflight.evidence import LiveAnswers
from postflight.probes.connections import Connections
from postflight.probes.reads import Probe
from postflight.subjects import Ask
from sandbox.network.certificates import Certificate
from selftests.kube_api_server import Served, serving
from selftests.rude_servers import Behaviour

ENVIRONMENT: Mapping[str, Any] = {
    "aws": {"account": "123456789012", "region": "ap-northeast-2"},
    "cluster": {"name": "shop-eks", "context": "shop", "node_security_group": "nodes"},
}


def kubeconfig(folder: Path, server: str, ca: bytes | None, user: Mapping[str, Any], **cluster: Any) -> Path:
    """Write a kubeconfig with the context `shop`."""
    entry = {"server": server, **cluster}
    if ca is not None:
        entry["certificate-authority-data"] = base64.b64encode(ca).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "shop", "cluster": entry}],
        "users": [{"name": "looker", "user": dict(user)}],
        "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "looker"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def run(
    file: Path | str, environment: Mapping[str, Any] = ENVIRONMENT, process: Mapping[str, str] | None = None
) -> Connections:
    """Return the connections of a run that has this kubeconfig, and `process` in its shell."""
    shell = {"KUBECONFIG": str(file), "HOME": "/nonexistent", **(process or {})}
    return Connections(Environment.model_validate(environment), "outside", shell)


def run_at(served: Served, folder: Path, who: str = "viewer", **process: str) -> Connections:
    """Return the connections of a run that reaches this server as one of its users."""
    ca = served.ca_file.read_bytes()
    return run(kubeconfig(folder, served.url, ca, {"token": who}), process=process)


def over_tls(certificate: Certificate, behaviour: Behaviour) -> Behaviour:
    """Return a behaviour inside TLS with this certificate."""
    context = certificate.server_context()

    def behave(guest: socket.socket) -> None:
        with context.wrap_socket(guest, server_side=True) as inside:
            behaviour(inside)

    return behave


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


@contextmanager
def serving_shop(folder: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving(folder) as server:
        post(server, "/api/v1/namespaces", {"metadata": {"name": "shop"}})
        yield server


def asking(served: Served, folder: Path, who: str = "viewer") -> Ask:
    """Return what rows ask this server with."""
    return Ask(LiveAnswers(), run_at(served, folder, who))
