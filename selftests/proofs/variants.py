"""Other ways for the same faults: they make fail what the faults as they stand leave whole."""

from __future__ import annotations

from collections.abc import Mapping

from selftests.proofs.expectation import INFRA, PLATFORM, PREFIX, Expected, cause

TRUST = "test_controller_roles::test_controller_role_trusts_its_service_account"

VARIANTS: Mapping[str, Expected] = {
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
    "image-repo-denied part=role": cause(
        PLATFORM, "test_images::test_node_role_may_pull_images", "", f"{PREFIX}-node-role"
    ),
    "ingress-annotations annotation=target-type": cause(
        PLATFORM,
        "test_ingress::test_ingress_declares_its_target_type",
        "saleor",
        "alb.ingress.kubernetes.io/target-type",
    ),
}
