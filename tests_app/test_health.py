"""The health of each service, asked inside the cluster or through the API server's proxy."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.where("health")
def test_service_answers_its_health_path(declared_service: Any, health: Any) -> None:
    """A service that does not answer its health path is taken out of traffic."""
    wanted = declared_service.health
    assert health.status == wanted.status, (
        f"{declared_service.namespace}/{declared_service.name} does not answer {wanted.path} with "
        f"{wanted.status}: {health.words}"
    )


@pytest.mark.where("health_body")
def test_health_body_says_ok(declared_service: Any, health: Any) -> None:
    """A 200 from a catch-all page, or from another program on that port, is no health."""
    wanted = declared_service.health.body
    assert wanted in health.body, (
        f"the health of {declared_service.namespace}/{declared_service.name} does not say {wanted!r}: "
        f"{health.words}"
    )


@pytest.mark.where("health")
def test_health_is_quick(declared_service: Any, health: Any) -> None:
    """A slow health answer fails the probes of Kubernetes and of the load balancer, now and then."""
    limit = declared_service.health.limit_s
    title = f"{declared_service.namespace}/{declared_service.name}"
    assert health.status is not None, f"{title} gave no health answer to time: {health.words}"
    assert health.seconds <= limit, (
        f"{title} took {health.seconds:.2f} s to answer {declared_service.health.path}, over the limit of "
        f"{limit:g} s"
    )
