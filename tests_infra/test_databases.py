"""Database servers, as RDS tells of them."""

from __future__ import annotations

from typing import Any

import pytest


def test_database_server_exists(declared_database_server: Any, database_server: Any) -> None:
    """Without it no service starts."""
    assert database_server.found, (
        f"there is no RDS {declared_database_server.kind} "
        f"{declared_database_server.identifier} in this region"
    )


def test_database_server_is_available(declared_database_server: Any, database_server: Any) -> None:
    """A server that is stopped, failed or out of storage takes no connection."""
    assert database_server.is_available, (
        f"database server {declared_database_server.identifier} is {database_server.status or 'absent'}, "
        "not available"
    )


@pytest.mark.where("engine_version")
def test_database_server_runs_the_declared_version(
    declared_database_server: Any, database_server: Any
) -> None:
    """A version nobody asked for changes defaults, such as rds.force_ssl, under the applications."""
    declared = declared_database_server.engine_version
    assert database_server.version == declared or database_server.version.startswith(f"{declared}."), (
        f"database server {declared_database_server.identifier} runs {database_server.engine or 'no engine'} "
        f"{database_server.version or 'of no version'}, not {declared}"
    )


def test_secret_names_the_endpoint(
    declared_database_server: Any, database_server: Any, application_login: Any
) -> None:
    """A server that was made again has a new address; a Secret that keeps the old one breaks every pod."""
    assert application_login.endpoints, (
        f"nothing tells the applications where database server {declared_database_server.identifier} is: "
        f"{application_login.source} names no host"
    )
    wrong = [
        f"{one.where} names {one.host}:{one.port or database_server.port}"
        for one in application_login.endpoints
        if one.host != database_server.host or one.port not in (None, database_server.port)
    ]
    assert not wrong, (
        f"database server {declared_database_server.identifier} is at {database_server.endpoint}, "
        f"but {'; '.join(wrong)}"
    )


def test_force_ssl_agrees_with_the_applications(
    declared_database_server: Any, database_parameters: Any
) -> None:
    """A server that forces TLS refuses applications that connect without ("no pg_hba.conf entry")."""
    required = declared_database_server.tls == "required"
    assert database_parameters.force_ssl is not None, (
        f"parameter group {database_parameters.group or 'none'} of database server "
        f"{declared_database_server.identifier} says nothing of rds.force_ssl"
    )
    assert database_parameters.forces_tls == required, (
        f"parameter group {database_parameters.group} of database server "
        f"{declared_database_server.identifier} "
        f"sets rds.force_ssl={database_parameters.force_ssl}, but the applications connect "
        f"{'with' if required else 'without'} TLS"
    )


@pytest.mark.where("parameter_group")
def test_database_server_uses_its_parameter_group(
    declared_database_server: Any, database_server: Any
) -> None:
    """A server that was restored uses AWS's default group: what was set in the declared one has no effect."""
    assert database_server.parameter_group == declared_database_server.parameter_group, (
        f"database server {declared_database_server.identifier} uses parameter group "
        f"{database_server.parameter_group or 'none'}, not {declared_database_server.parameter_group}"
    )
    assert database_server.parameters_applied == "in-sync", (
        f"database server {declared_database_server.identifier} runs without the last changes of parameter "
        f"group {database_server.parameter_group} ({database_server.parameters_applied or 'no status told'})"
    )
