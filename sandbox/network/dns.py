"""A DNS server on one port of 127.0.0.1, UDP and TCP: the zones' authority, or a resolver."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    import dns.name
    import dns.rdatatype

    from sandbox.network.records import Answer

Mode = Literal["answer", "hang", "servfail"]

HOST = "127.0.0.1"
PLAIN_PAYLOAD = 512
LARGEST_PAYLOAD = 1232
LARGEST_MESSAGE = 65535
BIND_ATTEMPTS = 20


@dataclass
class Behaviour:
    """What a test may change while the server runs; `latency` is in seconds."""

    mode: Mode = "answer"
    latency: float = 0.0


class DnsServer:
    """Answers what `answer(name, type)` says; the name is absolute and in lower case.

    A resolver's answers are not authoritative.
    """

    def __init__(
        self,
        answer: Callable[[dns.name.Name, dns.rdatatype.RdataType], Answer],
        latency: float = 0.0,
        *,
        is_resolver: bool = False,
    ) -> None:
        self.port = 0
        self._is_resolver = is_resolver
        self.behaviour = Behaviour(latency=latency)
        self._answer = answer
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None
        self._pending: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen; returns the port, which is the same for UDP and TCP."""
        loop = asyncio.get_running_loop()
        for attempt in range(BIND_ATTEMPTS):
            self._streams = await asyncio.start_server(self._converse, HOST, port)
            self.port = int(self._streams.sockets[0].getsockname()[1])
            try:
                self._datagrams, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), local_addr=(HOST, self.port)
                )
            except OSError:
                self._streams.close()
                if port or attempt == BIND_ATTEMPTS - 1:
                    raise
            else:
                break
        return self.port

    async def stop(self) -> None:
        """Stop listening and drop what is not answered yet."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        for task in tuple(self._pending):
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)

    def receive(self, wire: bytes, send: Callable[[bytes], None]) -> None:
        """Answer one datagram later."""
        task = asyncio.create_task(self._respond(wire, send, limit=None))
        self._pending.add(task)
        task.add_done_callback(self._settle)

    def send_datagram(self, wire: bytes, address: tuple[str, int]) -> None:
        """Send one datagram from the server's port."""
        if self._datagrams is not None:
            self._datagrams.sendto(wire, address)

    def _settle(self, task: asyncio.Task[None]) -> None:
        self._pending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "DNS", "exception": error})

    async def _respond(self, wire: bytes, send: Callable[[bytes], None], limit: int | None) -> None:
        # A datagram's limit is None: its query states it.
        if self.behaviour.mode == "hang":
            return
        await asyncio.sleep(self.behaviour.latency)
        response = self._response(wire)
        if response is not None:
            send(response.to_wire(max_size=limit) if limit else _datagram(response))

    def _response(self, wire: bytes) -> dns.message.Message | None:
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR:
            return None
        response = dns.message.make_response(query, recursion_available=True, our_payload=LARGEST_PAYLOAD)
        self._fill(response, query)
        return response

    def _fill(self, response: dns.message.Message, query: dns.message.Message) -> None:
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return
        question = query.question[0]
        if self.behaviour.mode == "servfail":
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        if question.rdclass != dns.rdataclass.IN:
            response.set_rcode(dns.rcode.REFUSED)
            return
        found = self._answer(question.name.canonicalize(), question.rdtype)
        response.set_rcode(found.code)
        if found.code != dns.rcode.REFUSED and not self._is_resolver:
            response.flags |= dns.flags.AA
        response.answer.extend(found.answer)
        response.authority.extend(found.authority)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def send(wire: bytes) -> None:
            writer.write(len(wire).to_bytes(2, "big") + wire)

        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                await self._respond(await reader.readexactly(size), send, LARGEST_MESSAGE)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.receive(data, lambda wire: self._server.send_datagram(wire, addr))


def _payload(response: dns.message.Message) -> int:
    asked = response.request_payload if response.edns >= 0 else PLAIN_PAYLOAD
    return max(PLAIN_PAYLOAD, min(asked, LARGEST_PAYLOAD))


def _datagram(response: dns.message.Message) -> bytes:
    try:
        return response.to_wire(max_size=_payload(response))
    except dns.exception.TooBig:
        response.flags |= dns.flags.TC
        response.answer.clear()
        response.authority.clear()
        return response.to_wire()
