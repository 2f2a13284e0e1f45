"""Chooses the way into the environment's cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from postflight.evidence import Unverified
from postflight.probes.kubernetes.access import Access, Credential, Renewed
from postflight.probes.kubernetes.kubeconfig import kubeconfig

if TYPE_CHECKING:
    from postflight.probes.connections import Connections

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def access(connections: Connections, service_account: Path = SERVICE_ACCOUNT) -> Access:
    """Return the way in: the declared kubeconfig context; in a pod its service account; else EKS by name.

    Raises Unverified where none of them leads anywhere.
    """
    from postflight.probes.kubernetes.eks import access_by_name

    cluster = connections.environment.cluster
    if cluster is None:
        raise Unverified("The environment declares no `cluster`, so there is no Kubernetes API to ask.")
    files = kubeconfig(connections.process) if cluster.context else None
    if files is not None and cluster.context:
        return files.access(cluster.context, connections.process, connections.secrets.add)
    if connections.process.get("KUBERNETES_SERVICE_HOST") and (service_account / "token").is_file():
        return _in_cluster(connections, service_account)
    return access_by_name(connections, cluster.name)


def _in_cluster(connections: Connections, folder: Path) -> Access:
    process: Mapping[str, str] = connections.process
    host, port = process["KUBERNETES_SERVICE_HOST"], process.get("KUBERNETES_SERVICE_PORT", "443")

    def token() -> Credential:  # the kubelet renews the file
        return Credential(f"Bearer {connections.secrets.add(_read(folder / 'token').strip())}")

    return Access(
        label="the cluster that this pod runs in",
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        user="the pod's service account",
        ca=_read(folder / "ca.crt"),
        credential=Renewed(token),
        in_cluster=True,
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Unverified(f"{file} cannot be read: {error.strerror}.") from None
