"""Carries bytes between two connections, answers through a delay line."""

from __future__ import annotations

import asyncio

CHUNK = 65536
LINE_LENGTH = 64


async def relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: tuple[str, int],
    latency: float = 0.0,
) -> None:
    """Join a client to `target` until either is done; each answer arrives `latency` seconds later.

    Raises OSError when the target cannot be reached or a side breaks off.
    """
    server_reader, server_writer = await asyncio.open_connection(*target)
    requests = asyncio.create_task(_carry(reader, server_writer))
    answers = asyncio.create_task(_carry_late(server_reader, writer, latency))
    try:
        await asyncio.wait((requests, answers), return_when=asyncio.FIRST_EXCEPTION)
        for direction in (requests, answers):
            if direction.done():
                direction.result()
    finally:
        # Closed before anything is waited for: who is cancelled while waiting closes nothing any more.
        server_writer.close()
        for direction in (requests, answers):
            direction.cancel()
        await asyncio.gather(requests, answers, return_exceptions=True)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    _end(writer)


async def _carry_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float) -> None:
    if latency <= 0:
        await _carry(reader, writer)
        return
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(LINE_LENGTH)
    delivery = asyncio.create_task(_deliver(line, writer))
    now = asyncio.get_running_loop().time
    try:
        while data := await reader.read(CHUNK):
            await line.put((now() + latency, data))
        await line.put((now() + latency, b""))
        await delivery
    finally:
        delivery.cancel()


async def _deliver(line: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    now = asyncio.get_running_loop().time
    while True:
        due, data = await line.get()
        await asyncio.sleep(max(0.0, due - now()))
        if not data:
            break
        writer.write(data)
        await writer.drain()
    _end(writer)


def _end(writer: asyncio.StreamWriter) -> None:
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
