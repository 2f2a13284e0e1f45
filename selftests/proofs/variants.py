"""Other ways for the same faults: they make fail what the faults as they stand leave whole."""

from __future__ import annotations

from collections.abc import Mapping

from selftests.proofs.expectation import API, APP, INFRA, NETWORK, PLATFORM, PREFIX, Expected, cause

TRUST = "test_controller_roles::test_controller_role_trusts_its_service_account"

SERVERS = "test_database_servers"
CONTROLLERS = "test_controllers"
COVERS = f"{CONTROLLERS}::test_external_dns_covers_its_domains"
ORIGIN = "origin-sandbox-kyeol.click"
DOA_HOST = "api-sandbox.doa-market.click"

VARIANTS: Mapping[str, Expected] = {
    "nat-failed pod=starts": cause(
        INFRA, "test_nat::test_nat_gateway_is_available", "natgw-a", f"{PREFIX}-natgw-a failed"
    ),
    "nat-route-missing pod=starts": cause(
        INFRA, "test_nat::test_private_subnet_has_a_default_route", "private-a", "rtb- private-a"
    ),
    "nat-route-blackhole pod=starts": cause(
        INFRA, "test_nat::test_default_route_is_active", "private-a", "blackhole rtb-"
    ),
    "alb-controller-irsa part=trust": cause(
        INFRA, TRUST, "aws-load-balancer-controller", f"{PREFIX}-alb-controller-role"
    ),
    "externaldns-irsa part=trust": cause(INFRA, TRUST, "external-dns", f"{PREFIX}-external-dns-role"),
    "externaldns-irsa part=policy": cause(
        INFRA,
        "test_controller_roles::test_controller_role_has_its_policy",
        "external-dns",
        f"{PREFIX}-external-dns-role ExternalDNSPolicy",
    ),
    "image-missing part=digest": cause(
        PLATFORM,
        "test_images::test_image_is_in_its_repository",
        "saleor-dashboard",
        f"{PREFIX}-saleor-dashboard@sha256: 7114918 5e1c0aa",
    ),
    "externaldns-owner written=apart": cause(
        PLATFORM,
        f"{CONTROLLERS}::test_external_dns_has_its_own_owner_id",
        "external-dns",
        f"min-kyeol-dev-externaldns {PREFIX}-externaldns",
    ),
    "externaldns-filter written=apart": cause(PLATFORM, COVERS, "external-dns", f"--domain-filter= {ORIGIN}"),
    "externaldns-filter written=variable": cause(
        PLATFORM, COVERS, "external-dns", f"--domain-filter= {ORIGIN}"
    ),
    "externaldns-filter flag=exclude-domains": cause(
        PLATFORM, COVERS, "external-dns", f"--exclude-domains={ORIGIN}"
    ),
    "externaldns-filter flag=regex-domain-filter": cause(
        PLATFORM, COVERS, "external-dns", f"--regex-domain-filter= {ORIGIN}"
    ),
    "image-repo-denied part=role": cause(
        PLATFORM, "test_images::test_node_role_may_pull_images", "", f"{PREFIX}-node-role"
    ),
    f"subnet-tags-public tag=kubernetes.io/cluster/{PREFIX}-eks": cause(
        INFRA,
        "test_subnets::test_subnet_is_tagged_for_the_cluster",
        "public-a public-b public-c",
        f"kubernetes.io/cluster/{PREFIX}-eks",
    ),
    "subnet-tags-public cluster=min-kyeol-dev-eks": cause(
        INFRA,
        "test_subnets::test_subnet_is_tagged_for_the_cluster",
        "public-a public-b public-c",
        f"kubernetes.io/cluster/{PREFIX}-eks kubernetes.io/cluster/min-kyeol-dev-eks",
    ),
    "aws-state": cause(
        INFRA, "test_databases::test_database_server_is_available", f"{PREFIX}-rds", f"{PREFIX}-rds stopped"
    ),
    "aws-state field=engine_version value=17.4": cause(
        INFRA, "test_databases::test_database_server_runs_the_declared_version", f"{PREFIX}-rds", "17.4 17.10"
    ),
    "aws-state kind=replication-group field=status value=modifying": cause(
        INFRA, "test_caches::test_cache_is_available", f"{PREFIX}-valkey", "modifying"
    ),
    "aws-state kind=replication-group field=tls value=false": cause(
        INFRA, "test_caches::test_cache_encrypts_in_transit", f"{PREFIX}-valkey", f"{PREFIX}-valkey"
    ),
    "distribution-disabled": cause(
        NETWORK, "test_distributions::test_distribution_is_deployed", "store", "disabled"
    ),
    "alias-lost": cause(
        NETWORK, "test_distributions::test_distribution_serves_its_aliases", "store", "sandbox-kyeol.click"
    ),
    "pod-unschedulable scheduler=volcano": cause(
        PLATFORM, "test_workloads::test_pods_are_scheduled", "saleor-storefront", "Pending volcano"
    ),
    "argocd-asleep": cause(
        PLATFORM,
        "test_applications::test_application_status_is_current",
        "doa-market-backend-prod",
        "argocd/doa-market-backend-prod UTC 900",
    ),
    "bucket-public": cause(
        INFRA, "test_buckets::test_bucket_blocks_public_access", "media", f"{PREFIX}-media-"
    ),
    "security-group-swapped": cause(
        INFRA,
        "test_security_groups::test_database_server_has_its_security_group",
        f"{PREFIX}-rds",
        f"{PREFIX}-alb-sg {PREFIX}-rds-sg",
    ),
    "security-group-swapped of=cache": cause(
        INFRA,
        "test_security_groups::test_cache_has_its_security_group",
        f"{PREFIX}-valkey",
        f"{PREFIX}-alb-sg {PREFIX}-valkey-sg",
    ),
    "security-group-swapped of=load-balancer": cause(
        INFRA,
        "test_security_groups::test_load_balancer_has_its_security_group",
        "saleor",
        f"{PREFIX}-other-sg {PREFIX}-alb-sg",
    ),
    "parameter-group-swapped": cause(
        INFRA,
        "test_databases::test_database_server_uses_its_parameter_group",
        f"{PREFIX}-rds",
        f"{PREFIX}-restored {PREFIX}-postgres17",
    ),
    "parameters-pending": cause(
        INFRA,
        "test_databases::test_database_server_uses_its_parameter_group",
        f"{PREFIX}-rds",
        f"{PREFIX}-postgres17 pending-reboot",
    ),
    "nat-misplaced": cause(
        INFRA, "test_nat::test_nat_gateway_is_in_its_zone", "natgw-a", "ap-northeast-2b ap-northeast-2a"
    ),
    "node-lost": cause(PLATFORM, "test_nodes::test_nodes_are_ready", "", "ip-10-0-10-10 NodeStatusUnknown"),
    "account-default": cause(
        PLATFORM, "test_service_accounts::test_pods_run_as_their_service_account", API, "default saleor-api"
    ),
    "account-role-lost": cause(
        PLATFORM,
        "test_service_accounts::test_service_account_names_its_role",
        API,
        f"{PREFIX}-saleor-api-role",
    ),
    "reference-broken": cause(
        APP,
        "test_configuration::test_references_of_the_service_exist",
        "cart-service",
        "db-credentials-prod token",
    ),
    "cache-token-wrong": cause(APP, "test_caches::test_cache_token_is_accepted", "doa-market-redis"),
    "db-hangs": cause(APP, f"{SERVERS}::test_database_server_answers_in_time", f"{PREFIX}-rds"),
    "db-certificate-foreign": cause(
        APP, f"{SERVERS}::test_certificate_of_the_database_server_verifies", f"{PREFIX}-rds"
    ),
    "certificate-foreign": cause(NETWORK, "test_tls::test_certificate_chain_is_trusted", DOA_HOST),
    "certificate-of-another-host": cause(
        NETWORK, "test_tls::test_certificate_names_the_host", DOA_HOST, "another.doa-market.click"
    ),
    "tls-intermediate-expired": cause(
        NETWORK, "test_tls::test_certificate_lasts_long_enough", DOA_HOST, "intermediate expired"
    ),
    "tls-not-yet-valid": cause(
        NETWORK, "test_tls::test_certificate_lasts_long_enough", DOA_HOST, "valid yet"
    ),
    "state-lost": cause(INFRA, "test_terraform::test_state_exists", "kyeol", "sandbox/terraform.tfstate"),
    "ingress-annotations annotation=scheme": cause(
        PLATFORM,
        "test_ingress::test_ingress_declares_its_scheme",
        "saleor",
        "alb.ingress.kubernetes.io/scheme",
    ),
    "cluster-elsewhere": cause(
        INFRA, "test_vpc::test_cluster_is_in_the_declared_vpc", "", f"{PREFIX}-eks vpc- {PREFIX}-vpc"
    ),
    "rollout-paused": cause(
        PLATFORM,
        "test_workloads::test_deployment_runs_its_current_generation",
        "review-service",
        "review-service generation paused",
    ),
    "canary-left": cause(
        APP, "test_uploads::test_no_canary_is_left", "media", f"{PREFIX}-media- postflight/canary/"
    ),
    "zone-unserved": cause(
        NETWORK, "test_dns::test_name_servers_answer", "doa-market.click", "doa-market.click REFUSED"
    ),
}
