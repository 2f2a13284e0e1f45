"""The pods behind each Service."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.where("health")
def test_service_has_ready_endpoints(declared_service: Any, endpoints: Any) -> None:
    """A Service whose selector finds no ready pod answers every caller with 503."""
    title = f"Service {declared_service.namespace}/{declared_service.name}"
    assert endpoints.found, f"{title} does not exist, or no controller has looked for its pods yet"
    unready = ", ".join(endpoints.not_ready) or "there are none"
    assert endpoints.ready, f"{title} has no ready pod behind it (pods that are not ready: {unready})"
