"""One GET to a Kubernetes API and its answer, apart from urllib3, which is imported late."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from postflight.probes.kubernetes.guard import Watch

_CHUNK: Final = 65536


class NoAnswerError(Exception):
    """The other side gave no usable HTTP answer: one clause that says why.

    `is_slow`: it took too long. `is_silent`: not one byte of an answer came.
    """

    def __init__(self, clause: str, *, is_slow: bool = False, is_silent: bool = False) -> None:
        super().__init__(clause)
        self.is_slow = is_slow
        self.is_silent = is_silent


class Exchange:
    """One GET and its answer, whose body can be read once."""

    def __init__(self, response: Any, began: float, watch: Watch) -> None:
        self._response = response
        self._watch = watch
        self._began = began
        self.status: int = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self.is_read = False

    @property
    def seconds(self) -> float:
        """Seconds since the request was sent."""
        return time.monotonic() - self._began

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives. Raises OSError and urllib3's HTTPError where it is cut short."""
        yield from self._response.stream(_CHUNK, decode_content=True)
        if self._watch.has_fired:
            raise TimeoutError
        self.is_read = True

    def body(self, limit: int = 1 << 20) -> bytes:
        """Return the body, but no more than `limit` bytes of it."""
        parts = bytearray()
        for chunk in self.chunks():
            parts += chunk
            if len(parts) >= limit:
                break
        return bytes(parts[:limit])
