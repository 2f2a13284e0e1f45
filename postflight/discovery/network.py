"""Finds the network under the cluster: VPC, subnets by what they are for, NAT gateways."""

from __future__ import annotations

from collections.abc import Iterator

from postflight.discovery.found import Entry, Findings, Section, section
from postflight.discovery.place import Place
from postflight.evidence import Unverified
from postflight.probes.aws import ec2

_ROLES = {"public": "kubernetes.io/role/elb", "private": "kubernetes.io/role/internal-elb"}
_GONE = frozenset({"deleting", "deleted", "failed"})


def vpc(place: Place) -> Section:
    """Find the VPC; without one there is nothing to say of subnets."""
    comment = "The VPC that cluster, databases and caches share."
    try:
        if not place.vpc:
            return Section("vpc", comment)
        found = place.ask(ec2.vpcs).of(place.vpc)
        fields = {"vpc": found.name or found.id}
        zones = {zone for entry, zone in _zones(place) if entry == "private"}
        with_gateway = {gateway.zone for gateway in _gateways(place)}
        if len(zones) > 1 and zones <= with_gateway:
            return Section("vpc", comment, fields={**fields, "nat_gateway_per_zone": True})
        return Section("vpc", comment, fields=fields)
    except Unverified as error:
        return Section("vpc", comment, trouble=str(error))


def subnets(place: Place) -> Section:
    """Find the VPC's subnets: public ones lead to an internet gateway, private ones to a NAT gateway."""
    return section(
        "subnets",
        "Public subnets carry internet-facing load balancers, private ones the nodes; both are tagged so.",
        lambda: Findings(tuple(_subnets(place))),
    )


def nat_gateways(place: Place) -> Section:
    """Find the VPC's NAT gateways."""

    def find() -> Iterator[Entry]:
        for gateway in sorted(_gateways(place), key=lambda one: one.name or one.id):
            fields = {"gateway": gateway.name or gateway.id, "zone": gateway.zone}
            yield Entry(gateway.name or gateway.id, fields)

    return section("nat_gateways", "By these, private subnets reach the internet.", find)


def _subnets(place: Place) -> Iterator[Entry]:
    for subnet in _own_subnets(place):
        name = subnet.name or subnet.id
        tier = _tier(place, subnet)
        fields = {"subnet": name, "tier": tier or "private", "zone": subnet.zone}
        if tier is None:
            reason = "its default route leads neither to an internet gateway nor to a NAT gateway"
            yield Entry(name, fields, left_out=reason)
        elif subnet.tags.get(_ROLES[tier]) not in ("1", ""):
            reason = f"it has no tag {_ROLES[tier]}=1; perhaps it is not for the cluster's load balancers"
            yield Entry(name, fields, left_out=reason)
        else:
            yield Entry(name, fields)


def _own_subnets(place: Place) -> list[ec2.Subnet]:
    own = [one for one in place.ask(ec2.subnets).items if one.vpc and one.vpc == place.vpc]
    return sorted(own, key=lambda one: (_tier(place, one) != "public", one.zone, one.name))


def _tier(place: Place, subnet: ec2.Subnet) -> str | None:
    route = place.ask(ec2.route_tables).of(subnet).default_route
    if route is None:
        return None
    if route.is_through_nat:
        return "private"
    return "public" if route.target.startswith("igw-") else None


def _zones(place: Place) -> Iterator[tuple[str | None, str]]:
    for subnet in _own_subnets(place):
        yield _tier(place, subnet), subnet.zone


def _gateways(place: Place) -> Iterator[ec2.NatGateway]:
    subnets = place.ask(ec2.subnets)
    for gateway in place.ask(ec2.nat_gateways).items:
        if gateway.vpc == place.vpc and gateway.state not in _GONE:
            yield gateway.model_copy(update={"zone": subnets.zone_of(gateway.subnet)})
