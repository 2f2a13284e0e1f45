"""Where the guides tell of each fault; a dash where they only imply it."""

from __future__ import annotations

from collections.abc import Mapping

_SECTIONS = {
    "KYEOL 1.1": "tf-lock-left tf-state-drift",
    "KYEOL 1.2": "db-sg-closed db-endpoint-moved",
    "KYEOL 1.3": "nat-failed nat-route-missing nat-route-blackhole nat-single-az",
    "KYEOL 1.4": "cdn-origin-wrong cdn-blocked-by-sg",
    "KYEOL 2.1": "alb-controller-down alb-controller-irsa alb-controller-policy ingress-annotations",
    "KYEOL 2.2": "subnet-tags-public subnet-tags-private ingress-no-address",
    "KYEOL 2.3": "externaldns-down externaldns-irsa",
    "KYEOL 2.3, 4.2": "externaldns-owner",
    "KYEOL 2.4": "image-missing image-repo-denied",
    "KYEOL 2.5": "crash-env-missing",
    "KYEOL 2.6": "pod-unschedulable",
    "KYEOL 3.1": "api-500",
    "KYEOL 3.2": "storefront-api-uri",
    "KYEOL 3.3": "superuser-missing",
    "KYEOL 3.4": "s3-policy s3-cors s3-iam",
    "KYEOL 3.5": "graphql-slow cache-unset",
    "KYEOL 4.1": "alb-502 readiness-path",
    "KYEOL 4.2": "externaldns-filter dns-record-missing dns-record-stale",
    "KYEOL 4.3": "acm-pending acm-arn-wrong tls-expiring",
    "KYEOL 4.4": "cors-origin-missing cors-wide-open",
    "DOA 1.1": "affinity-label",
    "DOA 1.2": "nodes-full",
    "DOA 2.1": "vpc-split cache-vpc-split cache-sg-closed",
    "DOA 3.1": "ssl-forced ssl-off",
    "DOA 3.2": "db-user-wrong db-password-wrong",
    "DOA 3.3": "db-missing",
    "DOA 4.1": "readonly-logs",
    "DOA 4.2": "rabbitmq-required",
    "DOA 4.3": "opensearch-required",
    "DOA 4.4": "db-config-hardcoded",
    "DOA 4.5": "health-404",
    "DOA 4.6": "redis-hangs",
    "DOA 5.1": "argocd-stuck argocd-degraded",
    "DOA 5.2": "image-latest image-stale",
    "DOA 5.3": "job-pending",
    "DOA 6": "env-drift",
    "—": "service-down target-sg-closed wrong-account wrong-cluster access-denied release-not-live",
}
GUIDES: Mapping[str, str] = {
    fault: section for section, faults in _SECTIONS.items() for fault in faults.split()
}
