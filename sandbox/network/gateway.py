"""The way to a database or a cache: a TCP relay that security groups open and close."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Literal

from sandbox.network.relay import CHUNK, relay

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

Mode = Literal["relay", "silent", "refuse"]
State = Literal["relay", "silent", "refuse", "closed"]

HOST = "127.0.0.1"
BACKLOG = 128
FILLERS = 4
FILLER_SECONDS = 0.05


def admit_all() -> bool:
    """Admit everybody."""
    return True


class Gateway:
    """A relay on a fixed port of 127.0.0.1.

    While `admits()` is false a new connection is answered by nothing at all, as behind a closed security
    group, and present ones are cut. `refuse` answers with a reset; `silent` accepts (TLS included) and
    then says nothing. `latency` seconds pass before each answer, without limiting the throughput.
    """

    def __init__(  # noqa: PLR0913  one keyword an aspect of a network path
        self,
        name: str,
        target: tuple[str, int],
        *,
        listen_port: int = 0,
        admits: Callable[[], bool] = admit_all,
        tls: ssl.SSLContext | None = None,
        latency: float = 0.0,
        look_every: float = 0.1,
    ) -> None:
        self.name = name
        self.port = listen_port
        self.target = target
        self.mode: Mode = "relay"
        self._admits = admits
        self._tls = tls
        self._latency = latency
        self._look_every = look_every
        self._state: State = "refuse"
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._sessions: set[asyncio.Task[None]] = set()
        self._terminator: asyncio.Server | None = None
        self._terminates_at: tuple[str, int] = (HOST, 0)
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Start to listen; returns the port, which stays the same whatever the state."""
        if self._tls is not None:
            self._terminator = await asyncio.start_server(self._attend_decrypted, HOST, 0, ssl=self._tls)
            self._terminates_at = self._terminator.sockets[0].getsockname()
        self._rebind()
        await self.refresh()
        self._watch = asyncio.create_task(self._keep_looking())
        return self.port

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._watch is not None:
            self._watch.cancel()
        self._close_listener()
        await self._cut()
        if self._terminator is not None:
            self._terminator.close()

    async def set_mode(self, mode: Mode) -> None:
        """Change what happens to those who are admitted."""
        self.mode = mode
        await self.refresh()

    async def refresh(self) -> None:
        """Ask `admits()` now instead of at the next regular look."""
        state: State = self.mode if self._admits() else "closed"
        if state == self._state:
            return
        self._state = state
        self._close_listener()
        await self._cut()
        listener = self._rebind()
        if state == "closed":
            listener.listen(0)
            if not self._fill():
                # A kernel that queues without end: then accept, and say nothing.
                self._listen(listener)
        elif state != "refuse":
            self._listen(listener)

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            await self.refresh()

    def _rebind(self) -> socket.socket:
        # A bound socket that does not listen keeps the port ours and refuses connections.
        self._close_listener()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        listener.setblocking(False)
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        return listener

    def _fill(self) -> bool:
        """With its queue full and nobody accepting, the kernel drops each further SYN: a silent port."""
        for _ in range(FILLERS):
            filler = socket.socket()
            filler.settimeout(FILLER_SECONDS)
            try:
                filler.connect((HOST, self.port))
            except TimeoutError:
                filler.close()
                if self._fillers:
                    return True
            else:
                self._fillers.append(filler)
        return not self._fillers

    def _listen(self, listener: socket.socket) -> None:
        listener.listen(BACKLOG)
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        session = asyncio.create_task(self._serve(client))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        if self._terminator is None or self._state == "closed":
            await self._attend(reader, writer, self._latency)
        else:
            await _until_broken(relay(reader, writer, self._terminates_at, self._latency), writer)

    async def _attend_decrypted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The delay line lies in front of TLS, so that the handshake is late as well.
        await self._attend(reader, writer, 0.0)

    async def _attend(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float
    ) -> None:
        if self.mode == "silent" or self._state == "closed":
            await _until_broken(_listen_only(reader), writer)
        else:
            await _until_broken(relay(reader, writer, self.target, latency), writer)

    def _close_listener(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    async def _cut(self) -> None:
        sessions = tuple(self._sessions)
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


async def _listen_only(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK):
        pass


async def _until_broken(conversation: Coroutine[None, None, None], writer: asyncio.StreamWriter) -> None:
    """Hold the conversation to its end; if it breaks, the client sees its connection break as well."""
    try:
        await conversation
    except OSError:
        writer.transport.abort()
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()
