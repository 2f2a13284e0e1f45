"""VPC, subnets, NAT, security groups."""

from typing import Any

import pytest

from bench.plain.expected import (
    CACHES,
    CLUSTER,
    LOAD_BALANCER_GROUP,
    NODE_GROUP,
    PREFIX,
    REGION,
    SERVERS,
    VPC,
    ZONES,
    Cache,
    Server,
)  # fmt: skip
from bench.plain.stores import cache_group, server_of

ROLE = {"public": "kubernetes.io/role/elb", "private": "kubernetes.io/role/internal-elb"}


def named(name: str) -> list[dict[str, Any]]:
    return [{"Name": "tag:Name", "Values": [name]}]


def subnet_of(ec2: Any, place: tuple[str, str]) -> Any:
    found = ec2.describe_subnets(Filters=named(f"{PREFIX}-{'-'.join(place)}"))["Subnets"]
    assert found, f"no subnet {place}"
    return found[0]


def tags_of(item: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}


def vpc_of(ec2: Any) -> str:
    found = ec2.describe_vpcs(Filters=named(VPC))["Vpcs"]
    assert found, f"no VPC {VPC}"
    return str(found[0]["VpcId"])


def cluster_vpc(aws: Any) -> str:
    return str(aws("eks").describe_cluster(name=CLUSTER)["cluster"]["resourcesVpcConfig"]["vpcId"])


def test_cluster_is_in_the_vpc(aws: Any) -> None:
    assert cluster_vpc(aws) == vpc_of(aws("ec2"))


def test_subnet_exists(aws: Any, subnet_place: tuple[str, str]) -> None:
    assert subnet_of(aws("ec2"), subnet_place)


def test_subnet_is_in_its_zone(aws: Any, subnet_place: tuple[str, str]) -> None:
    assert subnet_of(aws("ec2"), subnet_place)["AvailabilityZone"] == REGION + subnet_place[1]


def test_subnet_has_its_role_tag(aws: Any, subnet_place: tuple[str, str]) -> None:
    assert tags_of(subnet_of(aws("ec2"), subnet_place)).get(ROLE[subnet_place[0]]) in ("1", "")


def test_subnet_has_the_cluster_tag(aws: Any, subnet_place: tuple[str, str]) -> None:
    tags = tags_of(subnet_of(aws("ec2"), subnet_place))
    assert tags.get(f"kubernetes.io/cluster/{CLUSTER}") in ("owned", "shared")


def default_route(ec2: Any, zone: str) -> Any:
    subnet = subnet_of(ec2, ("private", zone))["SubnetId"]
    wanted = [{"Name": "association.subnet-id", "Values": [subnet]}]
    tables = ec2.describe_route_tables(Filters=wanted)["RouteTables"]
    routes = [
        route
        for table in tables
        for route in table["Routes"]
        if route.get("DestinationCidrBlock") == "0.0.0.0/0"
    ]
    assert routes, f"no default route in zone {zone}"
    return routes[0]


@pytest.mark.parametrize("zone", ZONES)
def test_private_subnet_has_a_default_route(aws: Any, zone: str) -> None:
    assert default_route(aws("ec2"), zone)


@pytest.mark.parametrize("zone", ZONES)
def test_default_route_is_active(aws: Any, zone: str) -> None:
    assert default_route(aws("ec2"), zone)["State"] == "active"


@pytest.mark.parametrize("zone", ZONES)
def test_default_route_leads_to_a_nat_gateway(aws: Any, zone: str) -> None:
    assert default_route(aws("ec2"), zone).get("NatGatewayId", "").startswith("nat-")


@pytest.mark.parametrize("zone", ZONES)
def test_nat_gateway_is_available(aws: Any, zone: str) -> None:
    gateways = aws("ec2").describe_nat_gateways()["NatGateways"]
    found = [one for one in gateways if tags_of(one).get("Name") == f"{PREFIX}-natgw-{zone}"]
    assert [gateway["State"] for gateway in found] == ["available"]


@pytest.mark.parametrize("zone", ZONES)
def test_nat_gateway_is_in_its_zone(aws: Any, zone: str) -> None:
    ec2 = aws("ec2")
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    (found,) = (one for one in gateways if tags_of(one).get("Name") == f"{PREFIX}-natgw-{zone}")
    (subnet,) = ec2.describe_subnets(SubnetIds=[found["SubnetId"]])["Subnets"]
    assert subnet["AvailabilityZone"] == REGION + zone


