"""NAT: private subnets reach the internet through a gateway that works."""

from __future__ import annotations

from typing import Any

import pytest


def test_zone_has_its_own_nat_gateway(declared_zone: Any, zone_nat_gateways: Any) -> None:
    """One NAT gateway a zone keeps the loss of a zone from cutting the others off from the internet."""
    assert zone_nat_gateways.present, (
        f"availability zone {declared_zone.name} has no NAT gateway of its own in the VPC: "
        f"{zone_nat_gateways.words}"
    )


def test_nat_gateway_is_available(declared_nat_gateway: Any, nat_gateway: Any) -> None:
    """Pods in private subnets reach registries and external APIs through it only."""
    assert nat_gateway.is_available, (
        f"NAT gateway {nat_gateway.id or 'none'} ({declared_nat_gateway.gateway}) is "
        f"{nat_gateway.state or 'absent'}, not available. {nat_gateway.failure}".rstrip()
    )


@pytest.mark.where(tier="private")
def test_private_subnet_has_a_default_route(declared_subnet: Any, route_table: Any) -> None:
    """Without a route to 0.0.0.0/0 nothing in the subnet reaches the internet, NAT gateway or not."""
    assert route_table.default_route is not None, (
        f"route table {route_table.id or 'none'} ({route_table.name}), which subnet "
        f"{declared_subnet.subnet} uses, has no route to 0.0.0.0/0; subnets using it: "
        f"{', '.join(route_table.subnets) or 'those without a table of their own'}"
    )


@pytest.mark.where(tier="private")
def test_default_route_is_active(declared_subnet: Any, route_table: Any) -> None:
    """A route to a deleted gateway stays in the table as a blackhole and swallows the traffic."""
    route = route_table.default_route
    assert route is not None, f"the route table of subnet {declared_subnet.subnet} has no default route"
    assert route.is_active, (
        f"route {route.destination} to {route.words} in route table {route_table.id} "
        f"({route_table.name}) of subnet {declared_subnet.subnet} is {route.state}, not active"
    )


@pytest.mark.where(tier="private")
def test_default_route_leads_to_a_nat_gateway(declared_subnet: Any, route_table: Any) -> None:
    """What has no public address cannot use an internet gateway: its traffic would go nowhere."""
    route = route_table.default_route
    assert route is not None, f"the route table of subnet {declared_subnet.subnet} has no default route"
    assert route.is_through_nat, (
        f"the default route of private subnet {declared_subnet.subnet} (route table {route_table.id}) leads "
        f"to {route.words}, not to a NAT gateway"
    )


@pytest.mark.where("zone")
def test_nat_gateway_is_in_its_zone(declared_nat_gateway: Any, placed_nat_gateway: Any) -> None:
    """A gateway in another zone goes down with that zone, and traffic between zones is paid for."""
    assert placed_nat_gateway.zone == declared_nat_gateway.zone, (
        f"NAT gateway {placed_nat_gateway.id or 'none'} ({declared_nat_gateway.gateway}) is in "
        f"{placed_nat_gateway.zone or 'no zone'}, not in {declared_nat_gateway.zone}"
    )
