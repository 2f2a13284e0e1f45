"""The sandbox's own process: `python -m sandbox.process`, started by `up` and by nobody else.

It reads its lifeline on standard input (when told that it has one) and ends with it. Whatever ends it, its
children end too (they are told by the kernel), and a shell that waits for its end removes its folder.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.operations import Operations
from sandbox.run_folder import RunFolder
from sandbox.state import describe
from sandbox.world import start_world

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOM = 1024**3
JANITOR = 'read -r _; for n in 1 2 3 4 5; do rm -rf "$1" && exit; sleep 0.2; done'


def main(words: Sequence[str]) -> int:
    """Run until asked to stop."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.process")
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--lifeline", action="store_true")
    options = parser.parse_args(words)
    home = Path(tempfile.mkdtemp(prefix="postflight-sandbox-", dir=_memory()))
    janitor = _janitor(home)
    # Others may pass through: PostgreSQL runs as another user when we are root.
    home.chmod(0o711)
    try:
        asyncio.run(_run(options, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
        janitor.close()
    return 0


def _memory() -> Path | None:
    """Give a roomy file system in memory, if there is one: the databases are 12,000 files."""
    place = Path("/dev/shm")  # noqa: S108  mkdtemp makes a folder in it that is ours alone
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        return None
    state = os.statvfs(place)
    roomy = state.f_bavail * state.f_frsize >= ROOM
    return place if roomy and not state.f_flag & os.ST_NOEXEC else None


def _janitor(home: Path) -> Any:
    # In a session of its own, so that what ends our whole process group leaves it alive to clean up.
    process = subprocess.Popen(
        ["/bin/sh", "-c", JANITOR, "sandbox-janitor", str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return process.stdin


async def _run(options: argparse.Namespace, home: Path) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if options.lifeline:
        _watch_lifeline(loop, ended)
    serving = asyncio.create_task(_serve(options, home, ended))
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done() and not ended.is_set():
        await waiting
    if not serving.done():
        serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    waiting.cancel()


def _watch_lifeline(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    def readable() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            ended.set()

    loop.add_reader(0, readable)


async def _serve(options: argparse.Namespace, home: Path, ended: asyncio.Event) -> None:
    folder = RunFolder(options.run_dir)
    folder.prepare()
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        stack.callback(folder.leave, os.getpid())
        world = await start_world(stack, home, folder.authority, options.latency)
        operations = Operations(world, ended)
        await operations.control.start()
        stack.push_async_callback(operations.control.stop)
        state = describe(world, operations.control, folder, options.latency)
        state["started_in_s"] = round(time.monotonic() - began, 2)
        folder.write(folder.state, json.dumps(state, indent=2) + "\n")
        await ended.wait()


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    # Everything is stopped; an interpreter that also takes itself apart takes another second for it.
    os._exit(status)
