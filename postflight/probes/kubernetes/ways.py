"""Chooses the way into the environment's cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from postflight.evidence import Unverified
from postflight.probes.kubernetes.access import Access
from postflight.probes.kubernetes.kubeconfig import kubeconfig

if TYPE_CHECKING:
    from kubernetes.client import Configuration

    from postflight.probes.connections import Connections

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_REREAD_S = 60.0  # the kubelet renews the token's file


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
        return files.access(cluster.context, connections.process, connections.secrets)
    if connections.process.get("KUBERNETES_SERVICE_HOST") and (service_account / "token").is_file():
        return _in_cluster(connections, service_account)
    return access_by_name(connections, cluster.name)


def _in_cluster(connections: Connections, folder: Path) -> Access:
    process = {"KUBERNETES_SERVICE_PORT": "443", **connections.process}

    def log_in(configuration: Configuration, _: Path) -> float:
        from postflight.probes.kubernetes import official

        loading: Any = official.InClusterConfigLoader
        try:
            loader = loading(str(folder / "token"), str(folder / "ca.crt"), environ=process)
            loader.load_and_set(configuration)
        except (official.ConfigException, OSError, UnicodeDecodeError) as error:
            raise Unverified(f"The pod's service account in {folder} cannot be used: {error}.") from None
        configuration.api_key["BearerToken"] = configuration.api_key["BearerToken"].strip()
        return _REREAD_S

    host = process["KUBERNETES_SERVICE_HOST"]
    return Access(
        label="the cluster that this pod runs in",
        server=f"https://{f'[{host}]' if ':' in host else host}:{process['KUBERNETES_SERVICE_PORT']}",
        user="the pod's service account",
        log_in=log_in,
        in_cluster=True,
    )
