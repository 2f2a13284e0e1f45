"""Caches as AWS tells of them: replication groups, their nodes, subnet groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.aws.rds import SubnetGroup, SubnetGroups
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# Of a replication group's states (ElastiCache API reference, ReplicationGroup) those in which it serves.
_SERVING: Final = frozenset({"available", "snapshotting"})


class Cache(Evidence):
    """A replication group. `subnet_group`, `vpc` and `security_groups` are its nodes'."""

    found: bool = True
    name: str
    status: str = ""
    encrypts_in_transit: bool = False
    asks_for_token: bool = False
    host: str = ""
    port: int = 0
    vpc: str = ""
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()

    @classmethod
    def absent(cls, name: str) -> Cache:
        """Return what is seen where there is none."""
        return cls(found=False, name=name)

    @property
    def is_available(self) -> bool:
        """Whether it takes connections, also while it is backed up."""
        return self.found and self.status in _SERVING

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: a group that could not be created is created anew."""
        return self.status == "create-failed"

    @property
    def endpoint(self) -> str:
        """Its primary address as host:port."""
        return f"{self.host}:{self.port}"


class Caches(Evidence):
    """Every replication group of the region, without what only its nodes tell."""

    items: tuple[Cache, ...]

    def of(self, name: str) -> Cache:
        """Return the replication group of this name."""
        return next((item for item in self.items if item.name == name), Cache.absent(name))


class Node(Evidence):
    """A cache cluster: in a replication group, one node."""

    name: str
    replication_group: str = ""
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()


class Nodes(Evidence):
    """Every cache cluster of the region."""

    items: tuple[Node, ...]

    def of(self, replication_group: str) -> tuple[Node, ...]:
        """Return the nodes of a replication group."""
        return tuple(node for node in self.items if node.replication_group == replication_group)


@reads("elasticache:DescribeReplicationGroups")
def replication_groups(connections: Connections) -> Caches:
    """List the replication groups."""
    found = (
        connections.aws.listing("elasticache", "DescribeReplicationGroups", "ReplicationGroups", owner="ARN")
        or []
    )
    return Caches(items=tuple(_cache(item) for item in found))


def _cache(item: Mapping[str, Any]) -> Cache:
    shard: Mapping[str, Any] = next(iter(item.get("NodeGroups", ())), {})
    endpoint = item.get("ConfigurationEndpoint") or shard.get("PrimaryEndpoint", {})
    return Cache(
        name=item["ReplicationGroupId"],
        status=item.get("Status", ""),
        encrypts_in_transit=bool(item.get("TransitEncryptionEnabled")),
        asks_for_token=bool(item.get("AuthTokenEnabled")),
        host=endpoint.get("Address", ""),
        port=endpoint.get("Port", 0),
    )


@reads("elasticache:DescribeCacheClusters")
def nodes(connections: Connections) -> Nodes:
    """List the cache clusters."""
    found = (
        connections.aws.listing("elasticache", "DescribeCacheClusters", "CacheClusters", owner="ARN") or []
    )
    return Nodes(
        items=tuple(
            Node(
                name=item["CacheClusterId"],
                replication_group=item.get("ReplicationGroupId", ""),
                subnet_group=item.get("CacheSubnetGroupName", ""),
                security_groups=tuple(group["SecurityGroupId"] for group in item.get("SecurityGroups", ())),
            )
            for item in found
        )
    )


@reads("elasticache:DescribeCacheSubnetGroups")
def subnet_groups(connections: Connections) -> SubnetGroups:
    """List the subnet groups of caches."""
    found = (
        connections.aws.listing("elasticache", "DescribeCacheSubnetGroups", "CacheSubnetGroups", owner="ARN")
        or []
    )
    return SubnetGroups(
        items=tuple(
            SubnetGroup(
                name=item["CacheSubnetGroupName"],
                vpc=item.get("VpcId", ""),
                subnets=tuple(subnet["SubnetIdentifier"] for subnet in item.get("Subnets", ())),
            )
            for item in found
        )
    )
