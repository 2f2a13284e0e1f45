"""The way into an EKS cluster by its name alone: endpoint and CA from AWS, a token signed for STS."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

from postflight.evidence import Unverified
from postflight.probes.kubernetes.access import Access

if TYPE_CHECKING:
    from kubernetes.client import Configuration

    from postflight.probes.aws.eks import Cluster
    from postflight.probes.connections import Connections

_PRESIGNED_FOR_S = 60
_TOKEN_GOOD_FOR_S = 600.0  # EKS takes it for 15 minutes


def access_by_name(connections: Connections, name: str) -> Access:
    """Return the way into the EKS cluster of that name, in the environment's region. Raises Unverified."""
    from postflight.probes.aws import eks

    cluster = eks.cluster.looking(connections, name).look()
    if not cluster.found or not cluster.endpoint:
        region = connections.aws.region
        raise Unverified(
            f"There is no EKS cluster {name} in {region}, so its Kubernetes API cannot be asked."
        )
    return access_to(connections, cluster)


def access_to(connections: Connections, cluster: Cluster) -> Access:
    """Return the way into an EKS cluster that AWS has described."""

    def log_in(configuration: Configuration, folder: Path) -> float:
        if cluster.ca:
            file = folder / "ca.pem"
            file.write_text(cluster.ca, encoding="utf-8")
            configuration.ssl_ca_cert = str(file)
        configuration.api_key["BearerToken"] = f"Bearer {_token(connections, cluster.name)}"
        return _TOKEN_GOOD_FOR_S

    return Access(
        label=f"EKS cluster {cluster.name}",
        server=cluster.endpoint.rstrip("/"),
        user="the AWS identity of this run",
        log_in=log_in,
    )


def _token(connections: Connections, name: str) -> str:
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    region = connections.aws.region
    credentials = connections.aws.credentials()
    # STS's own host, not AWS_ENDPOINT_URL: EKS asks it, and takes no other.
    url = f"https://sts.{region}.{connections.aws.domain()}/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="GET", url=url, headers={"x-k8s-aws-id": name})
    SigV4QueryAuth(credentials, "sts", region, expires=_PRESIGNED_FOR_S).add_auth(request)
    text = base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")
    return f"k8s-aws-v1.{text}"
