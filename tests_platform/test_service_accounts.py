"""ServiceAccounts of workloads that use AWS (IRSA)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.where("service_account")
def test_pods_run_as_their_service_account(declared_service: Any, deployment: Any) -> None:
    """Pods that run as `default` get the node's permissions in AWS, not the application's."""
    assert deployment.found, f"{deployment.title} does not exist"
    assert deployment.service_account == declared_service.service_account, (
        f"{deployment.title} runs as ServiceAccount {deployment.service_account or 'default'}, not "
        f"{declared_service.service_account}"
    )


@pytest.mark.where("service_account", "role")
def test_service_account_names_its_role(declared_service: Any, service_account: Any) -> None:
    """Without the role's ARN on the ServiceAccount, pods get no credentials of that role."""
    assert service_account.found, f"{service_account.title} does not exist"
    assert service_account.role == declared_service.role, (
        f"{service_account.title} names {service_account.role_arn or 'no role'} in "
        f"eks.amazonaws.com/role-arn, not role {declared_service.role}"
    )
