"""The EKS cluster, as AWS tells of it."""

from __future__ import annotations

import base64

from postflight.evidence import Evidence
from postflight.probes.aws.refusals import garbage
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Cluster(Evidence):
    """An EKS cluster. `ca` is PEM; `issuer` the OIDC issuer that IAM trusts name."""

    found: bool = True
    name: str
    arn: str = ""
    status: str = ""
    version: str = ""
    endpoint: str = ""
    ca: str = ""
    vpc: str = ""
    issuer: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether the control plane serves."""
        return self.found and self.status == "ACTIVE"

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: a cluster that could not be created is created anew."""
        return self.status == "FAILED"


@reads("eks:DescribeCluster")
def cluster(connections: Connections, name: str) -> Cluster:
    """Look at one cluster by name."""
    found = connections.aws.one(
        "eks", "DescribeCluster", "cluster", name=name, absent=("ResourceNotFoundException",)
    )
    if found is None:
        return Cluster(found=False, name=name)
    network = found.get("resourcesVpcConfig", {})
    own = network.get("clusterSecurityGroupId")
    return Cluster(
        name=found["name"],
        arn=found["arn"],
        status=found["status"],
        version=found.get("version", ""),
        endpoint=found.get("endpoint", ""),
        ca=_pem(found.get("certificateAuthority", {}).get("data", "")),
        vpc=network.get("vpcId", ""),
        issuer=found.get("identity", {}).get("oidc", {}).get("issuer", ""),
        subnets=tuple(network.get("subnetIds", ())),
        security_groups=(*network.get("securityGroupIds", ()), *((own,) if own else ())),
    )


def _pem(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except ValueError:
        raise garbage("eks:DescribeCluster", "its certificate authority is not in base64") from None


class NodeGroups(Evidence):
    """Names of the managed node groups of a cluster."""

    names: tuple[str, ...]


class NodeGroup(Evidence):
    """A managed node group, and the role as which its nodes act in AWS."""

    name: str
    role_arn: str

    @property
    def role(self) -> str:
        """Name of the role."""
        return self.role_arn.rpartition("/")[2]


@reads("eks:ListNodegroups")
def node_groups(connections: Connections, cluster_name: str) -> NodeGroups:
    """List a cluster's managed node groups."""
    found = connections.aws.listing(
        "eks",
        "ListNodegroups",
        "nodegroups",
        clusterName=cluster_name,
        absent=("ResourceNotFoundException",),
    )
    return NodeGroups(names=tuple(found or ()))


@reads("eks:DescribeNodegroup")
def node_group(connections: Connections, cluster_name: str, name: str) -> NodeGroup:
    """Look at one node group."""
    found = connections.aws.one(
        "eks",
        "DescribeNodegroup",
        "nodegroup",
        clusterName=cluster_name,
        nodegroupName=name,
        owner="nodegroupArn",
        absent=("ResourceNotFoundException",),
    )
    return NodeGroup(name=name, role_arn="" if found is None else found["nodeRole"])
