"""IAM roles for service accounts: whether a controller's pods may act in AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.controllers import pods as pod_state
from sandbox.manifests.objects import ROLE_ANNOTATION

if TYPE_CHECKING:
    from sandbox.controllers.cloud import Cloud
    from sandbox.controllers.cluster import Cluster, Manifest

NAMESPACE = "kube-system"


def ready_deployment(cluster: Cluster, name: str) -> Manifest | None:
    """Give a controller's Deployment if at least one of its pods is ready."""
    deployment = cluster.find("deployments", NAMESPACE, name)
    ready = any(
        pod_state.is_ready(pod) and pod["metadata"].get("labels", {}).get("app") == name
        for pod in cluster.all("pods", NAMESPACE)
    )
    return deployment if ready else None


def refusal(cluster: Cluster, cloud: Cloud, name: str, policy: str, action: str) -> str | None:
    """Say in AWS's words why a controller may not `action`, or None when it may."""
    account = cluster.find("serviceaccounts", NAMESPACE, name)
    annotations = {} if account is None else account["metadata"].get("annotations", {})
    arn = annotations.get(ROLE_ANNOTATION)
    if arn is None:
        return f"AccessDenied: the node's role is not authorized to perform: {action}"
    role = next((role for role in cloud.roles.values() if role.arn == arn), None)
    subject = f"system:serviceaccount:{NAMESPACE}:{name}"
    if role is None or subject not in role.trusted:
        return "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity"
    if policy not in role.policies:
        return f"AccessDenied: {arn} is not authorized to perform: {action}"
    return None
