"""Kubeconfigs of all kinds, each with what a run and kubectl make of it: users and credential plugins."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CONNECTS: Final = ""
V1: Final = "client.authentication.k8s.io/v1"
LENIENT: Final = "more is taken than kubectl takes; it does no harm"


@dataclass(frozen=True)
class Variant:
    """A kubeconfig, and the words of the one sentence about it (none: it connects).

    `cluster`, `user`, `context`: what is changed in a healthy one; None leaves a key out. In every text,
    `{url}`, `{ca}` (base64), `{folder}` and the like are filled in. `files`: further
    files, by name, as text. `differs`: why kubectl does otherwise.
    """

    name: str
    words: str = CONNECTS
    cluster: Mapping[str, Any] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    whole: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    kubeconfig: str = "{folder}/config"
    process: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    named: str = "shop"
    differs: str = ""


def _jwt(ends_in_s: float) -> str:
    parts = ({"alg": "none"}, {"exp": time.time() + ends_in_s})
    return ".".join(
        [
            *(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts),
            "viewer",
        ]
    )


OIDC_TOKEN: Final = _jwt(3600)


def _exec(**changes: Any) -> dict[str, Any]:
    settings = {"apiVersion": V1, "command": "{folder}/plugin", "interactiveMode": "Never", **changes}
    return {"token": None, "exec": settings}


def _plugin(answer: str = '{{"token": "viewer"}}', before: str = "", version: str = V1) -> dict[str, str]:
    printed = f'{{{{"kind": "ExecCredential", "apiVersion": "{version}", "status": {answer}}}}}'
    return {"plugin": f"#!/bin/sh\n{before}\necho '{printed}'\n"}


def _oidc(token: str) -> dict[str, Any]:
    settings = {"idp-issuer-url": "https://127.0.0.1:1", "client-id": "shop", "id-token": token}
    return {"token": None, "auth-provider": {"name": "oidc", "config": settings}}


_MTLS = {"server": "{mtls}", "certificate-authority-data": "{front_ca}"}
_PAIR = {"client-certificate-data": "{certificate}", "client-key-data": "{key}"}

_USERS: Final[Sequence[Variant]] = (
    Variant("a token file", user={"token": None, "tokenFile": "token"}),
    Variant(
        "a token file that is not there", "which cannot be read", user={"token": None, "tokenFile": "none"}
    ),
    Variant("a token and a token file", user={"token": "unknown", "tokenFile": "token"}),
    Variant("an empty token file", "does not let us list pods", user={"token": None, "tokenFile": "empty"}),
    Variant("an unknown token", "does not accept our credentials (401", user={"token": "unknown"}),
    Variant("a line break after the token", "line break", user={"token": "viewer\n"}),
    Variant("a line break in the token", "line break", user={"token": "vie\nwer"}),
    Variant(
        "a token with another alphabet", "another character", user={"token": "토큰"}, differs="sent as it is"
    ),
    Variant("no way to log in", "does not let us list pods in shop", user={"token": None}),
    Variant(
        "name and password",
        "does not accept our credentials",
        user={"token": None, "username": "shop", "password": "p:ä%"},
    ),
    Variant("a client certificate", cluster=_MTLS, user=_PAIR),
    Variant(
        "a client certificate in files",
        cluster=_MTLS,
        user={"client-certificate": "client.pem", "client-key": "client-key.pem"},
    ),
    Variant("no client certificate where one is asked for", "asked to list pods", cluster=_MTLS),
    Variant(
        "a client certificate without a key",
        "no client-key",
        cluster=_MTLS,
        user={"token": None, "client-certificate-data": "{certificate}"},
    ),
    Variant(
        "a key of another certificate",
        "cannot be used",
        cluster=_MTLS,
        user={"client-certificate-data": "{certificate}", "client-key-data": "{other_key}"},
    ),
    Variant(
        "an encrypted key",
        "cannot be used",
        cluster=_MTLS,
        user={"client-certificate-data": "{certificate}", "client-key-data": "{encrypted_key}"},
    ),
    Variant(
        "somebody else's rights", "does not let us list pods in shop", user={"token": "admin", "as": "nobody"}
    ),
    Variant(
        "rights of a group", user={"token": "admin", "as": "cook", "as-groups": ["kitchen", "system:masters"]}
    ),
    Variant("rights that may not be asked for", "does not let us", user={"as": "kubernetes-admin"}),
    Variant("a group without a user", "need `as`", user={"token": "admin", "as-groups": ["system:masters"]}),
    Variant(
        "everything of somebody else",
        "does not let us",
        user={"token": "admin", "as": "jäne", "as-uid": "7", "as-user-extra": {"acme.com/scope": ["a", "b"]}},
    ),
    Variant("an OpenID Connect token", user=_oidc(OIDC_TOKEN)),
    Variant("an OpenID Connect token that has run out", "has run out", user=_oidc(_jwt(-60))),
    Variant("no OpenID Connect token", "is missing", user=_oidc("")),
    Variant(
        "a provider that is gone",
        "auth-provider 'gcp'",
        user={"token": None, "auth-provider": {"name": "gcp", "config": {}}},
    ),
)
_PLUGINS: Final[Sequence[Variant]] = (
    Variant("a plugin", user=_exec(), files=_plugin()),
    Variant("a plugin of the beta", user=_exec(apiVersion=V1 + "beta1"), files=_plugin(version=V1 + "beta1")),
    Variant(
        "a plugin of the alpha", "renew the kubeconfig", user=_exec(apiVersion=V1 + "alpha1"), files=_plugin()
    ),
    Variant("a plugin beside the file", user=_exec(command="./plugin"), files=_plugin()),
    Variant(
        "a plugin on the PATH",
        user=_exec(command="plugin"),
        files=_plugin(),
        process={"PATH": "{folder}:{path}"},
    ),
    Variant(
        "a plugin that is not installed",
        "not installed; brew install it.",
        user=_exec(command="no-such", installHint="brew install it."),
    ),
    Variant(
        "a plugin that fails",
        "status 3: first line / last line",
        user=_exec(),
        files=_plugin(before="echo first line >&2; echo last line >&2; exit 3"),
    ),
    Variant(
        "a plugin that prints something else",
        "did not print an ExecCredential",
        user=_exec(),
        files={"plugin": "#!/bin/sh\necho hello\n"},
    ),
    Variant("a plugin that gives nothing", "neither a token", user=_exec(), files=_plugin("{{}}")),
    Variant(
        "a plugin of another version",
        "answers with the apiVersion",
        user=_exec(),
        files=_plugin(version=V1 + "beta1"),
    ),
    Variant(
        "a plugin with variables",
        user=_exec(env=[{"name": "WHO", "value": "viewer"}]),
        files=_plugin(before='[ "$WHO" = viewer ] || exit 5'),
    ),
    Variant(
        "a plugin that is shown the cluster",
        user=_exec(provideClusterInfo=True),
        files=_plugin(before='case "$KUBERNETES_EXEC_INFO" in *{url}*) ;; *) exit 6;; esac'),
    ),
    Variant(
        "a plugin that is not shown the cluster",
        user=_exec(),
        files=_plugin(before='case "$KUBERNETES_EXEC_INFO" in *{url}*) exit 6;; esac'),
    ),
    Variant(
        "a plugin that gives a certificate",
        cluster=_MTLS,
        user=_exec(),
        files=_plugin(
            '{{"token": "viewer", "clientCertificateData": "{certificate_line}", '
            '"clientKeyData": "{key_line}"}}'
        ),
    ),
    Variant(
        "a plugin that needs a terminal",
        "interactive only",
        user=_exec(interactiveMode="Always"),
        files=_plugin(),
    ),
    Variant(
        "a plugin with a line break in its token",
        "line break",
        user=_exec(),
        files=_plugin('{{"token": "a\\\\nb"}}'),
    ),
)
LOGINS: Final = (*_USERS, *_PLUGINS)
