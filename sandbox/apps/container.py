"""A running container: its log, its address, its end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

LOG_LINES = 2000
KILLED = 137


class Container:
    """What the kubelet holds of a container; made by `start_container`.

    `address` is None until the program listens, and again when it has ended.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.address: tuple[str, int] | None = None
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._listening = asyncio.Event()
        self._ender: Callable[[], Awaitable[None]] | None = None

    @property
    def lines(self) -> Sequence[str]:
        """The log so far."""
        return tuple(self._lines)

    def log(self, line: str) -> None:
        """Add a line to the log."""
        self._lines.append(line)

    def ended_by(self, ender: Callable[[], Awaitable[None]]) -> None:
        """Say how the program is ended from outside."""
        self._ender = ender

    def listens_at(self, address: tuple[str, int]) -> None:
        """Say that the program answers at `address` now."""
        self.address = address
        self._listening.set()

    def ends_with(self, code: int) -> None:
        """Say that the program has ended."""
        self.address = None
        if not self.exited.done():
            self.exited.set_result(code)

    async def settled(self) -> None:
        """Return when the program listens, or has ended."""
        listening = asyncio.ensure_future(self._listening.wait())
        await asyncio.wait((listening, self.exited), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()

    async def stop(self) -> None:
        """End the program if it has not ended, and wait for that."""
        if not self.exited.done() and self._ender is not None:
            await self._ender()
            await self.exited
