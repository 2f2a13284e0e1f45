"""Where nothing in one listing is right: what these checks state was seen elsewhere. Reviewed by hand.

Evidence is often made of several listings; an empty one makes those checks fail that are about what it lists,
and leaves alone those that only looked it up on their way.
"""

from __future__ import annotations

from collections.abc import Mapping

_GROUPS = (
    "tests_infra/test_security_groups.py::test_load_balancer_may_reach_the_nodes",
    "tests_infra/test_security_groups.py::test_nodes_may_reach_the_cache",
    "tests_infra/test_security_groups.py::test_nodes_may_reach_the_database_server",
)
_RECORD = "tests_network/test_records.py::test_record_exists"
_CACHE = (
    "tests_infra/test_caches.py::test_cache_exists",
    "tests_infra/test_caches.py::test_cache_is_available",
    "tests_infra/test_caches.py::test_cache_encrypts_in_transit",
)

SEEN_ELSEWHERE: Mapping[str, frozenset[str]] = {
    # No lock is what the check is glad of.
    "dynamodb:GetItem": frozenset({"tests_infra/test_terraform.py::test_state_is_not_left_locked"}),
    # The record is Route 53's; what it has to lead to is another check's matter.
    "cloudfront:ListDistributions": frozenset({_RECORD}),
    "elasticloadbalancing:DescribeLoadBalancers": frozenset({_RECORD}),
    "elasticloadbalancing:DescribeTags": frozenset({_RECORD}),
    # The security groups let each other in; networks are only the other way to be let in.
    "ec2:DescribeSubnets": frozenset(_GROUPS),
    # Found by their names; that they are in the declared VPC is what fails.
    "ec2:DescribeVpcs": frozenset(
        {
            *_GROUPS,
            "tests_infra/test_subnets.py::test_subnet_exists",
            "tests_infra/test_subnets.py::test_subnet_is_in_the_declared_zone",
            "tests_infra/test_subnets.py::test_subnet_is_tagged_for_its_load_balancers",
            "tests_infra/test_subnets.py::test_subnet_is_tagged_for_the_cluster",
            "tests_infra/test_nat.py::test_default_route_is_active",
            "tests_infra/test_nat.py::test_default_route_leads_to_a_nat_gateway",
            "tests_infra/test_nat.py::test_private_subnet_has_a_default_route",
        }
    ),
    # The target group names its port itself.
    "elasticloadbalancing:DescribeTargetHealth": frozenset({_GROUPS[0]}),
    # A repository without a policy denies nobody.
    "ecr:GetRepositoryPolicy": frozenset(
        {"tests_platform/test_images.py::test_repository_lets_the_nodes_pull"}
    ),
    # The replication group's own; its nodes tell the rest, and the other way round.
    "elasticache:DescribeCacheClusters": frozenset(_CACHE),
    "elasticache:DescribeCacheSubnetGroups": frozenset({*_CACHE, _GROUPS[1]}),
    "elasticache:DescribeReplicationGroups": frozenset(
        {
            "tests_infra/test_vpc.py::test_cache_is_in_the_cluster_vpc",
            "tests_infra/test_vpc.py::test_cache_subnet_group_is_in_the_declared_vpc",
        }
    ),
    # What the Secret holds; ConfigMaps hold what is no login.
    "list configmaps": frozenset(
        {"tests_app/test_configuration.py::test_database_login_comes_from_its_secret"}
    ),
    # What the Secret says of its user; who names the host is another check's matter.
    "list deployments.apps": frozenset(
        {"tests_app/test_database_servers.py::test_secret_names_the_declared_user"}
    ),
    # The server's own; in which subnets it may stand is what fails.
    "rds:DescribeDBSubnetGroups": frozenset(
        {
            "tests_infra/test_databases.py::test_database_server_exists",
            "tests_infra/test_databases.py::test_database_server_is_available",
            "tests_infra/test_databases.py::test_database_server_runs_the_declared_version",
            "tests_infra/test_databases.py::test_force_ssl_agrees_with_the_applications",
            "tests_infra/test_databases.py::test_secret_names_the_endpoint",
            _GROUPS[2],
        }
    ),
    # The role has an inline policy that lets it pull.
    "iam:ListAttachedRolePolicies": frozenset(
        {"tests_platform/test_images.py::test_node_role_may_pull_images"}
    ),
}
