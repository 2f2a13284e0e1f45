"""Runs exec credential plugins as kubectl does (client.authentication.k8s.io), with a deadline."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from postflight.evidence import Unverified
from postflight.probes.kubernetes import plugin_output
from postflight.redaction import Secrets
from postflight.redaction.names import is_public, is_secret_name

# kubectl has no limit; a login through a browser takes longer than any run may wait.
LIMIT_S: Final = 45.0
_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EARLY_S: Final = 60.0
_UNTIL_ASKED_AGAIN_S: Final = 3600.0
_SHOWN: Final = 2000


@dataclass(frozen=True)
class PluginCredential:
    """What a plugin gave: a token, or a client certificate with its key (PEM); and for how long."""

    token: str | None
    certificate: str | None
    key: str | None
    good_for_s: float


@dataclass(frozen=True)
class Plugin:
    """The `exec` of a kubeconfig's user, and the cluster that it may be told of."""

    title: str
    settings: Mapping[str, Any]
    cluster: Mapping[str, Any]
    process: Mapping[str, str]
    secrets: Secrets
    limit_s: float = LIMIT_S

    def run(self) -> PluginCredential:
        """Run the plugin. Raises Unverified with all that it said on stderr."""
        version = self.settings.get("apiVersion")
        if version not in _VERSIONS:
            raise Unverified(
                f"{self.title} has the apiVersion {version!r}, and clients since Kubernetes 1.24 know "
                f"{' and '.join(_VERSIONS)}; renew the kubeconfig."
            )
        if self.settings.get("interactiveMode") == "Always":
            raise Unverified(f"{self.title} is interactive only, and a run has no terminal to give it.")
        program = shutil.which(str(self.settings.get("command") or ""), path=self.process.get("PATH"))
        self._require_lists()
        if program is None:
            hint = " ".join(str(self.settings.get("installHint") or "install it").split())
            raise Unverified(f"{self.title} is not installed; {hint.rstrip('.')}.")
        command = [program, *(self.settings.get("args") or ())]
        return self._read(self._output(command, self._environment(str(version))))

    def _require_lists(self) -> None:
        """Require `args` and `env` as a kubeconfig has them (client-go, ExecConfig). Raises Unverified."""
        args, env = self.settings.get("args") or [], self.settings.get("env") or []
        if not isinstance(args, list) or not all(_is_text(word) for word in args):
            raise Unverified(f"{self.title} has `args` that are no list of texts; correct the kubeconfig.")
        is_list = isinstance(env, list) and all(isinstance(entry, Mapping) for entry in env)
        if not is_list or not all(_is_variable(entry) for entry in env):
            raise Unverified(
                f"{self.title} has an `env` that is no list of `name` and `value`; correct the kubeconfig."
            )

    def _environment(self, version: str) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": False}
        if self.settings.get("provideClusterInfo"):
            spec["cluster"] = _told(self.cluster)
        information = {"kind": "ExecCredential", "apiVersion": version, "spec": spec}
        extra: dict[str, str] = {}
        for entry in self.settings.get("env") or ():
            name, value = entry["name"], entry.get("value") or ""
            if is_secret_name(name) and not is_public(name, value):
                self.secrets.add(value)
            extra[name] = value
        return {**self.process, **extra, "KUBERNETES_EXEC_INFO": json.dumps(information)}

    def _output(self, command: list[str], environment: Mapping[str, str]) -> bytes:
        try:
            printed = plugin_output.run(command, environment, self.limit_s)
        except OSError as error:
            raise Unverified(f"{self.title} cannot be run: {error.strerror}.") from None
        said = self._said(printed.complaints)
        if printed.status is None:
            raise Unverified(f"{self.title} did not end within {self.limit_s:g} s{said}.")
        if printed.status != 0:
            said = said or ": it printed nothing"
            raise Unverified(f"{self.title} failed with status {printed.status}{said}.")
        return printed.output

    def _said(self, complaints: bytes) -> str:
        lines = [line.strip() for line in complaints.decode(errors="replace").splitlines() if line.strip()]
        return f": {self.secrets.short(' / '.join(lines), _SHOWN).rstrip('.')}" if lines else ""

    def _read(self, output: bytes) -> PluginCredential:
        try:
            answer = json.loads(output)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
            raise Unverified(f"{self.title} did not print an ExecCredential.")
        if answer.get("apiVersion") != self.settings["apiVersion"]:
            raise Unverified(
                f"{self.title} answers with the apiVersion {answer.get('apiVersion')!r}, and the kubeconfig "
                f"asks for {self.settings['apiVersion']!r}."
            )
        status = answer.get("status")
        status = status if isinstance(status, dict) else {}
        token, certificate, key = (
            str(status[name]) if status.get(name) else None
            for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if not token and not (certificate and key):
            raise Unverified(f"{self.title} gave neither a token nor a client certificate with its key.")
        return PluginCredential(token, certificate, key, self._good_for_s(status.get("expirationTimestamp")))

    def _good_for_s(self, written: Any) -> float:
        if not written:
            return _UNTIL_ASKED_AGAIN_S
        try:
            moment = dt.datetime.fromisoformat(str(written))
            left = (moment - dt.datetime.now(dt.UTC)).total_seconds()
        except (ValueError, TypeError):
            raise Unverified(f"{self.title} names an expirationTimestamp that is not a time.") from None
        return max(left - _EARLY_S, 1.0)


def _is_variable(entry: Mapping[str, Any]) -> bool:
    name, value = entry.get("name"), entry.get("value", "")
    is_name = _is_text(name) and name != "" and "=" not in str(name)
    return is_name and (value is None or _is_text(value))


def _is_text(word: Any) -> bool:
    """Whether a process can be given this: POSIX ends each text with a zero byte."""
    return isinstance(word, str) and "\0" not in word


def _told(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `provideClusterInfo` shows of a cluster (ExecCredentialSpec, `cluster`)."""
    names = ("server", "tls-server-name", "certificate-authority-data", "proxy-url", "disable-compression")
    shown = {name: cluster[name] for name in names if cluster.get(name)}
    file = cluster.get("certificate-authority")
    if file and "certificate-authority-data" not in shown:
        shown["certificate-authority-data"] = base64.b64encode(Path(str(file)).read_bytes()).decode()
    for extension in cluster.get("extensions") or ():
        if isinstance(extension, Mapping) and extension.get("name") == "client.authentication.k8s.io/exec":
            shown["config"] = extension.get("extension")
    return shown
