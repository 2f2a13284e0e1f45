"""Caches, as ElastiCache tells of them."""

from __future__ import annotations

from typing import Any


def test_cache_exists(declared_cache: Any, cache: Any) -> None:
    """Without it the services that keep sessions and carts in it are slow or down."""
    assert cache.found, f"there is no ElastiCache replication group {declared_cache.replication_group}"


def test_cache_is_available(declared_cache: Any, cache: Any) -> None:
    """A cache that is being made, changed or deleted may take no connection."""
    assert cache.is_available, (
        f"cache {declared_cache.replication_group} is {cache.status or 'absent'}, not available"
    )


def test_cache_encrypts_in_transit(declared_cache: Any, cache: Any) -> None:
    """A client that speaks TLS hangs against a cache without it, and the other way round."""
    assert cache.found, f"there is no ElastiCache replication group {declared_cache.replication_group}"
    assert cache.encrypts_in_transit == declared_cache.tls, (
        f"cache {declared_cache.replication_group} has encryption in transit "
        f"{'on' if cache.encrypts_in_transit else 'off'}, "
        f"and the applications connect {'with' if declared_cache.tls else 'without'} TLS"
    )
