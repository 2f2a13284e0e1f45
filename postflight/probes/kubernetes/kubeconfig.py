"""Reads kubeconfig files as kubectl does: merged in order, paths relative to their file, exec plugins run."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from postflight.evidence import Unverified
from postflight.probes.kubernetes.access import Access, Credential, Renewed, decoded
from postflight.redaction import cut_short, masked

_PLUGIN_LIMIT_S = 15.0
_EARLY_S = 60.0


@dataclass(frozen=True)
class _Entry:
    """One named entry, and the folder that its relative paths start from."""

    body: dict[str, Any]
    folder: Path

    def text(self, key: str) -> str | None:
        """Return the text of `key`, or of the file that `key` names; `key`-data is its base64 form."""
        data = self.body.get(f"{key}-data")
        if data:
            return decoded(str(data), f"kubeconfig: {key}-data")
        if not self.body.get(key):
            return None
        return self.file(str(self.body[key]))

    def file(self, name: str) -> str:
        path = self.folder / Path(name).expanduser()
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Unverified(
                f"The kubeconfig names {path}, which cannot be read ({type(error).__name__})."
            ) from None


@dataclass(frozen=True)
class Kubeconfig:
    """All kubeconfig files of a run, merged: the first to name a thing wins."""

    files: tuple[Path, ...]
    contexts: Mapping[str, _Entry]
    clusters: Mapping[str, _Entry]
    users: Mapping[str, _Entry]

    def access(self, context: str, process: Mapping[str, str], remember: Callable[[str], str]) -> Access:
        """Return the way in that a context describes; `remember` is told of secrets. Raises Unverified."""
        where = ", ".join(map(str, self.files))
        if context not in self.contexts:
            known = ", ".join(sorted(self.contexts)) or "none"
            raise Unverified(f"The kubeconfig ({where}) has no context {context!r}; it has: {known}.")
        body = self.contexts[context].body
        cluster = self.clusters.get(str(body.get("cluster")))
        if cluster is None:
            raise Unverified(
                f"The kubeconfig ({where}) has no cluster {body.get('cluster')!r} for {context!r}."
            )
        if cluster.body.get("insecure-skip-tls-verify"):
            message = f"Context {context!r} ({where}) skips TLS verification; put the cluster's CA there."
            raise Unverified(message)
        user = self.users.get(str(body.get("user")), _Entry({}, Path()))
        server = str(cluster.body.get("server", ""))
        return Access(
            label=f"context {context}",
            server=server.rstrip("/"),
            user=str(body.get("user", "")),
            ca=cluster.text("certificate-authority"),
            credential=Renewed(lambda: _credential(user, context, server, process, remember)),
            tls_server_name=cluster.body.get("tls-server-name"),
            proxy=cluster.body.get("proxy-url") or _shell_proxy(server, process),
        )


def _shell_proxy(server: str, process: Mapping[str, str]) -> str | None:
    """Return the proxy that HTTPS_PROXY names, unless NO_PROXY exempts the server."""
    proxy = process.get("HTTPS_PROXY") or process.get("https_proxy")
    exempt = (process.get("NO_PROXY") or process.get("no_proxy") or "").replace(" ", "").split(",")
    host = urlsplit(server).hostname or ""
    is_local = host == "localhost" or host.startswith("127.")
    ends = [name.removeprefix("*").lstrip(".") for name in exempt if name]
    is_exempt = "*" in exempt or any(host == end or host.endswith(f".{end}") for end in ends if end)
    return None if is_local or is_exempt else proxy


def kubeconfig(process: Mapping[str, str]) -> Kubeconfig | None:
    """Read the files of KUBECONFIG, else `~/.kube/config`; None where there is none. Raises Unverified."""
    named = [Path(name).expanduser() for name in process.get("KUBECONFIG", "").split(os.pathsep) if name]
    default = Path(process.get("HOME", "~")).expanduser() / ".kube" / "config"
    files = tuple(file for file in named or [default] if file.is_file())
    if named and not files:
        raise Unverified(f"KUBECONFIG names {', '.join(map(str, named))}, and there is no such file.")
    if not files:
        return None
    merged: dict[str, dict[str, _Entry]] = {"contexts": {}, "clusters": {}, "users": {}}
    for file in files:
        content = _read(file)
        for section, entries in merged.items():
            for item in content.get(section) or ():
                body = item.get(section.removesuffix("s")) or {}
                entries.setdefault(str(item.get("name")), _Entry(body, file.parent))
    return Kubeconfig(files, **merged)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Unverified(f"The kubeconfig {file} cannot be read ({type(error).__name__}).") from None
    if not isinstance(content, dict):
        raise Unverified(f"The kubeconfig {file} is empty, or not a mapping.")
    return content


def _credential(
    user: _Entry, context: str, server: str, process: Mapping[str, str], remember: Callable[[str], str]
) -> Credential:
    body = user.body
    certificate, key = user.text("client-certificate"), user.text("client-key")
    if key:
        remember(key)
    if body.get("tokenFile") or body.get("token"):
        token = user.file(str(body["tokenFile"])).strip() if body.get("tokenFile") else str(body["token"])
        return Credential(f"Bearer {remember(token)}", certificate, key)
    if body.get("exec"):
        return _from_plugin(user, context, server, process, remember)
    if body.get("username") and body.get("password"):
        pair = f"{body['username']}:{remember(str(body['password']))}"
        return Credential(f"Basic {remember(base64.b64encode(pair.encode()).decode())}", certificate, key)
    if body.get("auth-provider"):
        message = (
            f"Context {context!r} uses an `auth-provider`, which kubectl has given up; use an exec plugin."
        )
        raise Unverified(message)
    return Credential(None, certificate, key, good_for_s=3600.0)


def _from_plugin(
    user: _Entry, context: str, server: str, process: Mapping[str, str], remember: Callable[[str], str]
) -> Credential:
    plugin = user.body["exec"]
    command = [str(plugin.get("command", "")), *map(str, plugin.get("args") or ())]
    said = f"The credential plugin of context {context!r} (`{' '.join(command)}`)"
    information = {
        "apiVersion": plugin.get("apiVersion"),
        "kind": "ExecCredential",
        "spec": {"interactive": False, "cluster": {"server": server}},
    }
    extra = {str(entry["name"]): str(entry["value"]) for entry in plugin.get("env") or ()}
    environment = {**process, **extra, "KUBERNETES_EXEC_INFO": json.dumps(information)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_PLUGIN_LIMIT_S, check=False,
            stdin=subprocess.DEVNULL, cwd=user.folder,
        )  # fmt: skip
    except FileNotFoundError:
        raise Unverified(f"{said} is not installed; {plugin.get('installHint') or 'install it'}.") from None
    except subprocess.TimeoutExpired:
        raise Unverified(f"{said} did not end within {_PLUGIN_LIMIT_S:g} s.") from None
    except OSError as error:
        raise Unverified(f"{said} cannot be run: {error.strerror}.") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise Unverified(f"{said} failed with status {done.returncode}: {cut_short(masked(words[-1]), 300)}")
    return _plugin_answer(done.stdout, said, remember)


def _plugin_answer(output: bytes, said: str, remember: Callable[[str], str]) -> Credential:
    try:
        status = json.loads(output)["status"]
        ends = status.get("expirationTimestamp")
        good_for_s = 3600.0
        if ends:
            moment = dt.datetime.fromisoformat(str(ends))
            left = (moment - dt.datetime.now(dt.UTC)).total_seconds()
            good_for_s = max(left - _EARLY_S, 1.0)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unverified(f"{said} did not print an ExecCredential.") from None
    token, certificate, key = (
        status.get(name) for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if not token and not (certificate and key):
        raise Unverified(f"{said} gave neither a token nor a client certificate.")
    for secret in (token, key):
        if secret:
            remember(str(secret))
    header = f"Bearer {token}" if token else None
    return Credential(header, certificate, key, good_for_s)
