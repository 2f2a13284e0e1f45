"""Roles of the controllers: assumed by their ServiceAccounts, with their policies (IRSA)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.where("role")
def test_controller_role_trusts_its_service_account(declared_controller: Any, controller_role: Any) -> None:
    """IRSA: a trust that does not name the ServiceAccount leaves the controller without any permission."""
    namespace, account = declared_controller.namespace, declared_controller.service_account
    assert controller_role.trusts(namespace, account), (
        f"ServiceAccount {namespace}/{account} may not assume role {declared_controller.role}: "
        f"{controller_role.words}"
    )


@pytest.mark.where("role", "policy")
def test_controller_role_has_its_policy(declared_controller: Any, controller_policy: Any) -> None:
    """Without its policy the controller may look at nothing and make nothing."""
    assert controller_policy.found, (
        f"role {declared_controller.role} has no policy {declared_controller.policy}, neither inline nor "
        "attached"
    )
