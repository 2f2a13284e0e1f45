"""An event loop in a thread, so that plain tests can talk to servers that need one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")
LIMIT_SECONDS = 30.0


@dataclass(frozen=True)
class EventLoop:
    """Runs coroutines beside the test."""

    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[object, object, Result]) -> Result:
        """Run `work` in the loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LIMIT_SECONDS)


@contextmanager
def event_loop() -> Iterator[EventLoop]:
    """Start a loop, and close it when nothing of it is needed any more."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield EventLoop(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
