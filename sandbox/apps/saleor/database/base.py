"""Django's PostgreSQL backend, resolving names at the sandbox's DNS."""

import os
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from sandbox.apps.resolve import resolve_at


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]  # Django carries no types
    """Connects to the address that the sandbox's DNS gives; the system's resolver is never asked."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open a connection; an unknown name fails as psycopg words it."""
        host = conn_params.get("host", "")
        address = resolve_at(os.environ.get("SANDBOX_DNS", ""), host)
        if address is None:
            raise OperationalError(f"failed to resolve host '{host}': [Errno -2] Name or service not known")
        return super().get_new_connection({**conn_params, "hostaddr": address})
