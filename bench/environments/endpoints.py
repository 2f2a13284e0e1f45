"""Health endpoints that answer after a while, and the names by which they are reached."""

import asyncio
from typing import Final

import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from sandbox.network.records import Answer

_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
)
_BACKLOG: Final = 4096


class _Endpoint(asyncio.Protocol):
    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if self._seen.endswith(b"\r\n\r\n"):
            asyncio.get_running_loop().call_later(self._latency_s, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)
            self._transport.close()


async def serve(latency_s: float) -> tuple[asyncio.Server, int]:
    """Serve every health endpoint on one port; what is asked for makes no difference."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Endpoint(latency_s), "127.0.0.1", 0, backlog=_BACKLOG)
    return server, int(server.sockets[0].getsockname()[1])


def everything_is_here(name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Answer:
    """Answer every name with 127.0.0.1."""
    if kind != dns.rdatatype.A:
        return Answer(dns.rcode.NOERROR)
    return Answer(dns.rcode.NOERROR, (dns.rrset.from_text(name, 60, "IN", "A", "127.0.0.1"),))
