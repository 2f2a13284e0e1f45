"""PgBouncer, as Debian has it, in front of a real server: what applications behind a pooler meet."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from postflight.probes import postgres
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.libpq import Target
from postflight.probes.postgres import request_tls
from postflight.probes.postgres_session import Answer, ask
from postflight.probes.sqlstates import RefusedError
from sandbox.children import unprivileged_account
from sandbox.databases.postgres import Plan, start_postgres, stop_postgres
from sandbox.network.certificates import Authority
from selftests.event_loop import event_loop
from selftests.rude_servers import street
from selftests.rude_town import connections, refusing_port, resolving

PROGRAM = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
pytestmark = pytest.mark.skipif(
    not Path(PROGRAM).exists(), reason="PgBouncer is not installed (Debian: apt-get install pgbouncer)"
)
CONFIGURATION = """[databases]
orders = host=127.0.0.1 port={server}
absent = host=127.0.0.1 port={server}
dead = host=127.0.0.1 port={dead}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
max_client_conn = 2
query_wait_timeout = 1
server_login_retry = 1
"""


@dataclass(frozen=True)
class Pooled:
    """A database behind PgBouncer."""

    reached: Connections
    target: Target

    def ask(self, query: str = "SELECT 'here'", **changed: Any) -> Answer:
        """Put a query through the pooler."""
        target = replace(self.target, **changed)
        with postgres.login.allowed():
            return ask(self.reached, target, query, Deadline.after(8), request_tls)


@contextmanager
def pgbouncer(server: int, plan: Plan) -> Iterator[int]:
    """Run PgBouncer in front of a server, not as root; yield its port."""
    account, port = unprivileged_account(), refusing_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            "pgbouncer.ini": CONFIGURATION.format(
                server=server, dead=refusing_port(), port=port, folder=folder
            ),
            "users.txt": f'"{plan.master_user}" "{plan.password}"\n',
        }
        for file, text in files.items():
            (folder / file).write_text(text)
        if account is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, account.user, account.group)
        running = subprocess.Popen(
            [PROGRAM, "-q", str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL,
            user=account.user if account else None, group=account.group if account else None,
        )  # fmt: skip
        try:
            for _ in range(200):
                with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.02)
            yield port
        finally:
            running.kill()
            running.wait()


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pooled]:
    """Start a server and PgBouncer in front of it."""
    folder = tmp_path_factory.mktemp("pooled")
    plan = Plan("one", "app", ("orders",), Authority("Any").issue("name.test"), force_ssl=False)
    with event_loop() as loop, street() as opened:
        started = loop.run(start_postgres(folder / "postgres", [plan]))
        try:
            with pgbouncer(started[0].port, plan) as port:
                reached = connections(opened.name_server(resolving))
                yield Pooled(reached, Target("name.test", port, "orders", "app", plan.password, None))
        finally:
            loop.run(stop_postgres(started))


def test_a_query_passes_a_pooler(pooled: Pooled) -> None:
    """It refuses clients that send `options` at login: read-only is said by the transaction."""
    assert pooled.ask().rows == (("here",),)
    assert pooled.ask("SELECT current_setting('transaction_read_only')").rows == (("on",),)


def test_a_pooled_session_writes_nothing(pooled: Pooled) -> None:
    """What a pooler keeps of earlier sessions does not matter."""
    with pytest.raises(RefusedError, match="25006"):
        pooled.ask("CREATE TABLE written (a int)")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password": "wrong"}, "authentication failed"),
        ({"user": "nobody"}, "authentication failed"),
        ({"database": "unknown"}, "no such database"),
        ({"database": "absent"}, "does not exist"),
        ({"database": "dead"}, "query_wait_timeout"),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else "",
)
def test_a_refusal_of_a_pooler_is_quoted(pooled: Pooled, changed: dict[str, str], words: str) -> None:
    """It has one code for all of them, so its words are what the reader needs."""
    with pytest.raises(RefusedError, match=words) as refused:
        pooled.ask(**changed)
    assert refused.value.sqlstate is not None


def test_a_full_pooler_says_so(pooled: Pooled) -> None:
    """`max_client_conn` is used up before the server is."""
    login = {"host": "127.0.0.1", "port": pooled.target.port, "user": "app", "dbname": "orders"}
    held = [psycopg.connect(**login, password=pooled.target.password) for _ in range(2)]  # type: ignore[arg-type]
    try:
        with pytest.raises(RefusedError, match="no more connections allowed"):
            pooled.ask()
    finally:
        for one in held:
            one.close()
