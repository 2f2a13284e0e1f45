"""Contexts of kubeconfig files, merged as kubectl merges them and read by the official client."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from postflight.evidence import Unverified
from postflight.probes.kubernetes.access import Access
from postflight.probes.kubernetes.kubeconfig_user import Login, impersonation
from postflight.redaction import Secrets, kubeconfigs

_SECTIONS: Final = {"contexts": "context", "clusters": "cluster", "users": "user"}
_PATHS: Final = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True)
class Kubeconfig:
    """All kubeconfig files of a run, merged: the first to name a thing wins. Paths in them are absolute."""

    files: tuple[Path, ...]
    contexts: Mapping[str, Mapping[str, Any]]
    clusters: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]

    @property
    def where(self) -> str:
        """The files, for messages."""
        return ", ".join(map(str, self.files))

    def server(self, context: str) -> str:
        """Return the address that a context leads to. Raises Unverified."""
        cluster = self._cluster(context)
        written = str(cluster.get("server") or "")
        if not written:
            raise Unverified(f"The kubeconfig ({self.where}) names no `server` for context {context!r}.")
        return written.rstrip("/")

    def access(self, context: str, process: Mapping[str, str], secrets: Secrets) -> Access:
        """Return the way in that a context describes. Raises Unverified."""
        cluster, server = self._cluster(context), self.server(context)
        name = str(self.contexts[context].get("user") or "")
        if name not in self.users:
            lack = f"no user {name!r}" if name else "no user named"
            raise Unverified(f"The kubeconfig ({self.where}) has {lack} for context {context!r}.")
        user = self.users[name]
        login = Login(context, name, {**cluster, "server": server}, user, process, secrets)
        return Access(
            label=f"context {context}",
            server=server,
            user=name,
            log_in=login,
            proxy_url=str(cluster["proxy-url"]) if cluster.get("proxy-url") else None,
            impersonation=impersonation(user, f"context {context}"),
        )

    def _cluster(self, context: str) -> Mapping[str, Any]:
        if context not in self.contexts:
            known = ", ".join(sorted(self.contexts)) or "none"
            raise Unverified(f"The kubeconfig ({self.where}) has no context {context!r}; it has: {known}.")
        name = str(self.contexts[context].get("cluster") or "")
        if name not in self.clusters:
            lack = f"no cluster {name!r}" if name else "no cluster named"
            raise Unverified(f"The kubeconfig ({self.where}) has {lack} for context {context!r}.")
        cluster = self.clusters[name]
        if cluster.get("insecure-skip-tls-verify"):
            raise Unverified(
                f"Context {context!r} ({self.where}) skips TLS verification; put the cluster's CA there."
            )
        return cluster


def kubeconfig(process: Mapping[str, str]) -> Kubeconfig | None:
    """Read the files of KUBECONFIG, else `~/.kube/config`; None where there is none. Raises Unverified."""
    named = kubeconfigs.named_by(process)
    files = tuple(filter(kubeconfigs.is_there, named or (kubeconfigs.default_of(process),)))
    if named and not files:
        raise Unverified(f"KUBECONFIG names {', '.join(map(str, named))}, and there is no such file.")
    if not files:
        return None
    merged: dict[str, dict[str, Mapping[str, Any]]] = {section: {} for section in _SECTIONS}
    for file in files:
        content = _read(file)
        for section, entries in merged.items():
            for name, body in _entries(content, section, file):
                entries.setdefault(name, body)
    return Kubeconfig(files, **merged)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = kubeconfigs.read(file)
    except kubeconfigs.UnreadableError as error:
        raise Unverified(f"The kubeconfig {file} {error}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Unverified(f"The kubeconfig {file} is not a mapping.")
    return content


def _entries(content: Mapping[str, Any], section: str, file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    listed = content.get(section) or []
    if not isinstance(listed, list):
        raise Unverified(f"The kubeconfig {file}: `{section}` is not a list.")
    for item in listed:
        if not isinstance(item, dict) or item.get("name") in {None, ""}:
            continue
        body = item.get(_SECTIONS[section]) or {}
        if not isinstance(body, dict):
            raise Unverified(f"The kubeconfig {file}: {section} {item['name']!r} is not a mapping.")
        yield str(item["name"]), _absolute(body, file.parent.absolute())


def _absolute(body: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return an entry without what is empty in it; its paths start from the file's folder."""
    found = {str(key): value for key, value in body.items() if value not in (None, "")}
    for key in _PATHS:
        if key in found:
            found[key] = str(folder / kubeconfigs.expanded(str(found[key])))
    plugin = found.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command") or ""):
        found["exec"] = {**plugin, "command": str(folder / str(plugin["command"]))}
    return found
