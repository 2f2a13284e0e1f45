"""The Terraform state of the pretend world (format version 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sandbox import names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.aws.seeded import Network


def terraform_state(network: Network) -> dict[str, Any]:
    """List what Terraform made: the network, the cluster, databases, caches, bucket and roles."""
    return {
        "version": 4,
        "terraform_version": "1.9.8",
        "serial": 57,
        "lineage": str(uuid4()),
        "outputs": {"cluster_name": {"value": names.CLUSTER, "type": "string"}},
        "resources": [*_network(network), *_platform(network), *_stores(), *_roles()],
        "check_results": None,
    }


def _network(network: Network) -> list[dict[str, Any]]:
    return [
        _resource("module.vpc", "aws_vpc", "main", [{"id": network.vpc}]),
        _resource("module.vpc", "aws_internet_gateway", "main", [{"id": network.internet_gateway}]),
        _resource("module.vpc", "aws_subnet", "main", _named(network.subnets)),
        _resource("module.vpc", "aws_nat_gateway", "main", _named(network.nat_gateways)),
        _resource("module.vpc", "aws_route_table", "main", _named(network.route_tables)),
        _resource("module.vpc", "aws_security_group", "main", _named(network.security_groups)),
    ]


def _platform(network: Network) -> list[dict[str, Any]]:
    cluster = {"id": names.CLUSTER, "name": names.CLUSTER, "arn": _arn("eks", f"cluster/{names.CLUSTER}")}
    nodes = {"id": f"{names.CLUSTER}:{names.PREFIX}-nodes", "cluster_name": names.CLUSTER}
    return [
        _resource("module.eks", "aws_eks_cluster", "main", [{**cluster, "vpc_id": network.vpc}]),
        _resource("module.eks", "aws_eks_node_group", "main", [nodes]),
    ]


def _stores() -> list[dict[str, Any]]:
    return [
        _resource("module.rds", "aws_db_instance", "main", [{"identifier": names.KYEOL_DATABASE}]),
        _resource("module.doa", "aws_rds_cluster", "main", [{"cluster_identifier": names.DOA_DATABASE}]),
        _resource(
            "module.cache",
            "aws_elasticache_replication_group",
            "main",
            [{"replication_group_id": names.KYEOL_CACHE}, {"replication_group_id": names.DOA_CACHE}],
        ),
        _resource("module.s3", "aws_s3_bucket", "media", [{"id": names.MEDIA_BUCKET}]),
    ]


def _roles() -> list[dict[str, Any]]:
    roles = (names.ALB_CONTROLLER_ROLE, names.EXTERNAL_DNS_ROLE, names.API_ROLE, names.NODE_ROLE)
    return [_resource("module.iam", "aws_iam_role", "main", [{"id": r, "name": r} for r in roles])]


def _named(things: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"id": identifier, "tags": {"Name": name}} for name, identifier in things.items()]


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{names.REGION}:{names.ACCOUNT}:{resource}"


def _resource(module: str, kind: str, name: str, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    instances = [
        {"schema_version": 0, "attributes": dict(attributes), "sensitive_attributes": []}
        | ({"index_key": number} if len(found) > 1 else {})
        for number, attributes in enumerate(found)
    ]
    return {
        "module": module,
        "mode": "managed",
        "type": kind,
        "name": name,
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": instances,
    }
