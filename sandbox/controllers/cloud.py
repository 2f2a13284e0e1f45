"""What the controllers know of AWS: one frozen look at all that something in the cluster depends on."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sandbox import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLOUDFRONT_PREFIX_LIST: Final = "com.amazonaws.global.cloudfront.origin-facing"
ANYWHERE: Final = "0.0.0.0/0"


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
    """A subnet with its tags, and its addresses as a block (`10.0.10.0/24`)."""

    id: str
    vpc: str
    zone: str
    tags: Mapping[str, str]
    block: str


@dataclass(frozen=True)
class Store:
    """A database or a cache, as far as it decides who can reach it."""

    host: str
    port: int
    vpc: str
    groups: tuple[str, ...]
    forces_tls: bool = True


@dataclass(frozen=True)
class Role:
    """An IAM role: its policies' names, inline and attached, and the service accounts its trust names."""

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
    behind_nat: frozenset[str]  # ids of the subnets whose default route leads to a NAT gateway that works

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

    def node_gets_out(self, address: str) -> bool:
        """Whether a node reaches the internet; it has no public address, and the VPC has no endpoints."""
        own = ipaddress.ip_address(address)
        return any(
            own in ipaddress.ip_network(subnet.block)
            for subnet in self.subnets
            if subnet.id in self.behind_nat
        )

    def cloudfront_reaches(self, groups: Iterable[str], port: int) -> bool:
        """Whether CloudFront's edge locations may connect to something in these groups."""
        lists = [key for key, name in self.prefix_lists.items() if name == CLOUDFRONT_PREFIX_LIST]
        targets = tuple(groups)
        return any(self.admits(targets, source, port) for source in (*lists, ANYWHERE))

    def clients_reach(self, groups: Iterable[str], port: int) -> bool:
        """Whether we, who ask from outside the VPC, may connect to something in these groups."""
        targets = tuple(groups)
        return any(self.admits(targets, source, port) for source in (names.CLIENTS, ANYWHERE))
