"""The users of the sandbox's Kubernetes API, and the kubeconfig that holds them."""

from __future__ import annotations

import base64
import json
from typing import Final

from sandbox import names
from sandbox.kube_api.server import Rule, User

READER: Final = User(
    "postflight",
    ("system:authenticated",),
    (
        Rule(("get", "list", "watch"), ("*",), ("*",)),
        Rule(("create", "get"), ("",), ("pods/exec", "services/proxy", "pods/proxy")),
    ),
)
ADMIN: Final = User("sandbox-admin", ("system:masters", "system:authenticated"))


def kubeconfig(url: str, authority: str, reader: str, admin: str) -> str:
    """Write a kubeconfig (JSON is YAML): context `sandbox` may read, `sandbox-admin` may do everything."""
    cluster = {
        "server": url,
        "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
    }
    users = {"postflight": reader, "sandbox-admin": admin}
    contexts = {names.CONTEXT: "postflight", f"{names.CONTEXT}-admin": "sandbox-admin"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": names.CLUSTER, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}} for name, token in users.items()],
        "contexts": [
            {"name": name, "context": {"cluster": names.CLUSTER, "user": user}}
            for name, user in contexts.items()
        ],
        "current-context": names.CONTEXT,
    }
    return json.dumps(document, indent=2) + "\n"
