"""CloudFront: each distribution serves its names and fetches from the Ingress's host."""

from __future__ import annotations

from typing import Any

import pytest


def test_distribution_exists(declared_distribution: Any, distribution: Any) -> None:
    """The public site is served by it."""
    assert distribution.found, f"there is no CloudFront distribution {declared_distribution.id}"


def test_distribution_is_deployed(declared_distribution: Any, distribution: Any) -> None:
    """A disabled distribution answers nobody; one in progress answers from old settings here and there."""
    state = "disabled" if distribution.found and not distribution.enabled else distribution.status
    assert distribution.enabled, (
        f"distribution {declared_distribution.id} is {state or 'absent'}, not enabled"
    )
    assert distribution.status == "Deployed", (
        f"distribution {declared_distribution.id} is {state}, not Deployed"
    )


def test_distribution_fetches_from_its_origin(declared_distribution: Any, distribution: Any) -> None:
    """Fetching from another host serves another environment, or 502 and 503."""
    assert declared_distribution.origin in distribution.origins, (
        f"distribution {declared_distribution.id} fetches from "
        f"{', '.join(distribution.origins) or 'nowhere'}, not from {declared_distribution.origin}"
    )


@pytest.mark.where("aliases")
def test_distribution_serves_its_aliases(declared_distribution: Any, distribution: Any) -> None:
    """CloudFront answers 403 for a host name that is not among its aliases."""
    missing = [alias for alias in declared_distribution.aliases if not distribution.serves(alias)]
    assert not missing, (
        f"distribution {declared_distribution.id} does not serve {', '.join(missing)}; its aliases are "
        f"{', '.join(distribution.aliases) or 'none'}"
    )
