"""Subnets: there, in their zones, and tagged so that load balancers find them."""

from __future__ import annotations

from typing import Any

import pytest

CLUSTER = "kubernetes.io/cluster/"


def test_subnet_exists(declared_subnet: Any, subnet: Any) -> None:
    """Nodes, load balancers and databases are placed by subnet."""
    assert subnet.found, f"there is no subnet {declared_subnet.subnet} in this region"


def test_subnet_is_in_the_declared_zone(declared_subnet: Any, subnet: Any) -> None:
    """Spread over zones is decided by the subnets' zones."""
    assert subnet.zone == declared_subnet.zone, (
        f"subnet {subnet.id} ({declared_subnet.subnet}) is in {subnet.zone or 'no zone'}, "
        f"not in {declared_subnet.zone}"
    )


def test_subnet_is_tagged_for_its_load_balancers(declared_subnet: Any, subnet: Any) -> None:
    """The AWS Load Balancer Controller finds subnets for an Ingress by their role tag."""
    tag = declared_subnet.role_tag
    assert subnet.tags.get(tag) in ("1", ""), (
        f"{declared_subnet.tier} subnet {subnet.id} ({declared_subnet.subnet}) is not tagged {tag}=1; "
        f"it has {subnet.tags.get(tag, 'no such tag')}"
    )


@pytest.mark.needs("cluster")
def test_subnet_is_tagged_for_the_cluster(declared_subnet: Any, subnet: Any, environment: Any) -> None:
    """The controller passes over a subnet that is tagged for another cluster and not for its own."""
    assert subnet.found, f"there is no subnet {declared_subnet.subnet} in this region"
    tag = f"{CLUSTER}{environment.cluster.name}"
    others = [each for each in subnet.tags if each.startswith(CLUSTER)]
    assert tag in others or not others, (
        f"subnet {subnet.id} ({declared_subnet.subnet}) is tagged {', '.join(others)}, and not {tag}=shared"
    )
    assert others or not environment.cluster.requires_subnet_tag, (
        f"subnet {subnet.id} ({declared_subnet.subnet}) is not tagged {tag}, which this environment requires"
    )
