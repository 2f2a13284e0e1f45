"""States that no AWS API can set: one setter a kind of thing, applied to moto's own records."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.aws import records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

State = dict[str, Any]


def set_state(kind: str, name: str, state: State) -> None:
    """Apply `state` to the thing of that kind and name.

    An unknown kind, thing or field is a LookupError: a fault that changes nothing must not look applied.
    """
    setter = SETTERS.get(kind)
    if setter is None:
        raise LookupError(f"unknown kind {kind!r}, known are {', '.join(sorted(SETTERS))}")
    remaining = dict(state)
    setter(name, remaining)
    if remaining:
        raise LookupError(f"{kind} has no field {', '.join(sorted(remaining))}")


def _nat_gateway(name: str, state: State) -> None:
    gateway = records.ec2().nat_gateways[name]
    _move(
        state,
        gateway,
        state="state",
        subnet="subnet_id",
        failure_code="failure_code",
        failure_message="failure_message",
    )


def _route(name: str, state: State) -> None:
    """`name` is `<route table id> <destination>`; `state` is active, blackhole, or None to derive it."""
    table, _, destination = name.partition(" ")
    for route in records.ec2().route_tables[table].routes:
        if route.destination_cidr_block == destination:
            records.observed_route(route).forced_state = state.pop("state")
            return
    raise LookupError(f"route table {table} has no route to {destination}")


def _eks_cluster(name: str, state: State) -> None:
    cluster = records.backend("eks").clusters[name]
    if "certificate_authority" in state:
        pem = str(state.pop("certificate_authority"))
        cluster.certificate_authority = {"data": base64.b64encode(pem.encode()).decode()}
    if "issuer" in state:
        cluster.identity = {"oidc": {"issuer": state.pop("issuer")}}
    if "security_group" in state:
        cluster.resources_vpc_config["clusterSecurityGroupId"] = state.pop("security_group")
    if "vpc_id" in state:
        cluster.resources_vpc_config["vpcId"] = state.pop("vpc_id")
    _move(state, cluster, endpoint="endpoint", status="status", version="version")


def _database_instance(name: str, state: State) -> None:
    instance = records.placed_instance(records.backend("rds").databases[name])
    _move(
        state,
        instance,
        address="placed_address",
        port="port",
        status="status",
        engine_version="engine_version",
        publicly_accessible="publicly_accessible",
        parameters="parameters",
        subnet_group="db_subnet_group_name",
    )


def _database_cluster(name: str, state: State) -> None:
    cluster = records.placed_cluster(records.backend("rds").clusters[name])
    for member in cluster.members if "subnet_group" in state else ():
        member.db_subnet_group_name = state["subnet_group"]
    _move(
        state,
        cluster,
        address="placed_address",
        reader_address="placed_reader_address",
        port="port",
        status="status",
        engine_version="engine_version",
        subnet_group="db_subnet_group_name",
    )


def _replication_group(name: str, state: State) -> None:
    caches = records.backend("elasticache")
    group = caches.replication_groups[name]
    members = [c for c in caches.cache_clusters.values() if getattr(c, "replication_group_id", "") == name]
    if "address" in state or "port" in state:
        node = group.node_groups[0]
        port = int(state.pop("port", group.port))
        address = state.pop("address", node["primary_endpoint"]["address"])
        _place_cache(group, members, str(address), port)
    engine = state.pop("member_engine", None)
    groups = state.pop("security_groups", None)
    for member in members:
        member.engine = engine or member.engine
        member.security_group_ids = groups or member.security_group_ids
        member.auth_token_enabled = state.get("auth", group.auth_token_enabled)
        member.cache_subnet_group_name = state.get("subnet_group", member.cache_subnet_group_name)
    _move(
        state,
        group,
        tls="transit_encryption_enabled",
        auth="auth_token_enabled",
        status="status",
        subnet_group="cache_subnet_group_name",
    )


def _place_cache(group: Any, members: list[Any], address: str, port: int) -> None:
    node = group.node_groups[0]
    endpoint = {"address": address, "port": port}
    reader = {"address": address.replace("master.", "replica.", 1), "port": port}
    group.port = node["port"] = port
    for part in node["node_group_members"]:
        part["read_endpoint"] = {
            "address": address.replace("master.", f"{part['cache_cluster_id']}.", 1),
            "port": port,
        }
    node["primary_endpoint"], node["primary_endpoint_address"] = endpoint, address
    node["reader_endpoint"], node["reader_endpoint_address"] = reader, reader["address"]
    for member in members:
        member.port = port
        member.cache_nodes = [
            {
                "cache_node_id": "0001",
                "cache_node_status": "available",
                "endpoint": {
                    "address": address.replace("master.", f"{member.cache_cluster_id}.", 1),
                    "port": port,
                },
            }
        ]


def _certificate(name: str, state: State) -> None:
    region = name.split(":")[3]
    certificate = records.backend("acm", region)._certificates[name]  # noqa: SLF001  moto offers no other way
    _move(state, certificate, status="status", type="type")


def _target_health(name: str, state: State) -> None:
    """`name` is the target group's ARN; `targets` maps `<address>:<port>` to state, reason, description."""
    group = records.observed_group(records.backend("elbv2").target_groups[name])
    group.observed = {
        target: records.Health(seen["state"], seen.get("reason"), seen.get("description"))
        for target, seen in state.pop("targets").items()
    }


def _load_balancer(name: str, state: State) -> None:
    balancer = records.backend("elbv2").load_balancers[name]
    _move(state, balancer, state="state", dns_name="dns_name", scheme="scheme")


def _image(name: str, state: State) -> None:
    """`name` is `<repository>:<tag>`; `pushed_at` is an ISO 8601 time."""
    repository, _, tag = name.partition(":")
    for image in records.backend("ecr").repositories[repository].images:
        if tag in image.image_tags:
            if "pushed_at" in state:
                moment = datetime.fromisoformat(state.pop("pushed_at")).astimezone(UTC)
                image.image_pushed_at = int(moment.timestamp())
            _move(state, image, digest="_image_digest")
            return
    raise LookupError(f"there is no image {name}")


def _distribution(name: str, state: State) -> None:
    distribution = records.backend("cloudfront", "aws").distributions[name]
    _move(state, distribution, status="status", domain_name="domain_name")


def _move(state: State, target: Any, /, **fields: str) -> None:
    for field, attribute in fields.items():
        if field in state:
            setattr(target, attribute, state.pop(field))


SETTERS: Mapping[str, Callable[[str, State], None]] = {
    "nat-gateway": _nat_gateway,
    "route": _route,
    "eks-cluster": _eks_cluster,
    "db-instance": _database_instance,
    "db-cluster": _database_cluster,
    "replication-group": _replication_group,
    "certificate": _certificate,
    "target-health": _target_health,
    "load-balancer": _load_balancer,
    "image": _image,
    "distribution": _distribution,
}
