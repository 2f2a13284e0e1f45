"""What the kubelet asks of a container runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from sandbox.controllers.cluster import Manifest


class Running(Protocol):
    """A container that has been started; it may have ended already."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Where its port really listens, if it listens."""

    @property
    def lines(self) -> Sequence[str]:
        """Its log so far."""

    @property
    def exited(self) -> asyncio.Future[int]:
        """Done when the container has ended, with its exit code."""

    async def stop(self) -> None:
        """End it, if it has not ended."""


class Runtime(Protocol):
    """Starts containers and runs commands in them."""

    async def start(self, pod: Manifest, container: Manifest, environment: Mapping[str, str]) -> Running:
        """Start a container; returns when it serves, or has ended."""

    async def execute(
        self,
        pod: Manifest,
        container: Running,
        environment: Mapping[str, str],
        command: Sequence[str],
        stdin: bytes,
    ) -> tuple[bytes, bytes, int]:
        """Run a command beside the container; gives its output, its errors and its exit code."""
