"""The AWS Load Balancer Controller and ExternalDNS."""

from __future__ import annotations

from typing import Any

import pytest


def test_controller_is_ready(controller_deployment: Any) -> None:
    """Without its controller a changed Ingress gets no load balancer, or no DNS record."""
    assert controller_deployment.found, f"{controller_deployment.title} does not exist"
    assert controller_deployment.ready >= 1, (
        f"{controller_deployment.title} has no ready pod (it asks for {controller_deployment.replicas})"
        + (f": {controller_deployment.trouble}" if controller_deployment.trouble else "")
    )


@pytest.mark.where("role")
def test_controller_service_account_names_its_role(declared_controller: Any, controller_account: Any) -> None:
    """Without the role's ARN on its ServiceAccount a controller may do nothing in AWS."""
    assert controller_account.found, f"{controller_account.title} does not exist"
    assert controller_account.role == declared_controller.role, (
        f"{controller_account.title} names {controller_account.role_arn or 'no role'} in "
        f"eks.amazonaws.com/role-arn, not role {declared_controller.role}"
    )


@pytest.mark.where("owner_id", kind="external-dns")
def test_external_dns_has_its_own_owner_id(
    declared_controller: Any, controller_deployment: Any, record_owner: Any
) -> None:
    """With another environment's owner id ExternalDNS takes that environment's records for its own."""
    assert controller_deployment.found, f"{controller_deployment.title} does not exist"
    owners = ", ".join(record_owner.ids) or "(missing)"
    assert record_owner.ids == (declared_controller.owner_id,), (
        f"{controller_deployment.title} runs with --txt-owner-id={owners}, not {declared_controller.owner_id}"
    )


@pytest.mark.where("domain_filters", kind="external-dns")
def test_external_dns_covers_its_domains(controller_deployment: Any, uncovered_domains: Any) -> None:
    """ExternalDNS writes no record into a zone that its domain filters leave out."""
    assert controller_deployment.found, f"{controller_deployment.title} does not exist"
    assert not uncovered_domains.domains, (
        f"{controller_deployment.title} has {uncovered_domains.flags}, which leaves out "
        f"{', '.join(uncovered_domains.domains)}"
    )
