"""What should exist in AWS underneath the cluster: account, network, Terraform states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from pydantic import Field

from postflight.environment.declaration import AccountId, Arn, Declaration, Name, Subject

# By how their regions begin. Source: botocore's `partitions.json`, against which a selftest holds it.
_PARTITIONS: Final[Mapping[str, str]] = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}


class Account(Declaration):
    """The AWS account and region that the credentials must belong to."""

    account: AccountId
    region: Name
    assume_role: Arn | None = Field(default=None, description="Role that a run assumes before it looks.")

    @property
    def partition(self) -> str:
        """The part of AWS that the region is in: the second word of its ARNs."""
        found = (name for prefix, name in _PARTITIONS.items() if self.region.startswith(prefix))
        return next(found, "aws")


class Cluster(Declaration):
    """The EKS cluster, and the kubeconfig context that must lead to it."""

    name: Name
    context: Name | None = Field(
        default=None, description="Kubeconfig context; without it the cluster is reached by its EKS name."
    )
    node_security_group: Name = Field(description="Name or id of the nodes' security group.")
    requires_subnet_tag: bool = Field(
        default=False,
        description="Whether subnets must be tagged for the cluster, as load balancer controllers before "
        "2.1.2 demand. A subnet that is tagged for another cluster alone is wrong in any case.",
    )


class Vpc(Declaration):
    """The VPC that cluster, databases and caches share, by Name tag or id."""

    vpc: Name
    nat_gateway_per_zone: bool = Field(
        default=False, description="Whether every zone with a private subnet has a NAT gateway of its own."
    )


class Subnet(Subject):
    """A subnet by its Name tag."""

    subnet: Name = Field(description="Name tag, or subnet-… id.")
    tier: Literal["public", "private"]
    zone: Name

    @property
    def role_tag(self) -> str:
        """The tag by which the AWS Load Balancer Controller finds the subnets of this tier."""
        return "kubernetes.io/role/elb" if self.tier == "public" else "kubernetes.io/role/internal-elb"


class NatGateway(Subject):
    """A NAT gateway by its Name tag."""

    gateway: Name
    zone: Name | None = None


class Zone(Subject):
    """An availability zone with private subnets. Derived from `subnets`, never written."""


class TerraformState(Subject):
    """A Terraform state in S3, and its DynamoDB lock table where it has one."""

    bucket: Name
    key: Name
    lock_table: Name | None = Field(
        default=None, description="Leave it out where the lock is a file beside the state (`use_lockfile`)."
    )
    resources: tuple[Name, ...] = Field(default=(), description="Addresses that the state must hold.")
