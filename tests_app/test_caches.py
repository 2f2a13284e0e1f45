"""Caches, as their applications meet them: reached, encrypted, logged in to, answering."""

from __future__ import annotations

from typing import Any

import pytest


def test_cache_is_reachable(declared_cache: Any, cache_connection: Any) -> None:
    """A closed security group or another VPC shows as a connection that is never accepted."""
    assert cache_connection.is_open, f"{declared_cache.name}: {cache_connection.problem}"


def test_cache_answers_in_time(declared_cache: Any, cache_ping: Any) -> None:
    """A cache that accepts and says nothing makes its clients wait for ever, unless they set a limit."""
    assert cache_ping.answered, (
        f"{declared_cache.name} did not answer, waited {cache_ping.seconds:.0f} s: {cache_ping.problem}"
    )


@pytest.mark.where("tls")
def test_cache_certificate_verifies(declared_cache: Any, cache_tls: Any) -> None:
    """Clients with TLS on refuse a cache whose certificate does not verify."""
    assert cache_tls.is_verified, f"{declared_cache.name}: {cache_tls.problem}"


def test_cache_token_is_accepted(declared_cache: Any, cache_login: Any) -> None:
    """The AUTH token in the Secret must be the one that the cache was given; then it answers PING."""
    source = declared_cache.auth
    secret = f"the AUTH token of {source.title}" if source else "no AUTH token"
    assert cache_login.has_ponged, (
        f"{declared_cache.name} does not answer PING with {secret}: {cache_login.problem}"
    )
