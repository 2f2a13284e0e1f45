"""What each service is told by its environment variables."""

from __future__ import annotations

from typing import Any

import pytest


def test_references_of_the_service_exist(configuration: Any) -> None:
    """A container whose ConfigMap, Secret or key is missing is never started."""
    assert configuration.found, f"{configuration.title} does not exist"
    assert not configuration.broken, f"{configuration.title}: {'; '.join(configuration.broken)}"


@pytest.mark.where("required")
def test_service_is_configured(declared_service: Any, configuration: Any) -> None:
    """A variable that is missing, empty or different stops a service, or sends it to the wrong place."""
    assert configuration.found, f"{configuration.title} does not exist"
    wrong = configuration.differences(declared_service.required)
    assert not wrong, f"{configuration.title}: {'; '.join(wrong)}"
