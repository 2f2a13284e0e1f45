"""What the faults of delivery must be told as: Terraform, CDN, controllers, images, Argo CD, identity."""

from __future__ import annotations

from collections.abc import Mapping

from selftests.proofs.expectation import (
    API,
    APP,
    INFRA,
    NETWORK,
    PLATFORM,
    PREFIX,
    Expected,
    blindness,
    cause,
    refusal,
    with_arguments,
)

ALB_CONTROLLER = "aws-load-balancer-controller"
CONFIGURED = "test_configuration::test_service_is_configured"
STORE = "sandbox-kyeol.click"
DOA_APPLICATION = "doa-market-backend-prod"

DELIVERY: Mapping[str, Expected] = {
    "tf-lock-left": cause(
        INFRA,
        "test_terraform::test_state_is_not_left_locked",
        "kyeol",
        "7c3f2b1e-8d4a-4f6e-9b0a-5e2d1c4f8a77 deployer@ci-runner-12 hours min-kyeol-terraform-locks",
    ),
    "tf-state-drift": cause(
        INFRA, "test_terraform::test_state_holds_its_resources", "kyeol", "module.eks.aws_eks_cluster.main"
    ),
    "cdn-origin-wrong": cause(
        NETWORK,
        "test_distributions::test_distribution_fetches_from_its_origin",
        "store",
        f"origin-dev-kyeol.click origin-{STORE}",
    ),
    "cdn-blocked-by-sg": cause(
        INFRA,
        "test_security_groups::test_cloudfront_may_reach_the_load_balancer",
        "store",
        f"{PREFIX}-alb-sg com.amazonaws.global.cloudfront.origin-facing",
    ),
    "alb-controller-irsa": cause(
        PLATFORM,
        "test_controllers::test_controller_service_account_names_its_role",
        ALB_CONTROLLER,
        f"kube-system/{ALB_CONTROLLER} {PREFIX}-alb-controller-role",
    ),
    "alb-controller-policy": cause(
        INFRA,
        "test_controller_roles::test_controller_role_has_its_policy",
        ALB_CONTROLLER,
        f"{PREFIX}-alb-controller-role ALBControllerPolicy",
    ),
    "externaldns-down": cause(
        PLATFORM, "test_controllers::test_controller_is_ready", "external-dns", "kube-system/external-dns"
    ),
    "externaldns-irsa": cause(
        PLATFORM,
        "test_controllers::test_controller_service_account_names_its_role",
        "external-dns",
        f"kube-system/external-dns {PREFIX}-external-dns-role",
    ),
    "externaldns-owner": cause(
        PLATFORM,
        "test_controllers::test_external_dns_has_its_own_owner_id",
        "external-dns",
        f"min-kyeol-dev-externaldns {PREFIX}-externaldns",
    ),
    "externaldns-filter": cause(
        PLATFORM,
        "test_controllers::test_external_dns_covers_its_domains",
        "external-dns",
        f"--domain-filter=kyeol.click origin-{STORE}",
    ),
    "image-missing": cause(
        PLATFORM,
        "test_images::test_image_is_in_its_repository",
        "saleor-dashboard",
        f"{PREFIX}-saleor-dashboard 4f0d1e5 7114918 5e1c0aa",
    ),
    "image-repo-denied": cause(
        PLATFORM,
        "test_images::test_repository_lets_the_nodes_pull",
        "shipping-service",
        f"doa-market-shipping-service {PREFIX}-node-role",
    ),
    "image-latest": cause(
        PLATFORM,
        "test_workloads::test_images_have_fixed_tags",
        "coupon-service",
        "doa-market-prod/coupon-service doa-market-coupon-service:latest",
    ),
    "image-stale": cause(
        PLATFORM,
        "test_images::test_pods_run_what_their_tag_stands_for",
        "stats-service",
        "stats-service- sha256: doa-market-stats-service:7114918",
    ),
    "pod-unschedulable": cause(
        PLATFORM,
        "test_workloads::test_pods_are_scheduled",
        "saleor-storefront",
        "0/3 Insufficient cpu 4; free",
    ),
    "affinity-label": cause(
        PLATFORM,
        "test_workloads::test_node_affinity_names_labels_of_the_nodes",
        "order-service",
        "doa-market-prod/order-service capacity-type: eks.amazonaws.com/capacityType: SPOT",
    ),
    "nodes-full": cause(PLATFORM, "test_nodes::test_nodes_have_room", "", "ip-10-0-10-10 pods 99"),
    "job-pending": cause(
        PLATFORM,
        "test_jobs::test_job_has_completed",
        "create-databases",
        "doa-market-prod/create-databases Insufficient memory",
    ),
    "storefront-api-uri": cause(
        APP,
        CONFIGURED,
        "saleor-storefront",
        f"NEXT_PUBLIC_API_URI https://origin-dev-kyeol.click/graphql/ https://origin-{STORE}:",
    ),
    "cache-unset": cause(APP, CONFIGURED, API, "saleor/saleor-api REDIS_URL"),
    "readonly-logs": cause(
        APP, CONFIGURED, "file-service", "doa-market-prod/file-service UPLOAD_DIR /app/uploads"
    ),
    "rabbitmq-required": cause(
        APP, CONFIGURED, "inventory-service", "doa-market-prod/inventory-service RABBITMQ_ENABLED"
    ),
    "opensearch-required": cause(
        APP, CONFIGURED, "search-service", "doa-market-prod/search-service OPENSEARCH_ENABLED"
    ),
    "db-config-hardcoded": cause(
        APP,
        "test_configuration::test_database_login_comes_from_its_secret",
        "settlement-service",
        "doa-market-prod/settlement-service DB_USER postgres doaadmin",
    ),
    "argocd-stuck": cause(
        PLATFORM, "test_applications::test_operation_is_not_stuck", DOA_APPLICATION, "Running since"
    ),
    "argocd-degraded": cause(
        PLATFORM,
        "test_applications::test_application_is_synced",
        "kyeol-sandbox",
        "OutOfSync Service saleor-dashboard",
    ),
    "env-drift": cause(
        PLATFORM,
        "test_applications::test_variables_are_as_they_were_applied",
        DOA_APPLICATION,
        "doa-market-prod/inventory-service NODE_ENV",
    ),
    "release-not-live": with_arguments(
        cause(
            PLATFORM,
            "test_images::test_release_is_live",
            "review-service",
            "doa-market-prod/review-service 5e1c0aa 7114918",
        ),
        "--release=7114918",
    ),
    "wrong-account": refusal("123456789012 999999999999"),
    "wrong-cluster": refusal("https://8F3C1A9E7B2D4680AC13570E9BDF2468. https://127.0.0.1:"),
    "access-denied": blindness(
        "ec2:DescribeNatGateways",
        "tests_infra/test_nat::test_nat_gateway_is_available",
        "tests_infra/test_nat::test_zone_has_its_own_nat_gateway",
        "tests_infra/test_nat::test_nat_gateway_is_in_its_zone",
    ),
}
