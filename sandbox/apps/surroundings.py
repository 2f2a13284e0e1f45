"""What a container finds around it: names, trusted authorities, and how long a second is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Surroundings:
    """Given to every container.

    `resolve` gives the address of a host, or None. `dns` is the same server as `address:port`, for real
    processes. `database_authority` is the PEM that signs databases and caches. `time_scale` shortens the
    limits that real programs have (5 s to a database, 10 s to a cache).
    """

    resolve: Callable[[str], str | None]
    dns: str
    database_authority: str
    time_scale: float = 0.5


@dataclass(frozen=True)
class Behaviour:
    """How an image was built: where it answers its health, and whether it starts without its cache."""

    health_path: str = "/health"
    cache_required: bool = False


class StartError(Exception):
    """A program gives up; the message is its last log line."""
