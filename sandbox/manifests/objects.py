"""The building blocks of the manifests: one function a Kubernetes kind, with what both systems share."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from sandbox import names

Manifest = dict[str, Any]

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
ALB: Final = "alb.ingress.kubernetes.io"
APPLIED_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
HOSTNAME_ANNOTATION: Final = "external-dns.alpha.kubernetes.io/hostname"


def manifest(api: str, kind: str, name: str, namespace: str | None, **content: Any) -> Manifest:
    """Make any object of a kind."""
    metadata: Manifest = {"name": name, **content.pop("metadata", {})}
    if namespace is not None:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}


def applied(declared: Manifest) -> Manifest:
    """Give an object as Argo CD applies it: it remembers what was applied."""
    metadata = declared["metadata"]
    remembered = {APPLIED_ANNOTATION: json.dumps(declared, separators=(",", ":"))}
    annotations = {**metadata.get("annotations", {}), **remembered}
    return {**declared, "metadata": {**metadata, "annotations": annotations}}


def secret(namespace: str, name: str, values: dict[str, str]) -> Manifest:
    """Make an opaque Secret of plain values."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return manifest("v1", "Secret", name, namespace, type="Opaque", data=encoded)


def service_account(namespace: str, name: str, role: str | None = None) -> Manifest:
    """Make a ServiceAccount, with IRSA when a role is given."""
    metadata = {"annotations": {ROLE_ANNOTATION: names.role_arn(role)}} if role else {}
    return manifest("v1", "ServiceAccount", name, namespace, metadata=metadata)


def service(
    namespace: str, name: str, port: int, target: int, annotations: dict[str, str] | None = None
) -> Manifest:
    """Make a ClusterIP Service that finds its pods by their app label."""
    metadata: Manifest = {"labels": {"app": name}}
    if annotations:
        metadata["annotations"] = annotations
    ports = [{"name": "http", "port": port, "targetPort": target, "protocol": "TCP"}]
    spec = {"type": "ClusterIP", "selector": {"app": name}, "ports": ports}
    return manifest("v1", "Service", name, namespace, metadata=metadata, spec=spec)


def container(name: str, image: str, port: int, health: str | None, **content: Any) -> Manifest:
    """Make a container of one port, with a readiness probe when a health path is given."""
    container: Manifest = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "96Mi"},
            "limits": {"cpu": "500m", "memory": "256Mi"},
        },
    }
    if health is not None:
        probe = {"httpGet": {"path": health, "port": port}, "periodSeconds": 10, "failureThreshold": 3}
        container["readinessProbe"] = probe
    return {**container, **content}


def deployment(
    namespace: str, container: Manifest, replicas: int, account: str = "default", **labels: str
) -> Manifest:
    """Make a Deployment of one container, named after it."""
    name = container["name"]
    label = {"app": name, **labels}
    return manifest(
        "apps/v1",
        "Deployment",
        name,
        namespace,
        metadata={"labels": label},
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "progressDeadlineSeconds": 600,
            "template": {
                "metadata": {"labels": label},
                "spec": {"serviceAccountName": account, "restartPolicy": "Always", "containers": [container]},
            },
        },
    )


def image(workload: str) -> str:
    """Give the image of a workload at the current release."""
    return names.image(names.repository_of(workload))


def ingress_annotations(certificate: str, hosts: tuple[str, ...]) -> dict[str, str]:
    """Give the annotations of an internet-facing Ingress of pod addresses."""
    return {
        f"{ALB}/scheme": "internet-facing",
        f"{ALB}/target-type": "ip",
        f"{ALB}/listen-ports": '[{"HTTPS":443}]',
        f"{ALB}/certificate-arn": certificate,
        f"{ALB}/security-groups": names.ALB_GROUP,
        HOSTNAME_ANNOTATION: ",".join(hosts),
    }


def rule(host: str, paths: list[tuple[str, str, int]]) -> Manifest:
    """Make an Ingress rule of (path, service, port) entries."""

    def backend(service: str, port: int) -> Manifest:
        return {"service": {"name": service, "port": {"number": port}}}

    entries = [
        {"path": path, "pathType": "Prefix", "backend": backend(service, port)}
        for path, service, port in paths
    ]
    return {"host": host, "http": {"paths": entries}}
