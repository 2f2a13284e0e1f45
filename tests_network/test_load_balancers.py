"""Load balancers of the Ingresses, and the health of what stands behind them."""

from __future__ import annotations

from typing import Any


def test_load_balancer_exists(declared_ingress: Any, load_balancer: Any) -> None:
    """The Ingress is nothing to the outside until the controller has made its load balancer."""
    assert load_balancer.found, (
        f"Ingress {declared_ingress.namespace}/{declared_ingress.resource} has no load balancer: none is "
        f"there {load_balancer.name}"
    )


def test_load_balancer_is_active(declared_ingress: Any, load_balancer: Any) -> None:
    """A load balancer that is provisioning or failed takes no traffic."""
    assert load_balancer.is_active, (
        f"load balancer {load_balancer.name} of Ingress {declared_ingress.namespace}/"
        f"{declared_ingress.resource} is {load_balancer.state or 'absent'}, not active. "
        f"{load_balancer.reason}"
    ).rstrip()


def test_target_group_has_targets(declared_backend: Any, backend_targets: Any) -> None:
    """A target group without targets answers every request with 503."""
    assert backend_targets.groups, (
        f"no target group is tagged for service {declared_backend.service} behind Ingress "
        f"{declared_backend.namespace}/{declared_backend.ingress}"
    )
    assert backend_targets.serving, (
        f"target group {backend_targets.names} of service {declared_backend.service} has no target"
    )


def test_targets_are_healthy(declared_backend: Any, backend_targets: Any) -> None:
    """The load balancer answers 502 or 503 for what it holds to be unhealthy, also while pods run."""
    assert backend_targets.serving, f"service {declared_backend.service} has no target that could be healthy"
    assert not backend_targets.unhealthy, (
        f"targets of service {declared_backend.service} are not healthy: "
        f"{'; '.join(backend_targets.unhealthy)}"
    )
