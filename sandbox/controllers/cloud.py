"""What the controllers know of AWS: one frozen look at all that something in the cluster depends on."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sandbox import names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CLOUDFRONT_PREFIX_LIST: Final = "com.amazonaws.global.cloudfront.origin-facing"


class Account(Protocol):
    """Where boto3 clients come from."""

    def client(self, service: str) -> Any:
        """Give the client of a service; callable from any thread."""


@dataclass(frozen=True)
class Permission:
    """One ingress rule of a security group; ports are inclusive, and None means all of them."""

    first: int | None
    last: int | None
    groups: frozenset[str]
    prefix_lists: frozenset[str]
    networks: frozenset[str]

    def covers(self, port: int) -> bool:
        """Whether the rule speaks of this port."""
        return self.first is None or self.last is None or self.first <= port <= self.last


@dataclass(frozen=True)
class Group:
    """A security group."""

    id: str
    name: str
    vpc: str
    permissions: tuple[Permission, ...]

    def admits(self, source: str, port: int) -> bool:
        """Whether traffic from `source` (a group, prefix list or network) may come in on `port`."""
        return any(
            rule.covers(port) and source in rule.groups | rule.prefix_lists | rule.networks
            for rule in self.permissions
        )


@dataclass(frozen=True)
class Subnet:
    """A subnet with its tags."""

    id: str
    vpc: str
    zone: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Store:
    """A database or a cache, as far as it decides who can reach it."""

    host: str
    port: int
    vpc: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """An IAM role: its inline policies' names, and the service accounts its trust names."""

    arn: str
    policies: frozenset[str]
    trusted: frozenset[str]


@dataclass(frozen=True)
class Distribution:
    """A CloudFront distribution: where it answers and where it fetches from."""

    id: str
    domain: str
    aliases: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Zone:
    """A hosted zone and its record sets, as Route 53 lists them."""

    id: str
    name: str
    records: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Balancer:
    """A load balancer: its DNS name and security groups."""

    arn: str
    name: str
    dns: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Cloud:
    """AWS at one moment."""

    cluster_vpc: str
    groups: Mapping[str, Group]  # by id
    subnets: tuple[Subnet, ...]
    stores: Mapping[str, Store]  # by identifier
    roles: Mapping[str, Role]  # by name
    certificates: Mapping[str, str]  # ARN to status
    distributions: tuple[Distribution, ...]
    zones: tuple[Zone, ...]
    balancers: tuple[Balancer, ...]
    prefix_lists: Mapping[str, str]  # id to name

    def group_named(self, name: str) -> Group | None:
        """Find a security group of the cluster's VPC by its name."""
        return next((group for group in self.groups.values() if group.name == name), None)

    def admits(self, targets: Iterable[str], source: str, port: int) -> bool:
        """Whether any of the target groups (ids) lets `source` in on `port`."""
        return any(self.groups[item].admits(source, port) for item in targets if item in self.groups)

    def node_reaches(self, identifier: str) -> bool:
        """Whether a pod on a node can open a connection to this database or cache."""
        store = self.stores.get(identifier)
        node = self.group_named(names.NODE_GROUP)
        if store is None or node is None or store.vpc != self.cluster_vpc:
            return False
        return self.admits(store.groups, node.id, store.port)

    def cloudfront_reaches(self, groups: Iterable[str], port: int) -> bool:
        """Whether CloudFront's edge locations may connect to something in these groups."""
        lists = [key for key, name in self.prefix_lists.items() if name == CLOUDFRONT_PREFIX_LIST]
        targets = tuple(groups)
        return any(self.admits(targets, source, port) for source in (*lists, "0.0.0.0/0"))


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
    }
    futures = {name: pool.submit(question, account) for name, question in questions.items()}
    return Cloud(**{name: future.result() for name, future in futures.items()})


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**arguments) for item in page[key]]


def _cluster_vpc(account: Account) -> str:
    cluster = account.client("eks").describe_cluster(name=names.CLUSTER)["cluster"]
    vpc: str = cluster["resourcesVpcConfig"]["vpcId"]
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
        Subnet(item["SubnetId"], item["VpcId"], item["AvailabilityZone"], _tags(item)) for item in found
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
        stores[item["DBInstanceIdentifier"]] = Store(
            endpoint.get("Address", ""), endpoint.get("Port", 0), vpc, groups
        )
    for item in _pages(rds, "describe_db_clusters", "DBClusters"):
        groups = tuple(entry["VpcSecurityGroupId"] for entry in item["VpcSecurityGroups"])
        vpc = vpcs.get(item.get("DBSubnetGroup", ""), "")
        stores[item["DBClusterIdentifier"]] = Store(
            item.get("Endpoint", ""), item.get("Port", 0), vpc, groups
        )
    return stores


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
            frozenset(_pages(iam, "list_role_policies", "PolicyNames", RoleName=item["RoleName"])),
            _trusted(item["AssumeRolePolicyDocument"]),
        )
        for item in _pages(iam, "list_roles", "Roles")
    }


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
