"""The SDKs that looks need, imported while a run waits for something else."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from contextlib import suppress

from postflight import garbage
from postflight.crew import begun
from postflight.environment import Environment


def import_ahead(environment: Environment) -> None:
    """Begin to import what looks at this environment will need, and return at once.

    Before the first look, who we are is asked: three round trips, one after the other. They need botocore
    themselves, so that is not in this.
    """
    for_databases = ["psycopg"] if environment.database_servers else []
    # Of all these, identity itself needs the Kubernetes client, and needs it first.
    for_cluster = ["postflight.probes.kubernetes.official"] if environment.cluster else []
    begun(_import, [*for_cluster, *for_databases, "dns.resolver", "cryptography.x509"])


def _import(names: Sequence[str]) -> None:
    for name in names:
        # What cannot be imported is told by the look that needs it.
        with suppress(Exception), garbage.no_search():
            importlib.import_module(name)
