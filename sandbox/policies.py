"""Database parameters that AWS holds and the servers must follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.controllers.cloud import Cloud
    from sandbox.databases.postgres import Postgres


class DatabasePolicies:
    """Lets each server take `rds.force_ssl` from its parameter group when that changes."""

    def __init__(self, servers: Mapping[str, Postgres]) -> None:
        self._servers = servers
        self._forced = {name: server.plan.force_ssl for name, server in servers.items()}

    async def apply(self, cloud: Cloud) -> None:
        """Make the servers agree with their parameter groups."""
        for name, server in self._servers.items():
            store = cloud.stores.get(name)
            if store is not None and store.forces_tls != self._forced[name]:
                self._forced[name] = store.forces_tls
                await server.set_policy(force_ssl=store.forces_tls)
