"""The network under the cluster: VPCs, subnets, NAT gateways, route tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

EVERYWHERE: Final = "0.0.0.0/0"

# Where a route leads, by the key of DescribeRouteTables that names the target.
_TARGETS: Final[Mapping[str, str]] = {
    "NatGatewayId": "NAT gateway",
    "TransitGatewayId": "transit gateway",
    "VpcPeeringConnectionId": "VPC peering connection",
    "NetworkInterfaceId": "network interface",
    "InstanceId": "instance",
    "EgressOnlyInternetGatewayId": "egress-only internet gateway",
    "LocalGatewayId": "local gateway",
    "CarrierGatewayId": "carrier gateway",
    "CoreNetworkArn": "core network",
    "GatewayId": "gateway",
}


class Vpc(Evidence):
    """A VPC. `name` is its Name tag, or the name that was looked for."""

    found: bool = True
    id: str = ""
    name: str
    networks: tuple[str, ...] = ()

    @classmethod
    def absent(cls, name: str) -> Vpc:
        """Return what is seen where there is none."""
        return cls(found=False, name=name)


class Vpcs(Evidence):
    """Every VPC of the region."""

    items: tuple[Vpc, ...]

    def of(self, name: str) -> Vpc:
        """Return the VPC with this Name tag or id."""
        return next((vpc for vpc in self.items if name in (vpc.id, vpc.name)), Vpc.absent(name))


class Subnet(Evidence):
    """A subnet with its tags."""

    found: bool = True
    id: str = ""
    name: str
    vpc: str = ""
    zone: str = ""
    network: str = ""
    state: str = ""
    tags: Mapping[str, str] = {}

    @classmethod
    def absent(cls, name: str) -> Subnet:
        """Return what is seen where there is none."""
        return cls(found=False, name=name)


class Subnets(Evidence):
    """Every subnet of the region."""

    items: tuple[Subnet, ...]

    def of(self, name: str, vpc: str) -> Subnet:
        """Return the subnet with this Name tag or id; of several, the one in `vpc`."""
        found = [subnet for subnet in self.items if name in (subnet.id, subnet.name)]
        found.sort(key=lambda subnet: subnet.vpc != vpc)
        return found[0] if found else Subnet.absent(name)

    def zone_of(self, identifier: str) -> str:
        """Return the availability zone of a subnet id, empty where there is no such subnet."""
        return next((subnet.zone for subnet in self.items if subnet.id == identifier), "")


class NatGateway(Evidence):
    """A NAT gateway. `zone` is its subnet's; `failure` says why it failed, in AWS's words."""

    found: bool = True
    id: str = ""
    name: str
    state: str = ""
    failure: str = ""
    vpc: str = ""
    subnet: str = ""
    zone: str = ""
    addresses: tuple[str, ...] = ()
    created: str = ""

    @classmethod
    def absent(cls, name: str) -> NatGateway:
        """Return what is seen where there is none."""
        return cls(found=False, name=name)

    @property
    def is_available(self) -> bool:
        """Whether it passes traffic."""
        return self.found and self.state == "available"

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: a failed gateway does not recover, it is replaced."""
        return self.state == "failed"


class NatGateways(Evidence):
    """Every NAT gateway of the region. AWS lists deleted ones for about an hour."""

    items: tuple[NatGateway, ...]

    def of(self, name: str) -> NatGateway:
        """Return the gateway with this Name tag or id; of several, the one that serves, else the newest."""
        found = [gateway for gateway in self.items if name in (gateway.id, gateway.name)]
        found.sort(key=lambda gateway: (gateway.is_available, gateway.created), reverse=True)
        return found[0] if found else NatGateway.absent(name)


class Route(Evidence):
    """One route: where to, through what, and whether it is active."""

    destination: str
    kind: str
    target: str
    state: str

    @property
    def is_active(self) -> bool:
        """Whether traffic can take it; the other state is `blackhole`."""
        return self.state == "active"

    @property
    def words(self) -> str:
        """Say where it leads."""
        return f"{self.kind} {self.target}".rstrip()

    @property
    def is_through_nat(self) -> bool:
        """Whether it leads to a NAT gateway."""
        return self.kind == "NAT gateway"


