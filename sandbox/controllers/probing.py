"""HTTP probes: what the kubelet and load balancers ask a pod."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE: Final = aiohttp.ClientTimeout(total=3.0)


@dataclass(frozen=True)
class Answer:
    """What came back: a status code, or why there is none."""

    status: int | None
    trouble: str = ""

    @property
    def healthy(self) -> bool:
        """Whether the kubelet calls this a success."""
        return self.status is not None and 200 <= self.status < 400


async def ask(
    session: aiohttp.ClientSession, address: tuple[str, int] | None, path: str, headers: Mapping[str, str]
) -> Answer:
    """Make one GET without following redirects."""
    if address is None:
        return Answer(None, "connection refused")
    url = f"http://{address[0]}:{address[1]}{path}"
    try:
        async with session.get(url, headers=headers, allow_redirects=False, timeout=PATIENCE) as response:
            return Answer(response.status)
    except TimeoutError:
        return Answer(None, "timeout")
    except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        return Answer(
            None, "connection refused" if isinstance(error, aiohttp.ClientConnectorError) else "EOF"
        )
