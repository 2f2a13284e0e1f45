"""What each fault must be told as: the check that is its cause, on which subjects, and which words."""

from __future__ import annotations

from collections.abc import Mapping

from selftests.proofs.expectation import API, APP, INFRA, NETWORK, PLATFORM, PREFIX, Expected, cause
from selftests.proofs.expected_delivery import DELIVERY
from selftests.proofs.variants import VARIANTS

SALEOR_BACKENDS = "saleor-saleor-api saleor-saleor-storefront saleor-saleor-dashboard"
BUCKET = f"{PREFIX}-media-123456789012-ap-northeast-2"

_SYSTEMS: Mapping[str, Expected] = {
    "nat-failed": cause(
        INFRA, "test_nat::test_nat_gateway_is_available", "natgw-a", f"{PREFIX}-natgw-a failed"
    ),
    "nat-route-missing": cause(
        INFRA, "test_nat::test_private_subnet_has_a_default_route", "private-a", "rtb- private-a"
    ),
    "nat-route-blackhole": cause(
        INFRA, "test_nat::test_default_route_is_active", "private-a", "blackhole rtb-"
    ),
    "nat-single-az": cause(
        INFRA, "test_nat::test_zone_has_its_own_nat_gateway", "ap-northeast-2c", "ap-northeast-2c"
    ),
    "subnet-tags-public": cause(
        INFRA,
        "test_subnets::test_subnet_is_tagged_for_its_load_balancers",
        "public-a public-b public-c",
        "kubernetes.io/role/elb subnet-",
    ),
    "subnet-tags-private": cause(
        INFRA,
        "test_subnets::test_subnet_is_tagged_for_its_load_balancers",
        "private-a private-b private-c",
        "kubernetes.io/role/internal-elb subnet-",
    ),
    "vpc-split": cause(
        INFRA, "test_vpc::test_database_server_is_in_the_cluster_vpc", "doa-market-rds", "vpc- doa-market-rds"
    ),
    "cache-vpc-split": cause(
        INFRA, "test_vpc::test_cache_is_in_the_cluster_vpc", "doa-market-redis", "vpc- doa-market-redis"
    ),
    "db-sg-closed": cause(
        INFRA,
        "test_security_groups::test_nodes_may_reach_the_database_server",
        f"{PREFIX}-rds",
        f"{PREFIX}-rds-sg {PREFIX}-node-sg",
    ),
    "cache-sg-closed": cause(
        INFRA,
        "test_security_groups::test_nodes_may_reach_the_cache",
        "doa-market-redis",
        f"doa-market-redis-sg {PREFIX}-node-sg",
    ),
    "target-sg-closed": cause(
        INFRA,
        "test_security_groups::test_load_balancer_may_reach_the_nodes",
        "saleor doa-market",
        f"{PREFIX}-node-sg {PREFIX}-alb-sg",
    ),
    "db-endpoint-moved": cause(
        INFRA, "test_databases::test_secret_names_the_endpoint", f"{PREFIX}-rds", f"{PREFIX}-rds."
    ),
    "ssl-forced": cause(
        INFRA,
        "test_databases::test_force_ssl_agrees_with_the_applications",
        "doa-market-rds",
        "doa-market-postgres17 rds.force_ssl",
    ),
    "ssl-off": cause(
        APP,
        "test_database_servers::test_database_server_speaks_tls_as_declared",
        f"{PREFIX}-rds",
        f"{PREFIX}-rds TLS",
    ),
    "db-user-wrong": cause(
        APP,
        "test_database_servers::test_secret_names_the_declared_user",
        "doa-market-rds",
        "db-credentials-prod doaadmin",
    ),
    "db-password-wrong": cause(
        APP,
        "test_database_servers::test_password_is_accepted",
        "doa-market-rds",
        "db-credentials-prod doaadmin",
    ),
    "db-missing": cause(APP, "test_databases::test_database_exists", "admin_service", "admin_service"),
    "superuser-missing": cause(APP, "test_superuser::test_superuser_is_there", "saleor", "superuser"),
    "ingress-no-address": cause(
        PLATFORM, "test_ingress::test_ingress_has_an_address", "saleor", "saleor/saleor"
    ),
    "ingress-annotations": cause(
        PLATFORM,
        "test_ingress::test_ingress_declares_its_target_type",
        "saleor",
        "saleor/saleor alb.ingress.kubernetes.io/target-type",
    ),
    "alb-controller-down": cause(
        PLATFORM,
        "test_controllers::test_controller_is_ready",
        "aws-load-balancer-controller",
        "aws-load-balancer-controller",
    ),
    "alb-502": cause(
        NETWORK, "test_load_balancers::test_targets_are_healthy", f"saleor-{API}", "Target. saleor-api"
    ),
    "readiness-path": cause(
        PLATFORM, "test_workloads::test_readiness_probe_asks_the_health_path", API, "/health/"
    ),
    "health-404": cause(
        PLATFORM,
        "test_workloads::test_running_pods_answer_the_health_path",
        "banner-service",
        "banner-service /health 404",
    ),
    "service-down": cause(
        PLATFORM, "test_workloads::test_deployment_asks_for_its_replicas", "auth-service", "auth-service"
    ),
    "dns-record-missing": cause(
        NETWORK,
        "test_records::test_record_exists",
        "origin-sandbox-kyeol.click",
        "hosted zone origin-sandbox-kyeol.click",
    ),
    "dns-record-stale": cause(
        NETWORK,
        "test_records::test_record_points_at_its_target",
        "origin-sandbox-kyeol.click",
        "0ldba1ance not elb.amazonaws.com",
    ),
    "acm-pending": cause(
        NETWORK, "test_certificates::test_certificate_is_issued", "kyeol", "PENDING_VALIDATION"
    ),
    "acm-arn-wrong": cause(
        PLATFORM, "test_ingress::test_ingress_names_the_declared_certificate", "saleor", "arn:aws:acm:"
    ),
    "tls-expiring": cause(
        NETWORK, "test_tls::test_certificate_lasts_long_enough", "api-sandbox.doa-market.click", "days"
    ),
    "cors-origin-missing": cause(
        NETWORK,
        "test_cors::test_browser_may_call_the_api",
        "graphql-dashboard",
        "https://dashboard-sandbox.kyeol.click",
    ),
    "cors-wide-open": cause(
        NETWORK, "test_cors::test_foreign_origin_is_refused", "graphql", "https://not-declared.example"
    ),
    "s3-policy": cause(
        INFRA,
        "test_buckets::test_bucket_policy_lets_the_application_in",
        "media",
        f"{BUCKET} {PREFIX}-saleor-api-role",
    ),
    "s3-cors": cause(
        INFRA,
        "test_buckets::test_bucket_admits_the_origin",
        "",
        f"{BUCKET} https://dashboard-sandbox.kyeol.click",
    ),
    "s3-iam": cause(
        INFRA,
        "test_buckets::test_role_may_write_to_the_bucket",
        "media",
        f"{PREFIX}-saleor-api-role S3MediaAccess",
    ),
    "redis-hangs": cause(
        APP, "test_caches::test_cache_answers_in_time", "doa-market-redis", "doa-market-redis"
    ),
    "graphql-slow": cause(APP, "test_graphql::test_products_answer_in_time", "graphql", "limit"),
    "api-500": cause(APP, "test_configuration::test_service_is_configured", API, "SECRET_KEY"),
    "crash-env-missing": cause(APP, "test_configuration::test_service_is_configured", API, ""),
}

EXPECTED: Mapping[str, Expected] = {**_SYSTEMS, **DELIVERY}
EVERY: Mapping[str, Expected] = {**EXPECTED, **VARIANTS}
