"""Runs the Saleor stand-in: real processes, forked off one that has imported Django already."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.apps.container import KILLED, Container
from sandbox.apps.saleor import protocol
from sandbox.children import start_child, stop_child

HOST = "127.0.0.1"
CHECKOUT = Path(__file__).parents[2]
GRACE_SECONDS = 2.0


class SaleorRuntime:
    """Starts servers and commands of the stand-in; the process behind it starts with the first, or early."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._channel: socket.socket | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ends: dict[int, asyncio.Future[int]] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._count = 0
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Start the process that imports Django, unless it runs; it needs about a second of CPU."""
        async with self._starting:
            if self._process is not None:
                return
            ours, theirs = socket.socketpair()
            with self._log.open("ab") as log, theirs:
                self._process = await start_child(
                    [sys.executable, "-m", "sandbox.apps.saleor.nursery"],
                    environment={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                    stdin=theirs.fileno(),
                    stderr=log.fileno(),
                )
            self._channel = ours
            self._reader = asyncio.create_task(self._read(self._process))

    async def stop(self) -> None:
        """End the process and all that it has forked."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            await stop_child(self._process)
        if self._reader is not None:
            await self._reader
        await asyncio.gather(*self._following)

    async def serve(self, name: str, environment: Mapping[str, str]) -> Container:
        """Start a server as a container; it listens when its log says so."""
        await self.start()
        container = Container(name)
        identity, ended = self._expect()
        with socket.socket() as listener, open(os.devnull, "rb") as nothing:  # noqa: ASYNC230, PTH123
            listener.bind((HOST, 0))
            address = listener.getsockname()
            source, sink = os.pipe()
            descriptors = (nothing.fileno(), sink, sink, listener.fileno())
            self._ask(
                {"id": identity, "program": "serve", "words": [], "environment": dict(environment)},
                descriptors,
            )
            os.close(sink)
        container.ended_by(lambda: self._end(identity, ended))
        task = asyncio.create_task(_follow(container, source, address, ended))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        return container

    async def manage(
        self, environment: Mapping[str, str], words: Sequence[str], stdin: bytes
    ) -> tuple[bytes, bytes, int]:
        """Run `manage.py` with `words`; returns its output, its errors and its exit code."""
        await self.start()
        identity, ended = self._expect()
        pipes = [os.pipe() for _ in range(3)]
        theirs = (pipes[0][0], pipes[1][1], pipes[2][1])
        request = {
            "id": identity,
            "program": "manage",
            "words": list(words),
            "environment": dict(environment),
        }
        self._ask(request, theirs)
        for descriptor in theirs:
            os.close(descriptor)
        output, errors, _ = await asyncio.gather(
            _read_all(pipes[1][0]), _read_all(pipes[2][0]), asyncio.to_thread(_write_all, pipes[0][1], stdin)
        )
        return output, errors, await ended

    def _expect(self) -> tuple[int, asyncio.Future[int]]:
        self._count += 1
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ends[self._count] = ended
        return self._count, ended

    def _ask(self, request: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        if self._channel is None:
            raise RuntimeError("the Saleor stand-in has not been started")
        protocol.send(self._channel, request, descriptors)

    async def _end(self, identity: int, ended: asyncio.Future[int]) -> None:
        self._ask({"id": identity, "signal": int(signal.SIGTERM)})
        await asyncio.wait((ended,), timeout=GRACE_SECONDS)
        if not ended.done():
            self._ask({"id": identity, "signal": int(signal.SIGKILL)})

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise RuntimeError("the Saleor stand-in was started without a pipe for its reports")
        async for line in process.stdout:
            report = json.loads(line)
            ended = self._ends.pop(report.get("id"), None)
            if ended is not None:
                ended.set_result(report["code"])
        for ended in self._ends.values():
            ended.set_result(KILLED)
        self._ends.clear()


async def _follow(
    container: Container, source: int, address: tuple[str, int], ended: asyncio.Future[int]
) -> None:
    reader = await _reader_of(source)
    async for line in reader:
        text = line.decode(errors="replace").rstrip("\n")
        if text.startswith('{"port":'):
            container.listens_at(address)
        else:
            container.log(text)
    container.ends_with(await ended)


async def _reader_of(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    return reader


async def _read_all(descriptor: int) -> bytes:
    return await (await _reader_of(descriptor)).read()


def _write_all(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as pipe:
        # A program need not read what it is given.
        pipe.write(data)
