"""Database servers as AWS tells of them: RDS instances, Aurora clusters, subnet groups, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

FORCE_SSL: Final = "rds.force_ssl"

# The states in which a server takes connections as always. A backup or a change of its storage may last for
# hours. Source: "Viewing DB instance status" in the RDS user guide, "DB cluster status" in Aurora's.
_SERVING: Final = frozenset(
    {
        "available",
        "backing-up",
        "configuring-enhanced-monitoring",
        "configuring-iam-database-auth",
        "configuring-log-exports",
        "storage-initialization",
        "storage-optimization",
        "update-iam-db-auth",
    }
)
_FINAL: Final = frozenset({"failed", "restore-error", "inaccessible-encryption-credentials"})

Kind = Literal["instance", "cluster"]


class DatabaseServer(Evidence):
    """An RDS instance or Aurora cluster. `vpc` is its subnet group's."""

    found: bool = True
    kind: Kind
    identifier: str
    status: str = ""
    engine: str = ""
    version: str = ""
    host: str = ""
    port: int = 0
    vpc: str = ""
    subnet_group: str = ""
    security_groups: tuple[str, ...] = ()
    parameter_group: str = ""
    parameters_applied: str = ""

    @classmethod
    def absent(cls, kind: Kind, identifier: str) -> DatabaseServer:
        """Return what is seen where there is none."""
        return cls(found=False, kind=kind, identifier=identifier)

    @property
    def is_available(self) -> bool:
        """Whether it takes connections, whatever else AWS does to it."""
        return self.found and self.status in _SERVING

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: somebody has to mend or to restore it."""
        return self.status in _FINAL or self.status.startswith("incompatible-")

    @property
    def endpoint(self) -> str:
        """Its address as host:port."""
        return f"{self.host}:{self.port}"


class DatabaseServers(Evidence):
    """Every instance, or every cluster, of the region."""

    kind: Kind
    items: tuple[DatabaseServer, ...]

    def of(self, identifier: str) -> DatabaseServer:
        """Return the server with this identifier."""
        found = (item for item in self.items if item.identifier == identifier)
        return next(found, DatabaseServer.absent(self.kind, identifier))


class SubnetGroup(Evidence):
    """A subnet group of databases or caches."""

    found: bool = True
    name: str
    vpc: str = ""
    subnets: tuple[str, ...] = ()


class SubnetGroups(Evidence):
    """Every subnet group of the region."""

    items: tuple[SubnetGroup, ...]

    def of(self, name: str) -> SubnetGroup:
        """Return the group of this name."""
        return next((item for item in self.items if item.name == name), SubnetGroup(found=False, name=name))


class Parameters(Evidence):
    """What a parameter group says of TLS. `force_ssl` is None where it says nothing."""

    found: bool = True
    group: str
    force_ssl: str | None = None

    @property
    def forces_tls(self) -> bool:
        """Whether the server refuses connections without TLS."""
        return (self.force_ssl or "").lower() in ("1", "on", "true")


@reads("rds:DescribeDBInstances")
def instances(connections: Connections) -> DatabaseServers:
    """List the RDS instances."""
    found = connections.aws.listing("rds", "DescribeDBInstances", "DBInstances", owner="DBInstanceArn") or []
    return DatabaseServers(kind="instance", items=tuple(_instance(item) for item in found))


def _instance(item: Mapping[str, Any]) -> DatabaseServer:
    group = item.get("DBSubnetGroup", {})
    endpoint = item.get("Endpoint", {})
    parameters: Mapping[str, Any] = next(iter(item.get("DBParameterGroups", ())), {})
    return DatabaseServer(
        kind="instance",
        identifier=item["DBInstanceIdentifier"],
        status=item.get("DBInstanceStatus", ""),
        engine=item.get("Engine", ""),
        version=item.get("EngineVersion", ""),
        host=endpoint.get("Address", ""),
        port=endpoint.get("Port", 0),
        vpc=group.get("VpcId", ""),
        subnet_group=group.get("DBSubnetGroupName", ""),
        security_groups=_security_groups(item),
        parameter_group=parameters.get("DBParameterGroupName", ""),
        parameters_applied=parameters.get("ParameterApplyStatus", ""),
    )


@reads("rds:DescribeDBClusters")
def clusters(connections: Connections) -> DatabaseServers:
    """List the Aurora clusters. Their VPC is not told here: see `subnet_groups`."""
    found = connections.aws.listing("rds", "DescribeDBClusters", "DBClusters", owner="DBClusterArn") or []
    return DatabaseServers(kind="cluster", items=tuple(_cluster(item) for item in found))


def _cluster(item: Mapping[str, Any]) -> DatabaseServer:
    members = item.get("DBClusterMembers", ())
    applied = [member.get("DBClusterParameterGroupStatus", "") for member in members]
    return DatabaseServer(
        kind="cluster",
        identifier=item["DBClusterIdentifier"],
        status=item.get("Status", ""),
        engine=item.get("Engine", ""),
        version=item.get("EngineVersion", ""),
        host=item.get("Endpoint", ""),
        port=item.get("Port", 0),
        subnet_group=item.get("DBSubnetGroup", ""),
        security_groups=_security_groups(item),
        parameter_group=item.get("DBClusterParameterGroup", ""),
        parameters_applied=next((state for state in applied if state != "in-sync"), "in-sync"),
    )


@reads("rds:DescribeDBSubnetGroups")
def subnet_groups(connections: Connections) -> SubnetGroups:
    """List the subnet groups of databases."""
    found = (
        connections.aws.listing("rds", "DescribeDBSubnetGroups", "DBSubnetGroups", owner="DBSubnetGroupArn")
        or []
    )
    return SubnetGroups(
        items=tuple(
            SubnetGroup(
                name=item["DBSubnetGroupName"],
                vpc=item.get("VpcId", ""),
                subnets=tuple(subnet["SubnetIdentifier"] for subnet in item.get("Subnets", ())),
            )
            for item in found
        )
    )


@reads("rds:DescribeDBParameters")
def instance_parameters(connections: Connections, group: str) -> Parameters:
    """Look at the parameter group of an instance."""
    found = connections.aws.listing(
        "rds",
        "DescribeDBParameters",
        "Parameters",
        DBParameterGroupName=group,
        absent=("DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"),
    )
    return _parameters(group, found)


@reads("rds:DescribeDBClusterParameters")
def cluster_parameters(connections: Connections, group: str) -> Parameters:
    """Look at the parameter group of a cluster."""
    found = connections.aws.listing(
        "rds",
        "DescribeDBClusterParameters",
        "Parameters",
        DBClusterParameterGroupName=group,
        absent=("DBParameterGroupNotFound", "DBClusterParameterGroupNotFound"),
    )
    return _parameters(group, found)


def _parameters(group: str, found: list[Mapping[str, Any]] | None) -> Parameters:
    if found is None:
        return Parameters(found=False, group=group)
    values = {item.get("ParameterName"): item.get("ParameterValue") for item in found}
    return Parameters(group=group, force_ssl=values.get(FORCE_SSL))


def _security_groups(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(group["VpcSecurityGroupId"] for group in item.get("VpcSecurityGroups", ()))
