"""Databases: each service has the one it connects to."""

from __future__ import annotations

from typing import Any


def test_database_exists(declared_database: Any, databases_on_server: Any) -> None:
    """A server is created empty: without its database (3D000) a service crashes at every start."""
    assert databases_on_server.problem is None, (
        f"the databases of {declared_database.database_server} could not be listed: "
        f"{databases_on_server.problem}"
    )
    assert declared_database.database in databases_on_server.names, (
        f"database {declared_database.database} does not exist (3D000) on "
        f"{declared_database.database_server} ({databases_on_server.host})"
    )
