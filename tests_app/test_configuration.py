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


@pytest.mark.where("database")
def test_database_login_comes_from_its_secret(
    declared_service: Any, configuration: Any, environment: Any
) -> None:
    """A user written into the workload stays when the Secret changes, and fails alone among its siblings."""
    assert configuration.found, f"{configuration.title} does not exist"
    logins = configuration.set_among("DATABASE_URL", "DB_USER")
    assert logins, (
        f"{configuration.title} sets neither DATABASE_URL nor DB_USER for {declared_service.database}"
    )
    written = [
        f"{login.name} is {login.shown} in {login.source}" for login in logins if not login.is_from_secret
    ]
    servers = environment.database_servers.values()
    users = ", ".join(server.user for server in servers if declared_service.database in server.databases)
    assert not written, (
        f"{configuration.title}: {'; '.join(written)}, not {users} as the Secret of the database has it"
    )
