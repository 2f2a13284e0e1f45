"""Security groups: who has to reach whom is let in."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.needs("cluster")
def test_nodes_may_reach_the_database_server(declared_database_server: Any, database_passage: Any) -> None:
    """Pods connect with their node's security group; without the rule every connection times out."""
    assert database_passage.is_open, (
        f"database server {declared_database_server.identifier} is closed to the nodes: "
        f"security group {database_passage.words}"
    )


@pytest.mark.needs("cluster")
def test_nodes_may_reach_the_cache(declared_cache: Any, cache_passage: Any) -> None:
    """Pods connect with their node's security group; without the rule every connection times out."""
    assert cache_passage.is_open, (
        f"cache {declared_cache.replication_group} is closed to the nodes: "
        f"security group {cache_passage.words}"
    )


@pytest.mark.needs("cluster")
@pytest.mark.where("services")
def test_load_balancer_may_reach_the_nodes(declared_ingress: Any, ingress_passage: Any) -> None:
    """The load balancer asks pods for their health and sends them requests; both need this rule."""
    assert ingress_passage.is_open, (
        f"the nodes are closed to the load balancer of Ingress {declared_ingress.namespace}/"
        f"{declared_ingress.resource}: security group {ingress_passage.words}"
    )


def test_cloudfront_may_reach_the_load_balancer(
    declared_distribution: Any, distribution_passage: Any
) -> None:
    """Edge locations come from the addresses of a prefix list; where they are not let in, they answer 503."""
    assert distribution_passage.is_open, (
        f"the origin {declared_distribution.origin} of distribution {declared_distribution.id} is closed to "
        f"CloudFront: security group {distribution_passage.words}"
    )


@pytest.mark.where("security_group")
def test_database_server_has_its_security_group(declared_database_server: Any, database_groups: Any) -> None:
    """Another group lets in somebody else, and rules that are written for the declared one have no effect."""
    assert database_groups.is_right, (
        f"database server {declared_database_server.identifier} has security group {database_groups.words}"
    )


@pytest.mark.where("security_group")
def test_cache_has_its_security_group(declared_cache: Any, cache_groups: Any) -> None:
    """Another group lets in somebody else, and rules that are written for the declared one have no effect."""
    assert cache_groups.is_right, (
        f"cache {declared_cache.replication_group} has security group {cache_groups.words}"
    )


@pytest.mark.where("security_group")
def test_load_balancer_has_its_security_group(declared_ingress: Any, load_balancer_groups: Any) -> None:
    """Rules for whom it lets in, and by which the nodes let it in, are written for the declared group."""
    assert load_balancer_groups.is_right, (
        f"the load balancer of Ingress {declared_ingress.namespace}/{declared_ingress.resource} has security "
        f"group {load_balancer_groups.words}"
    )
