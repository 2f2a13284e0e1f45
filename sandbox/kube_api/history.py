from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from sandbox.kube_api import errors
from sandbox.kube_api.errors import Json
from sandbox.kube_api.resources import Resource

_REMEMBERED_CHANGES: Final = 20_000

Key = tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """One stored object. `obj` is never changed in place, so its bytes are made once."""

    resource: Resource
    obj: Json

    @cached_property
    def item(self) -> bytes:
        """Return the object as it stands in a list (built-in kinds without apiVersion and kind)."""
        return json.dumps(self.obj, separators=(",", ":"), ensure_ascii=False).encode()

    def document(self, version: str = "") -> bytes:
        """Return the object as it stands alone, in the wanted version of its group."""
        if self.resource.custom:
            return self.item
        head = {"kind": self.resource.kind, "apiVersion": self.resource.api_version(version)}
        return json.dumps(head, separators=(",", ":")).encode()[:-1] + b"," + self.item[1:]

    def copy(self) -> Json:
        """Return a copy that the caller may change."""
        found: Json = json.loads(self.document())
        return found

    @property
    def key(self) -> Key:
        """(namespace or "", name)."""
        metadata = self.obj["metadata"]
        return metadata.get("namespace", ""), metadata["name"]


@dataclass(frozen=True)
class Change:
    """One step of the store's history; `before` and `after` are None for added and deleted objects."""

    version: int
    kind: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: Resource
    before: Entry | None
    after: Entry | None


class History:
    """The recent changes of a store, and the way to wait for the next one."""

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self._changes: deque[Change] = deque(maxlen=_REMEMBERED_CHANGES)
        self._changed = asyncio.Event()

    def append(self, change: Change) -> None:
        """Record a change and wake everybody who waits."""
        self.version = change.version
        self._changes.append(change)
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    def since(self, version: int) -> tuple[Change, ...]:
        """Return the changes after `version`, oldest first; ApiError 410 when they are forgotten."""
        if not self._changes or version >= self.version:
            return ()
        if version < self._changes[0].version - 1:
            raise errors.too_old(version, self._changes[0].version)
        position = version - self._changes[0].version + 1
        return tuple(self._changes[at] for at in range(position, len(self._changes)))

    async def wait(self, since: int, timeout: float) -> int:  # noqa: ASYNC109 - its own deadline is its purpose
        """Return the version, as soon as it is above `since`, or after `timeout` seconds."""
        if self.version <= since:
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                return self.version
        return self.version