@pytest.mark.parametrize("zone", ZONES)
def test_zone_has_its_own_nat_gateway(aws: Any, zone: str) -> None:
    ec2 = aws("ec2")
    gateways = ec2.describe_nat_gateways(Filter=[{"Name": "vpc-id", "Values": [vpc_of(ec2)]}])["NatGateways"]
    wanted = [{"Name": "availability-zone", "Values": [REGION + zone]}]
    subnets = {subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=wanted)["Subnets"]}
    assert any(gateway["SubnetId"] in subnets for gateway in gateways)


def group_of(ec2: Any, name: str) -> Any:
    found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])["SecurityGroups"]
    assert found, f"no security group {name}"
    return found[0]


def lets_in(group: Any, source: str, port: int) -> bool:
    return any(
        source in {pair["GroupId"] for pair in rule["UserIdGroupPairs"]}
        and (rule["IpProtocol"] == "-1" or rule["FromPort"] <= port <= rule["ToPort"])
        for rule in group["IpPermissions"]
    )


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_nodes_may_reach_the_database_server(aws: Any, server: Server) -> None:
    ec2 = aws("ec2")
    port = server_of(aws("rds"), server.name)["Port"]
    assert lets_in(group_of(ec2, server.group), group_of(ec2, NODE_GROUP)["GroupId"], port)


@pytest.mark.parametrize("cache", CACHES, ids=lambda cache: cache.name)
def test_nodes_may_reach_the_cache(aws: Any, cache: Cache) -> None:
    ec2 = aws("ec2")
    nodes = cache_group(aws("elasticache"), cache.name)["NodeGroups"]
    port = nodes[0]["PrimaryEndpoint"]["Port"]
    assert lets_in(group_of(ec2, f"{cache.name}-sg"), group_of(ec2, NODE_GROUP)["GroupId"], port)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_database_server_has_its_security_group(aws: Any, server: Server) -> None:
    attached = server_of(aws("rds"), server.name)["Groups"]
    assert group_of(aws("ec2"), server.group)["GroupId"] in attached


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_database_server_uses_its_parameter_group(aws: Any, server: Server) -> None:
    assert server_of(aws("rds"), server.name)["ParameterGroup"] == server.parameter_group


@pytest.mark.parametrize("cache", CACHES, ids=lambda cache: cache.name)
def test_cache_has_its_security_group(aws: Any, cache: Cache) -> None:
    clusters = aws("elasticache").describe_cache_clusters()["CacheClusters"]
    own = [one for one in clusters if one.get("ReplicationGroupId") == cache.name]
    attached = {group["SecurityGroupId"] for one in own for group in one["SecurityGroups"]}
    assert group_of(aws("ec2"), f"{cache.name}-sg")["GroupId"] in attached


@pytest.mark.parametrize("port", [3000, 8000])
def test_load_balancer_may_reach_the_nodes(aws: Any, port: int) -> None:
    ec2 = aws("ec2")
    source = group_of(ec2, LOAD_BALANCER_GROUP)["GroupId"]
    assert lets_in(group_of(ec2, NODE_GROUP), source, port)


def test_cloudfront_may_reach_the_load_balancer(aws: Any) -> None:
    ec2 = aws("ec2")
    wanted = [{"Name": "prefix-list-name", "Values": ["com.amazonaws.global.cloudfront.origin-facing"]}]
    listed = ec2.describe_managed_prefix_lists(Filters=wanted)["PrefixLists"][0]["PrefixListId"]
    rules = group_of(ec2, LOAD_BALANCER_GROUP)["IpPermissions"]
    assert listed in {item["PrefixListId"] for rule in rules for item in rule["PrefixListIds"]}


def test_database_server_is_in_the_cluster_vpc(aws: Any, server: Server) -> None:
    groups = aws("rds").describe_db_subnet_groups(DBSubnetGroupName=server.subnet_group)["DBSubnetGroups"]
    assert groups[0]["VpcId"] == cluster_vpc(aws)


def test_cache_is_in_the_cluster_vpc(aws: Any, cache: Cache) -> None:
    ec2 = aws("ec2")
    assert group_of(ec2, f"{cache.name}-sg")["VpcId"] == cluster_vpc(aws)


def test_database_subnet_group_is_in_the_vpc(aws: Any, server: Server) -> None:
    groups = aws("rds").describe_db_subnet_groups(DBSubnetGroupName=server.subnet_group)["DBSubnetGroups"]
    assert groups[0]["VpcId"] == vpc_of(aws("ec2"))


def test_cache_subnet_group_is_in_the_vpc(aws: Any, cache: Cache) -> None:
    name = f"{cache.name}-subnet-group"
    found = aws("elasticache").describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"]
    assert found[0]["VpcId"] == vpc_of(aws("ec2"))
