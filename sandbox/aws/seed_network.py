"""Makes the pretend world's network: VPC, subnets, gateways, routes, security groups, nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.aws.seeded import Network, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from sandbox.aws.client import Aws

LETTERS = ("a", "b", "c")
TARGET_PORTS = ((80, 80), (1024, 65535))
ORIGIN_FACING = "com.amazonaws.global.cloudfront.origin-facing"
_CLUSTER_TAG = f"kubernetes.io/cluster/{names.CLUSTER}"
_TIERS = {
    "public": ("kubernetes.io/role/elb", ("10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24")),
    "private": ("kubernetes.io/role/internal-elb", ("10.0.10.0/24", "10.0.11.0/24", "10.0.12.0/24")),
}


def tags(kind: str, name: str, **more: str) -> list[dict[str, Any]]:
    """Give the TagSpecifications of a thing with a Name."""
    pairs = {"Name": name, **more}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}]


def seed_network(aws: Aws, ports: Ports, pool: Executor) -> Network:
    """Make the whole network; independent parts at the same time."""
    ec2 = aws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", names.VPC))["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    groups_made = pool.submit(_security_groups, ec2, vpc, ports)
    subnets = _subnets(ec2, vpc, pool)
    gateway = _internet_gateway(ec2, vpc)
    groups, prefix_list = groups_made.result()
    nodes = pool.submit(_instances, ec2, subnets, groups[names.NODE_GROUP])
    nats = {
        f"{names.PREFIX}-natgw-{letter}": made.result()
        for letter, made in [(x, pool.submit(_nat_gateway, ec2, subnets, x)) for x in LETTERS]
    }
    tables = _route_tables(ec2, vpc, gateway, subnets, nats, pool)
    return Network(vpc, gateway, subnets, groups, nats, tables, prefix_list, nodes.result())


def _subnets(ec2: Any, vpc: str, pool: Executor) -> dict[str, str]:
    def make(tier: str, number: int) -> tuple[str, str]:
        role, blocks = _TIERS[tier]
        name = f"{names.PREFIX}-{tier}-{LETTERS[number]}"
        marks = tags("subnet", name, **{role: "1", _CLUSTER_TAG: "owned"})
        answer = ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=blocks[number],
            AvailabilityZone=names.ZONES[number],
            TagSpecifications=marks,
        )
        return name, answer["Subnet"]["SubnetId"]

    return dict(pool.map(lambda pair: make(*pair), [(t, n) for t in _TIERS for n in range(len(LETTERS))]))


def _internet_gateway(ec2: Any, vpc: str) -> str:
    marks = tags("internet-gateway", f"{names.PREFIX}-igw")
    gateway = ec2.create_internet_gateway(TagSpecifications=marks)["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return str(gateway)


def _nat_gateway(ec2: Any, subnets: Mapping[str, str], letter: str) -> str:
    name = f"{names.PREFIX}-natgw-{letter}"
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", f"{name}-eip"))
    answer = ec2.create_nat_gateway(
        SubnetId=subnets[f"{names.PREFIX}-public-{letter}"],
        AllocationId=address["AllocationId"],
        TagSpecifications=tags("natgateway", name),
    )
    return str(answer["NatGateway"]["NatGatewayId"])


def _route_tables(  # noqa: PLR0913, PLR0917  a route table joins everything that the network has
    ec2: Any,
    vpc: str,
    gateway: str,
    subnets: Mapping[str, str],
    nats: Mapping[str, str],
    pool: Executor,
) -> dict[str, str]:
    def make(name: str, target: Mapping[str, str], members: list[str]) -> tuple[str, str]:
        answer = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags("route-table", name))
        table = answer["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **target)
        for member in members:
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[member])
        return name, table

    public = [f"{names.PREFIX}-public-{letter}" for letter in LETTERS]
    wanted = [(f"{names.PREFIX}-public-rt", {"GatewayId": gateway}, public)]
    wanted += [
        (
            f"{names.PREFIX}-private-rt-{letter}",
            {"NatGatewayId": nats[f"{names.PREFIX}-natgw-{letter}"]},
            [f"{names.PREFIX}-private-{letter}"],
        )
        for letter in LETTERS
    ]
    return dict(pool.map(lambda three: make(*three), wanted))


def _security_groups(ec2: Any, vpc: str, ports: Ports) -> tuple[dict[str, str], str]:
    described = {
        names.NODE_GROUP: "EKS nodes",
        names.ALB_GROUP: "Application load balancers",
        names.KYEOL_DATABASE_GROUP: "PostgreSQL of KYEOL",
        names.KYEOL_CACHE_GROUP: "Valkey of KYEOL",
        names.DOA_DATABASE_GROUP: "Aurora PostgreSQL of DOA Market",
        names.DOA_CACHE_GROUP: "Redis of DOA Market",
    }
    groups: dict[str, str] = {}
    for name, description in described.items():
        marks = tags("security-group", name)
        answer = ec2.create_security_group(
            GroupName=name, Description=description, VpcId=vpc, TagSpecifications=marks
        )
        groups[name] = answer["GroupId"]
    lists = ec2.describe_managed_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": [ORIGIN_FACING]}]
    )["PrefixLists"]
    prefix_list = lists[0]["PrefixListId"]
    for name, rules in _ingress(groups, prefix_list, ports).items():
        ec2.authorize_security_group_ingress(GroupId=groups[name], IpPermissions=rules)
    return groups, prefix_list


def _ingress(groups: Mapping[str, str], prefix_list: str, ports: Ports) -> dict[str, list[dict[str, Any]]]:
    """No rule has a description: AWS revokes a rule without asking for it, and moto does not."""
    nodes = groups[names.NODE_GROUP]
    return {
        names.NODE_GROUP: [
            *(
                _rule(first, last, UserIdGroupPairs=[{"GroupId": groups[names.ALB_GROUP]}])
                for first, last in TARGET_PORTS
            ),
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": nodes}]},
        ],
        names.ALB_GROUP: [
            _rule(443, 443, PrefixListIds=[{"PrefixListId": prefix_list}]),
            _rule(443, 443, IpRanges=[{"CidrIp": names.CLIENTS}]),
        ],
        names.KYEOL_DATABASE_GROUP: [_from(nodes, ports.postgres_kyeol)],
        names.KYEOL_CACHE_GROUP: [_from(nodes, ports.valkey_kyeol)],
        names.DOA_DATABASE_GROUP: [_from(nodes, ports.postgres_doa)],
        names.DOA_CACHE_GROUP: [_from(nodes, ports.redis_doa)],
    }


def _rule(first: int, last: int, **source: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, **source}


def _from(group: str, port: int) -> dict[str, Any]:
    return _rule(port, port, UserIdGroupPairs=[{"GroupId": group}])


def _instances(ec2: Any, subnets: Mapping[str, str], group: str) -> tuple[str, ...]:
    made = []
    for node, letter in zip(names.NODES, LETTERS, strict=True):
        spot = {"InstanceMarketOptions": {"MarketType": "spot"}} if node.capacity == "SPOT" else {}
        answer = ec2.run_instances(
            ImageId="ami-0a5a6128e65676ebb",
            InstanceType="t3.large",
            MinCount=1,
            MaxCount=1,
            PrivateIpAddress=node.address,
            SubnetId=subnets[f"{names.PREFIX}-private-{letter}"],
            SecurityGroupIds=[group],
            TagSpecifications=tags(
                "instance", f"{names.CLUSTER}-node", **{"eks:cluster-name": names.CLUSTER}
            ),
            **spot,
        )
        made.append(answer["Instances"][0]["InstanceId"])
    return tuple(made)
