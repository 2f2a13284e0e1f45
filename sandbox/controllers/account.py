"""Looks at AWS, with as many calls at a time as there are questions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from sandbox import names
from sandbox.controllers.cloud import (
    ANYWHERE,
    Balancer,
    Cloud,
    Distribution,
    Group,
    Permission,
    Role,
    Store,
    Subnet,
    Zone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import ThreadPoolExecutor


class Account(Protocol):
    """Where boto3 clients come from."""

    def client(self, service: str) -> Any:
        """Give the client of a service; callable from any thread."""


def observe(account: Account, pool: ThreadPoolExecutor) -> Cloud:
    """Look at everything once; blocks for about as long as the slowest chain of calls."""
    questions: dict[str, Callable[[Account], Any]] = {
        "cluster_vpc": _cluster_vpc,
        "groups": _groups,
        "subnets": _subnets,
        "stores": _stores,
        "roles": _roles,
        "certificates": _certificates,
        "distributions": _distributions,
        "zones": _zones,
        "balancers": _balancers,
        "prefix_lists": _prefix_lists,
        "behind_nat": _behind_nat,
    }
    futures = {name: pool.submit(question, account) for name, question in questions.items()}
    return Cloud(**{name: future.result() for name, future in futures.items()})


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def _cluster_vpc(account: Account) -> str:
    eks = account.client("eks")
    if names.CLUSTER not in eks.list_clusters()["clusters"]:
        return ""
    vpc: str = eks.describe_cluster(name=names.CLUSTER)["cluster"]["resourcesVpcConfig"]["vpcId"]
    return vpc


def _groups(account: Account) -> dict[str, Group]:
    found = _pages(account.client("ec2"), "describe_security_groups", "SecurityGroups")
    return {
        item["GroupId"]: Group(
            item["GroupId"],
            item["GroupName"],
            item.get("VpcId", ""),
            tuple(_permission(rule) for rule in item["IpPermissions"]),
        )
        for item in found
    }


def _permission(rule: Mapping[str, Any]) -> Permission:
    everything = rule["IpProtocol"] == "-1"
    return Permission(
        None if everything else rule.get("FromPort"),
        None if everything else rule.get("ToPort"),
        frozenset(item["GroupId"] for item in rule.get("UserIdGroupPairs", ())),
        frozenset(item["PrefixListId"] for item in rule.get("PrefixListIds", ())),
        frozenset(item["CidrIp"] for item in rule.get("IpRanges", ())),
    )


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", ())}


def _subnets(account: Account) -> tuple[Subnet, ...]:
    found = _pages(account.client("ec2"), "describe_subnets", "Subnets")
    return tuple(
        Subnet(item["SubnetId"], item["VpcId"], item["AvailabilityZone"], _tags(item), item["CidrBlock"])
        for item in found
    )


def _behind_nat(account: Account) -> frozenset[str]:
    ec2 = account.client("ec2")
    working = {
        item["NatGatewayId"]
        for item in _pages(ec2, "describe_nat_gateways", "NatGateways")
        if item["State"] == "available"
    }
    return frozenset(
        association["SubnetId"]
        for table in _pages(ec2, "describe_route_tables", "RouteTables")
        if any(
            route.get("DestinationCidrBlock") == ANYWHERE and route.get("NatGatewayId") in working
            for route in table["Routes"]
        )
        for association in table["Associations"]
        if "SubnetId" in association
    )


def _prefix_lists(account: Account) -> dict[str, str]:
    found = account.client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    return {item["PrefixListId"]: item["PrefixListName"] for item in found}


def _stores(account: Account) -> dict[str, Store]:
    return {**_databases(account), **_caches(account)}


def _databases(account: Account) -> dict[str, Store]:
    rds = account.client("rds")
    subnet_groups = _pages(rds, "describe_db_subnet_groups", "DBSubnetGroups")
    vpcs = {item["DBSubnetGroupName"]: item["VpcId"] for item in subnet_groups}
    stores = {}
    for item in _pages(rds, "describe_db_instances", "DBInstances"):
        endpoint = item.get("Endpoint", {})
        groups = tuple(entry["VpcSecurityGroupId"] for entry in item["VpcSecurityGroups"])
        vpc = item.get("DBSubnetGroup", {}).get("VpcId", "")
        place = (endpoint.get("Address", ""), endpoint.get("Port", 0), vpc, groups)
        forces = not item.get("DBClusterIdentifier") and _instance_forces_tls(rds, item)
        stores[item["DBInstanceIdentifier"]] = Store(*place, forces)
    for item in _pages(rds, "describe_db_clusters", "DBClusters"):
        groups = tuple(entry["VpcSecurityGroupId"] for entry in item["VpcSecurityGroups"])
        vpc = vpcs.get(item.get("DBSubnetGroup", ""), "")
        parameters = rds.describe_db_cluster_parameters(
            DBClusterParameterGroupName=item["DBClusterParameterGroup"]
        )
        place = (item.get("Endpoint", ""), item.get("Port", 0), vpc, groups)
        stores[item["DBClusterIdentifier"]] = Store(*place, _forces_tls(parameters["Parameters"]))
    return stores


def _instance_forces_tls(rds: Any, instance: Mapping[str, Any]) -> bool:
    name = instance["DBParameterGroups"][0]["DBParameterGroupName"]
    return _forces_tls(_pages(rds, "describe_db_parameters", "Parameters", DBParameterGroupName=name))


def _forces_tls(parameters: Iterable[Mapping[str, Any]]) -> bool:
    values = {item["ParameterName"]: item.get("ParameterValue") for item in parameters}
    # PostgreSQL 15 and later on RDS force TLS unless told otherwise.
    return values.get("rds.force_ssl", "1") == "1"


def _caches(account: Account) -> dict[str, Store]:
    client = account.client("elasticache")
    subnet_groups = _pages(client, "describe_cache_subnet_groups", "CacheSubnetGroups")
    vpcs = {item["CacheSubnetGroupName"]: item["VpcId"] for item in subnet_groups}
    members = {
        item["ReplicationGroupId"]: item
        for item in _pages(client, "describe_cache_clusters", "CacheClusters")
        if "ReplicationGroupId" in item
    }
    stores = {}
    for item in _pages(client, "describe_replication_groups", "ReplicationGroups"):
        name = item["ReplicationGroupId"]
        endpoint = item["NodeGroups"][0]["PrimaryEndpoint"]
        member = members.get(name, {})
        groups = tuple(entry["SecurityGroupId"] for entry in member.get("SecurityGroups", ()))
        vpc = vpcs.get(member.get("CacheSubnetGroupName", ""), "")
        stores[name] = Store(endpoint["Address"], endpoint["Port"], vpc, groups)
    return stores


def _roles(account: Account) -> dict[str, Role]:
    iam = account.client("iam")
    return {
        item["RoleName"]: Role(
            item["Arn"],
            _policies(iam, item["RoleName"]),
            _trusted(item["AssumeRolePolicyDocument"]),
        )
        for item in _pages(iam, "list_roles", "Roles")
    }


def _policies(iam: Any, role: str) -> frozenset[str]:
    inline = _pages(iam, "list_role_policies", "PolicyNames", RoleName=role)
    attached = _pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=role)
    return frozenset(inline) | {item["PolicyName"] for item in attached}


def _trusted(document: Any) -> frozenset[str]:
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", ())
    subjects: set[str] = set()
    for statement in statements:
        for test in statement.get("Condition", {}).values():
            for name, value in test.items():
                if name.endswith(":sub"):
                    subjects.update([value] if isinstance(value, str) else value)
    return frozenset(subjects)


def _certificates(account: Account) -> dict[str, str]:
    found = _pages(account.client("acm"), "list_certificates", "CertificateSummaryList")
    return {item["CertificateArn"]: item["Status"] for item in found}


def _distributions(account: Account) -> tuple[Distribution, ...]:
    listing = account.client("cloudfront").list_distributions()["DistributionList"]
    return tuple(
        Distribution(
            item["Id"],
            item["DomainName"],
            tuple(item["Aliases"].get("Items", ())),
            item["Origins"]["Items"][0]["DomainName"],
        )
        for item in listing.get("Items", ())
    )


def _zones(account: Account) -> tuple[Zone, ...]:
    route53 = account.client("route53")
    return tuple(
        Zone(
            item["Id"].rpartition("/")[2],
            item["Name"],
            tuple(
                _pages(route53, "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=item["Id"])
            ),
        )
        for item in _pages(route53, "list_hosted_zones", "HostedZones")
    )


def _balancers(account: Account) -> tuple[Balancer, ...]:
    found = _pages(account.client("elbv2"), "describe_load_balancers", "LoadBalancers")
    return tuple(
        Balancer(
            item["LoadBalancerArn"],
            item["LoadBalancerName"],
            item["DNSName"],
            tuple(item.get("SecurityGroups", ())),
        )
        for item in found
    )
