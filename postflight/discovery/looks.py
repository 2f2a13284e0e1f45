"""Listings that only discovery needs: a run knows the names of what it looks at."""

from __future__ import annotations

from pathlib import PurePosixPath

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.reading import text
from postflight.probes.reads import reads


class Names(Evidence):
    """The names of all things of one kind."""

    items: tuple[str, ...]


class NodeGroups(Evidence):
    """The security groups of EC2 instances, the most used first."""

    items: tuple[str, ...]


@reads("eks:ListClusters")
def clusters(connections: Connections) -> Names:
    """List the EKS clusters of the region."""
    return Names(items=tuple(connections.aws.listing("eks", "ListClusters", "clusters") or ()))


@reads("s3:ListAllMyBuckets")
def buckets(connections: Connections) -> Names:
    """List the account's buckets."""
    found = connections.aws.listing("s3", "ListBuckets", "Buckets") or []
    return Names(items=tuple(item["Name"] for item in found))


@reads("s3:ListBucket")
def state_files(connections: Connections, bucket: str) -> Names:
    """List the Terraform states in a bucket."""
    found = connections.aws.pages("s3", "ListObjectsV2", None, Bucket=bucket, absent=("NoSuchBucket",)) or []
    keys = (item["Key"] for page in found for item in page.get("Contents", ()))
    return Names(items=tuple(key for key in keys if PurePosixPath(key).suffix == ".tfstate"))


@reads("dynamodb:ListTables")
def tables(connections: Connections) -> Names:
    """List the DynamoDB tables of the region."""
    return Names(items=tuple(connections.aws.listing("dynamodb", "ListTables", "TableNames") or ()))


@reads("iam:ListRolePolicies", "iam:ListAttachedRolePolicies")
def role_policies(connections: Connections, role: str) -> Names:
    """List the policies of a role, inline ones first; none where there is no such role."""
    absent = ("NoSuchEntity",)
    inline = connections.aws.listing("iam", "ListRolePolicies", "PolicyNames", RoleName=role, absent=absent)
    attached = connections.aws.listing(
        "iam", "ListAttachedRolePolicies", "AttachedPolicies", RoleName=role, absent=absent
    )
    return Names(items=(*(inline or ()), *(item["PolicyName"] for item in attached or ())))


@reads("ec2:DescribeInstances")
def node_groups(connections: Connections, instances: tuple[str, ...]) -> NodeGroups:
    """Look which security groups the cluster's instances have."""
    found = connections.aws.listing(
        "ec2",
        "DescribeInstances",
        "Reservations",
        Filters=[{"Name": "instance-id", "Values": list(instances)}],
    )
    used: dict[str, int] = {}
    for reservation in found or ():
        for instance in reservation.get("Instances", ()):
            for group in instance.get("SecurityGroups", ()):
                used[group["GroupId"]] = used.get(group["GroupId"], 0) + 1
    return NodeGroups(items=tuple(sorted(used, key=lambda one: -used[one])))


@reads("list namespaces")
def namespaces(connections: Connections) -> Names:
    """List the cluster's namespaces."""
    listed = connections.kubernetes.list(Resource("namespaces"), None)
    return Names(items=tuple(text(item, "metadata", "name") for item in listed))
