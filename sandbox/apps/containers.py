"""Starts containers, and runs commands in them."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import aiohttp

from sandbox.apps.container import KILLED, Container
from sandbox.apps.program import Life
from sandbox.apps.programs import (
    Program,
    run_dashboard,
    run_gateway,
    run_idle,
    run_service,
    run_storefront,
)
from sandbox.apps.surroundings import Behaviour, StartError, Surroundings

if TYPE_CHECKING:
    from sandbox.apps.saleor_runtime import SaleorRuntime

API = "saleor-api"
PROGRAMS: Mapping[str, Program] = MappingProxyType(
    {
        "api-gateway": run_gateway,
        "saleor-storefront": run_storefront,
        "saleor-dashboard": run_dashboard,
    }
)
NOT_FOUND = 127
CURL_LIMIT_SECONDS = 5.0
Output = tuple[bytes, bytes, int]


def program_of(image: str) -> str:
    """Return which program an image reference holds, by the end of its repository's name."""
    repository = image.rpartition("@")[0] or image
    repository = repository.rpartition("/")[2].partition(":")[0]
    for known in (API, *PROGRAMS):
        if repository.endswith(known):
            return known
    return repository.removeprefix("doa-market-") if repository.endswith("-service") else repository


class Containers:
    """The sandbox's container runtime."""

    def __init__(self, surroundings: Surroundings, saleor: SaleorRuntime) -> None:
        self._surroundings = surroundings
        self._saleor = saleor
        self._lives: set[asyncio.Task[None]] = set()

    async def start(
        self,
        program: str,
        environment: Mapping[str, str],
        *,
        read_only_root: bool = False,
        behaviour: Behaviour = Behaviour(),  # noqa: B008  frozen
    ) -> Container:
        """Start a program (see `program_of`); `Container.settled()` waits until it serves or has ended."""
        if program == API:
            return await self._saleor.serve(program, self._for_saleor(environment))
        container = Container(program)
        life = Life(program, container, environment, self._surroundings, behaviour, read_only_root)
        task = asyncio.create_task(_live(life, _main_of(program)))

        async def end() -> None:
            task.cancel()

        container.ended_by(end)
        self._lives.add(task)
        task.add_done_callback(self._lives.discard)
        return container

    async def execute(
        self,
        program: str,
        container: Container,
        environment: Mapping[str, str],
        command: Sequence[str],
        stdin: bytes = b"",
    ) -> Output:
        """Run a command as `kubectl exec` does; returns its output, its errors and its exit code."""
        words = tuple(command)
        if len(words) == 3 and words[0].endswith("sh") and words[1] == "-c":
            words = tuple(shlex.split(words[2]))
        name = words[0].rpartition("/")[2] if words else ""
        if program == API and name.startswith("python") and words[1:2] == ("manage.py",):
            return await self._saleor.manage(self._for_saleor(environment), words[2:], stdin)
        if name == "curl":
            return await _curl(container, words[-1])
        return _run_tool(name, words[1:], environment, stdin)

    async def stop(self) -> None:
        """End every program but Saleor's, whose runtime is stopped by whoever started it."""
        lives = tuple(self._lives)
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)

    def _for_saleor(self, environment: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", **environment, "SANDBOX_DNS": self._surroundings.dns}


def _main_of(program: str) -> Program:
    if program.endswith("-service"):
        return run_service
    return PROGRAMS.get(program, run_idle)


async def _live(life: Life, main: Program) -> None:
    code = KILLED
    try:
        code = await main(life)
    except StartError as error:
        life.container.log(str(error))
        code = 1
    finally:
        life.container.ends_with(code)


def _run_tool(name: str, words: Sequence[str], environment: Mapping[str, str], stdin: bytes) -> Output:
    if name in ("env", "printenv"):
        return _print_environment(environment, words)
    if name == "true":
        return b"", b"", 0
    if name == "cat" and not words:
        return stdin, b"", 0
    if name == "echo":
        return (" ".join(words) + "\n").encode(), b"", 0
    return b"", f'exec: "{name}": executable file not found in $PATH\n'.encode(), NOT_FOUND


def _print_environment(environment: Mapping[str, str], names: Sequence[str]) -> Output:
    if not names:
        return "".join(f"{name}={value}\n" for name, value in environment.items()).encode(), b"", 0
    values = [environment[name] for name in names if name in environment]
    return "".join(f"{value}\n" for value in values).encode(), b"", 0 if len(values) == len(names) else 1


async def _curl(container: Container, url: str) -> Output:
    path = "/" + url.partition("://")[2].partition("/")[2]
    if container.address is None:
        return b"", b"curl: (7) Failed to connect to localhost\n", 7
    host, port = container.address
    limit = aiohttp.ClientTimeout(total=CURL_LIMIT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(f"http://{host}:{port}{path}") as answer,
        ):
            return await answer.read(), b"", 0
    except TimeoutError:
        return b"", b"curl: (28) Operation timed out\n", 28
    except aiohttp.ClientError as error:
        return b"", f"curl: (52) {error}\n".encode(), 52
