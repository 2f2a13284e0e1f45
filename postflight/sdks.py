"""The SDKs that looks need, imported while a run waits for something else."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import Final

from postflight import garbage
from postflight.crew import begun
from postflight.environment import Environment

_LONGEST_S: Final = 20.0


def import_ahead(environment: Environment) -> Callable[[], object]:
    """Begin to import what looks at this environment will need, and return at once what waits for the end.

    A process that ends before has its threads ended by Python, and libraries in Rust abort it then
    (`FATAL: exception not rethrown`).

    Before the first look, who we are is asked: three round trips, one after the other. They need botocore
    themselves, so that is not in this.
    """
    for_databases = ["psycopg"] if environment.database_servers else []
    for_caches = ["postflight.probes.redis_client"] if environment.caches else []
    # Of all these, identity itself needs the Kubernetes client, and needs it first.
    for_cluster = ["postflight.probes.kubernetes.official"] if environment.cluster else []
    names = [*for_cluster, *for_databases, *for_caches, "dns.resolver", "cryptography.x509"]
    imported: Future[None] = Future()
    if not begun(_import, names, imported):
        imported.set_result(None)
    return partial(wait, [imported], timeout=_LONGEST_S)


def _import(names: Sequence[str], imported: Future[None]) -> None:
    for name in names:
        # What cannot be imported is told by the look that needs it.
        with suppress(Exception), garbage.no_search():
            importlib.import_module(name)
    imported.set_result(None)
