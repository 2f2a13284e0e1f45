"""PostgreSQL servers for the sandbox's databases."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from sandbox.children import start_child, stop_child, unprivileged_account
from sandbox.databases.installation import (
    Installation,
    bare_environment,
    initialise,
    make_home,
    postgres_programs,
    run,
)
from sandbox.databases.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.network.certificates import Certificate

SUPERUSER = "rdsadmin"
SALEOR_SCHEMA = Path(__file__).with_name("saleor.sql")
START_ATTEMPTS = 5
# The server itself kills what has not ended after five; killed before that, it leaves shared memory behind.
STOP_SECONDS = 10.0

# Nothing here outlives the sandbox, so nothing is worth writing safely; no socket or shared memory
# may be left in places outside the data folder.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
    "dynamic_shared_memory_type": "mmap",
    "password_encryption": "scram-sha-256",
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
    "log_connections": "off",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Plan:
    """What one server is to hold.

    `force_ssl` is RDS's `rds.force_ssl`; `schemas` maps a database to the SQL that fills it.
    """

    name: str
    master_user: str
    databases: tuple[str, ...]
    certificate: Certificate
    force_ssl: bool
    schemas: Mapping[str, str] = field(default_factory=dict)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)


def host_rules(*, force_ssl: bool) -> str:
    """Return pg_hba.conf: passwords only, over TLS only where it is forced."""
    return (
        f"host all {SUPERUSER} 127.0.0.1/32 scram-sha-256\n"
        f"{'hostssl' if force_ssl else 'host'} all all 127.0.0.1/32 scram-sha-256\n"
    )


class Postgres:
    """One running server; made by `start_postgres`."""

    def __init__(self, plan: Plan, installation: Installation) -> None:
        self.plan = plan
        self.folder = installation.home / plan.name
        self.port = 0
        self._installation = installation
        self._process: asyncio.subprocess.Process | None = None
        self._force_ssl = plan.force_ssl
        self._tls = True

    @property
    def log(self) -> str:
        """What the server has written to its log so far."""
        return (self.folder / "server.log").read_text()

    async def start(self) -> None:
        """Start on a free port of 127.0.0.1; raises RuntimeError with the server's log if it will not."""
        self._write("pg_hba.conf", host_rules(force_ssl=self._force_ssl))
        self._write_certificate(self.plan.certificate)
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            self._write("postgresql.conf", self._configuration())
            await self._spawn()
            if await self._answers():
                return
        raise RuntimeError(f"PostgreSQL {self.plan.name} does not start: {self.log}")

    async def fill(self) -> None:
        """Create the master user, the databases and what they hold."""
        master = sql.Identifier(self.plan.master_user)
        async with await self._connect("postgres") as connection:
            await connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                    master, sql.Literal(self.plan.password)
                )
            )
            for name in self.plan.databases:
                await connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} STRATEGY FILE_COPY").format(
                        sql.Identifier(name), master
                    )
                )
        for name, schema in self.plan.schemas.items():
            async with await self._connect(name) as connection:
                await connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(master))
                await connection.execute(schema)

    async def execute(
        self, statement: str, database: str = "postgres", parameters: Sequence[Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run one statement as superuser; returns its rows, if it has any."""
        async with await self._connect(database) as connection:
            cursor = await connection.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []

    async def set_policy(self, *, force_ssl: bool | None = None, tls: bool | None = None) -> None:
        """Change the TLS policy as a parameter change with a reboot does: present clients are cut."""
        self._force_ssl = self._force_ssl if force_ssl is None else force_ssl
        self._tls = self._tls if tls is None else tls
        self._write("pg_hba.conf", host_rules(force_ssl=self._force_ssl))
        self._write("postgresql.conf", self._configuration())
        await self._reload()
        await self.cut_clients()

    async def present(self, certificate: Certificate) -> None:
        """Serve another certificate from now on."""
        self._write_certificate(certificate)
        await self._reload()

    async def cut_clients(self) -> None:
        """End every session but the superuser's."""
        await self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND usename <> current_user"
        )

    async def stop(self) -> None:
        """Stop the server; its data is worth nothing afterwards."""
        if self._process is not None:
            await stop_child(self._process, by=signal.SIGQUIT, patience=STOP_SECONDS)

    async def _spawn(self) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._process = await start_child(
                [str(self._installation.programs / "postgres"), "-D", str(self.folder)],
                environment=bare_environment(),
                account=self._installation.account,
                # SIGQUIT lets the server remove its shared memory, which SIGKILL would leave behind.
                death_signal=signal.SIGQUIT,
                folder=self.folder,
                stdout=log.fileno(),
            )

    async def _answers(self) -> bool:
        while self._process is not None and self._process.returncode is None:
            try:
                async with await self._connect("postgres"):
                    return True
            except psycopg.OperationalError:
                await asyncio.sleep(0.01)
        return False

    async def _reload(self) -> None:
        question = "SELECT pg_conf_load_time()"
        before = await self.execute(question)
        await self.execute("SELECT pg_reload_conf()")
        # A new session inherits what the postmaster has read: only then does the new policy hold.
        while await self.execute(question) == before:  # noqa: ASYNC110  another process's state
            await asyncio.sleep(0.01)

    async def _connect(self, database: str) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        return await psycopg.AsyncConnection.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self._installation.secret,
            dbname=database,
            sslmode="disable",
            autocommit=True,
        )

    def _configuration(self) -> str:
        settings = {**SETTINGS, "port": str(self.port), "ssl": "on" if self._tls else "off"}
        return "".join(f"{name} = '{value}'\n" for name, value in settings.items())

    def _write_certificate(self, certificate: Certificate) -> None:
        self._write("server.key", certificate.key_pem)
        self._write("server.crt", certificate.full_chain_pem)

    def _write(self, name: str, text: str) -> None:
        self._installation.write(self.folder / name, text)


async def start_postgres(folder: Path, plans: Sequence[Plan]) -> tuple[Postgres, ...]:
    """Start one server a plan, with data below `folder`.

    Root has PostgreSQL run as `nobody`; if that user cannot reach `folder`, the data goes to a folder of
    its own below the system's temporary one (`Postgres.folder` says where), which `stop_postgres` removes.
    """
    account = unprivileged_account()
    home = make_home(folder, account)
    servers: tuple[Postgres, ...] = ()
    try:
        programs = postgres_programs(account, home)
        installation = Installation(home, programs, account, SUPERUSER, secrets.token_urlsafe(24))
        first = home / plans[0].name
        await initialise(installation, first, SETTINGS)
        for plan in plans[1:]:
            await run(["cp", "-R", str(first), str(home / plan.name)], account)
        servers = tuple(Postgres(plan, installation) for plan in plans)
        await asyncio.gather(*(_start_filled(server) for server in servers))
    except BaseException:
        await asyncio.gather(*(server.stop() for server in servers))
        shutil.rmtree(home)
        raise
    return servers


async def stop_postgres(servers: Sequence[Postgres]) -> None:
    """Stop the servers and remove their data."""
    await asyncio.gather(*(server.stop() for server in servers))
    for home in {server.folder.parent for server in servers}:
        shutil.rmtree(home)


async def _start_filled(server: Postgres) -> None:
    await server.start()
    await server.fill()
