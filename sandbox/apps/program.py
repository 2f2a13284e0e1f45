"""What every pretend program can do: read its environment, log, and serve HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.apps.surroundings import Behaviour, StartError, Surroundings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.apps.container import Container

HOST = "127.0.0.1"
Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Life:
    """One run of a program in a container."""

    name: str
    container: Container
    environment: Mapping[str, str]
    surroundings: Surroundings
    behaviour: Behaviour
    read_only_root: bool

    def required(self, key: str) -> str:
        """Return a variable, or end the program."""
        try:
            return self.environment[key]
        except KeyError:
            raise StartError(f"Error: Missing required environment variable: {key}") from None

    def flag(self, key: str) -> bool:
        """Whether a switch is on; these programs turn off for the word `false` only."""
        return self.environment.get(key) != "false"

    def seconds(self, limit: float) -> float:
        """Shorten a limit as the sandbox does."""
        return limit * self.surroundings.time_scale

    @asynccontextmanager
    async def serving(self, answer: Answer) -> AsyncIterator[None]:
        """Listen with `answer` until the block ends."""
        runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, 0).start()
            self.container.log(f"{self.name} running on port {self.environment.get('PORT', '3000')}")
            self.container.listens_at((HOST, int(runner.addresses[0][1])))
            yield
        finally:
            await runner.cleanup()