class RouteTable(Evidence):
    """A route table, and the subnets that use it."""

    found: bool = True
    id: str = ""
    name: str
    vpc: str = ""
    is_main: bool = False
    subnets: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()

    @property
    def default_route(self) -> Route | None:
        """The route to 0.0.0.0/0, if there is one."""
        return next((route for route in self.routes if route.destination == EVERYWHERE), None)


class RouteTables(Evidence):
    """Every route table of the region."""

    items: tuple[RouteTable, ...]

    def of(self, subnet: Subnet) -> RouteTable:
        """Return the table that a subnet uses: its own, else the VPC's main one."""
        own = [table for table in self.items if subnet.id in table.subnets]
        main = [table for table in self.items if table.is_main and table.vpc == subnet.vpc]
        return next(iter([*own, *main]), RouteTable(found=False, name=f"of {subnet.name}"))


@reads("ec2:DescribeVpcs")
def vpcs(connections: Connections) -> Vpcs:
    """List the VPCs."""
    found = connections.aws.listing("ec2", "DescribeVpcs", "Vpcs") or []
    return Vpcs(items=tuple(_vpc(item) for item in found))


def _vpc(item: Mapping[str, Any]) -> Vpc:
    networks = [block["CidrBlock"] for block in item.get("CidrBlockAssociationSet", ())]
    return Vpc(id=item["VpcId"], name=name_tag(item), networks=tuple(networks or [item["CidrBlock"]]))


@reads("ec2:DescribeSubnets")
def subnets(connections: Connections) -> Subnets:
    """List the subnets."""
    found = connections.aws.listing("ec2", "DescribeSubnets", "Subnets") or []
    return Subnets(
        items=tuple(
            Subnet(
                id=item["SubnetId"],
                name=name_tag(item),
                vpc=item["VpcId"],
                zone=item["AvailabilityZone"],
                network=item.get("CidrBlock", ""),
                state=item.get("State", ""),
                tags=tags(item),
            )
            for item in found
        )
    )


@reads("ec2:DescribeNatGateways")
def nat_gateways(connections: Connections) -> NatGateways:
    """List the NAT gateways."""
    found = connections.aws.listing("ec2", "DescribeNatGateways", "NatGateways") or []
    return NatGateways(items=tuple(_nat_gateway(item) for item in found))


def _nat_gateway(item: Mapping[str, Any]) -> NatGateway:
    failure = (item.get("FailureCode"), item.get("FailureMessage"))
    return NatGateway(
        id=item["NatGatewayId"],
        name=name_tag(item),
        state=item["State"],
        failure=": ".join(part for part in failure if part),
        vpc=item.get("VpcId", ""),
        subnet=item.get("SubnetId", ""),
        addresses=_filled(address.get("PublicIp") for address in item.get("NatGatewayAddresses", ())),
        created=str(item.get("CreateTime", "")),
    )


@reads("ec2:DescribeRouteTables")
def route_tables(connections: Connections) -> RouteTables:
    """List the route tables."""
    found = connections.aws.listing("ec2", "DescribeRouteTables", "RouteTables") or []
    return RouteTables(items=tuple(_route_table(item) for item in found))


def _route_table(item: Mapping[str, Any]) -> RouteTable:
    associations = item.get("Associations", ())
    return RouteTable(
        id=item["RouteTableId"],
        name=name_tag(item),
        vpc=item.get("VpcId", ""),
        is_main=any(association.get("Main") for association in associations),
        subnets=_filled(association.get("SubnetId") for association in associations),
        routes=tuple(_route(route) for route in item.get("Routes", ())),
    )


def _route(item: Mapping[str, Any]) -> Route:
    destinations = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    target = next((key for key in _TARGETS if item.get(key)), "")
    return Route(
        destination=next((item[key] for key in destinations if item.get(key)), ""),
        kind=_TARGETS.get(target, "nothing"),
        target=item.get(target, ""),
        state=item.get("State", ""),
    )


def tags(item: Mapping[str, Any]) -> dict[str, str]:
    """Return an EC2 object's tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}


def name_tag(item: Mapping[str, Any]) -> str:
    """Return an EC2 object's Name tag, empty where it has none."""
    return tags(item).get("Name", "")


def _filled(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(value for value in values if value)
