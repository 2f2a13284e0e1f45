"""Reads raw Kubernetes JSON, in which anything may be absent or null."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar


class Named(Protocol):
    """What has a name of its own in its namespace."""

    @property
    def name(self) -> str:
        """The name."""


N = TypeVar("N", bound=Named)


def by_name(items: Iterable[N]) -> dict[str, N]:
    """Return objects by name; a run asks a listing for each of its objects."""
    return {item.name: item for item in items}


def mapping(value: Any, *path: str) -> Mapping[str, Any]:
    """Return the mapping at `path`, empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, Mapping) else {}


def entries(value: Any, *path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings of the list at `path`."""
    found = at(value, *path)
    if isinstance(found, list):
        yield from (item for item in found if isinstance(item, Mapping))


def text(value: Any, *path: str) -> str:
    """Return the text at `path`, empty where there is none."""
    found = at(value, *path)
    return "" if found is None else str(found)


def number(value: Any, *path: str, default: int = 0) -> int:
    """Return the whole number at `path`."""
    found = at(value, *path)
    return found if isinstance(found, int) else default


def at(value: Any, *path: str) -> Any:
    """Return what stands at `path`, None where there is nothing."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def moment(value: Any, *path: str) -> dt.datetime | None:
    """Return the time at `path` (RFC 3339)."""
    written = text(value, *path)
    try:
        return dt.datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
