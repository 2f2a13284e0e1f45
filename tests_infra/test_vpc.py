"""One VPC: the cluster, its databases and its caches share it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.needs("vpc", "cluster")
def test_cluster_is_in_the_declared_vpc(eks_cluster: Any, vpc: Any, environment: Any) -> None:
    """Everything else is placed beside the cluster; a cluster in another VPC reaches none of it."""
    assert vpc.found, f"there is no VPC {environment.vpc.vpc} in {environment.aws.region}"
    assert eks_cluster.vpc == vpc.id, (
        f"EKS cluster {eks_cluster.name} is in VPC {eks_cluster.vpc or 'none'}, "
        f"not in {vpc.id} ({environment.vpc.vpc})"
    )


@pytest.mark.needs("cluster")
def test_database_server_is_in_the_cluster_vpc(
    declared_database_server: Any, database_server: Any, eks_cluster: Any
) -> None:
    """Two VPCs do not reach each other: connections from the pods time out."""
    # Absent things have no VPC, which is not the same one.
    assert eks_cluster.vpc == database_server.vpc != "", (
        f"database server {declared_database_server.identifier} is in VPC {database_server.vpc or 'none'}, "
        f"EKS cluster {eks_cluster.name} in {eks_cluster.vpc or 'none'}"
    )


@pytest.mark.needs("cluster")
def test_cache_is_in_the_cluster_vpc(declared_cache: Any, cache: Any, eks_cluster: Any) -> None:
    """Two VPCs do not reach each other: connections from the pods time out."""
    assert eks_cluster.vpc == cache.vpc != "", (
        f"cache {declared_cache.replication_group} is in VPC {cache.vpc or 'none'}, "
        f"EKS cluster {eks_cluster.name} in {eks_cluster.vpc or 'none'}"
    )


@pytest.mark.needs("vpc")
@pytest.mark.where("subnet_group")
def test_database_subnet_group_is_in_the_declared_vpc(
    declared_database_server: Any, database_subnet_group: Any, vpc: Any
) -> None:
    """A database takes its VPC from its subnet group: the next one made from a wrong group is cut off."""
    declared = declared_database_server.subnet_group
    assert database_subnet_group.name == declared, (
        f"database server {declared_database_server.identifier} uses subnet group "
        f"{database_subnet_group.name or 'none'}, not {declared}"
    )
    assert database_subnet_group.vpc == vpc.id, (
        f"DB subnet group {declared} is in VPC {database_subnet_group.vpc or 'none'}, "
        f"not in {vpc.id} ({vpc.name})"
    )


@pytest.mark.needs("vpc")
@pytest.mark.where("subnet_group")
def test_cache_subnet_group_is_in_the_declared_vpc(
    declared_cache: Any, cache_subnet_group: Any, vpc: Any
) -> None:
    """A cache takes its VPC from its subnet group: the next one made from a wrong group is cut off."""
    declared = declared_cache.subnet_group
    assert cache_subnet_group.name == declared, (
        f"cache {declared_cache.replication_group} uses subnet group "
        f"{cache_subnet_group.name or 'none'}, not {declared}"
    )
    assert cache_subnet_group.vpc == vpc.id, (
        f"cache subnet group {declared} is in VPC {cache_subnet_group.vpc or 'none'}, "
        f"not in {vpc.id} ({vpc.name})"
    )
