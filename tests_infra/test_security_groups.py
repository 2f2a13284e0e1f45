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
    """Without the prefix list CloudFront is let in by chance at best, and answers 503 when it is not."""
    assert distribution_passage.is_open, (
        f"the origin {declared_distribution.origin} of distribution {declared_distribution.id} is closed to "
        f"CloudFront: security group {distribution_passage.words}"
    )
