"""`exec` over SPDY/3.1, for kubectl older than 1.31 (Debian's is 1.20), which knows no WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import web

from sandbox.kube_api import errors
from sandbox.kube_api.kubelet import ContainerOf, ExecResult, Kubelet, exit_status
from sandbox.kube_api.requests import truthy

PROTOCOL: Final = "v4.channel.k8s.io"
_SYN_STREAM, _SYN_REPLY, _PING = 1, 2, 6
_CONTROL: Final = 0x8003
_FINAL: Final = 1
_LONGEST_DATA: Final = 16_384
_LONGEST_WAIT_S: Final = 30.0
_LAST_WORDS_S: Final = 1.0
# The preset dictionary of SPDY/3 header compression: length-prefixed words, then loose text.
_WORDS: Final = [
    "options",
    "head",
    "post",
    "put",
    "delete",
    "trace",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-base",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "method",
    "get",
    "status",
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
]
_TEXT: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 "
    "Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 "
    "Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xm"
    "l,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-"
    "age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
_DICTIONARY: Final = (
    b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS) + _TEXT.encode()
)


@dataclass(frozen=True)
class Frame:
    """A frame from the client; `kind` is 0 for data, `final` says that its side of the stream ends."""

    kind: int
    stream: int
    final: bool
    payload: bytes


class FrameReader:
    """Cuts the bytes of an upgraded connection into frames; None in the queue means that it ended."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame | None] = asyncio.Queue()
        self._buffer = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes from the connection (the parser interface of aiohttp's request protocol)."""
        self._buffer += data
        while len(self._buffer) >= 8:
            first, rest = struct.unpack(">II", self._buffer[:8])
            size = rest & 0xFFFFFF
            if len(self._buffer) < 8 + size:
                break
            payload, self._buffer = self._buffer[8 : 8 + size], self._buffer[8 + size :]
            is_control = first >> 31
            stream = 0 if is_control else first
            kind = first & 0xFFFF if is_control else 0
            self.frames.put_nowait(Frame(kind, stream, bool(rest >> 24 & _FINAL), payload))
        return False, b""

    def feed_eof(self) -> None:
        """Note the end of the connection."""
        self.frames.put_nowait(None)


class _Session:
    """One upgraded connection: which streams are open, and what came in on stdin."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.streams: dict[str, int] = {}
        self.stdin = bytearray()
        self.stdin_ended = False
        self._transport = transport
        self._inflate = zlib.decompressobj(zdict=_DICTIONARY)
        self._deflate = zlib.compressobj(zdict=_DICTIONARY)

    def _control(self, kind: int, payload: bytes) -> None:
        head = struct.pack(">HHI", _CONTROL, kind, len(payload))
        self._transport.write(head + payload)

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._inflate.decompress(block)
        parts: list[str] = []
        position = 4
        while position < len(plain):
            (size,) = struct.unpack(">I", plain[position : position + 4])
            parts.append(plain[position + 4 : position + 4 + size].decode())
            position += 4 + size
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def receive(self, frame: Frame) -> None:
        """Answer a new stream or a ping, keep what arrives on stdin."""
        if frame.kind == _SYN_STREAM:
            (stream,) = struct.unpack(">I", frame.payload[:4])
            self.streams[self._headers(frame.payload[10:]).get("streamtype", "")] = stream
            no_headers = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            self._control(_SYN_REPLY, struct.pack(">I", stream) + no_headers)
        elif frame.kind == _PING:
            self._control(_PING, frame.payload)
        elif frame.kind == 0 and frame.stream == self.streams.get("stdin"):
            self.stdin += frame.payload
            self.stdin_ended = self.stdin_ended or frame.final

    def send(self, name: str, data: bytes) -> None:
        """Send everything on one stream and end it."""
        stream = self.streams.get(name)
        if stream is None:
            return
        pieces = [data[at : at + _LONGEST_DATA] for at in range(0, len(data), _LONGEST_DATA)] or [b""]
        for number, piece in enumerate(pieces, start=1):
            flags = _FINAL if number == len(pieces) else 0
            self._transport.write(struct.pack(">II", stream, flags << 24 | len(piece)) + piece)


async def _receive_streams(session: _Session, reader: FrameReader, wanted: set[str]) -> bool:
    """Return whether all streams came; the answer has begun, so a client that fails can only be left."""
    while wanted - set(session.streams) or ("stdin" in wanted and not session.stdin_ended):
        try:
            frame = await asyncio.wait_for(reader.frames.get(), _LONGEST_WAIT_S)
        except TimeoutError:
            return False
        if frame is None:
            return False
        session.receive(frame)
    return True


async def run_exec(request: web.Request, kubelet: Kubelet, container: ContainerOf) -> web.StreamResponse:
    """Upgrade to SPDY/3.1, run the command, send its output and its exit status."""
    if PROTOCOL not in ",".join(request.headers.getall("X-Stream-Protocol-Version", [])):
        raise errors.bad_request("unable to upgrade: unable to negotiate protocol")
    headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": PROTOCOL}
    answer = web.StreamResponse(status=101, headers=headers)
    await answer.prepare(request)
    transport = request.transport
    if transport is None:
        return answer
    reader = FrameReader()
    # aiohttp names its own WebSocket reader here, but asks of a parser only feed_data and feed_eof.
    request.protocol.set_parser(cast("Any", reader))
    session = _Session(transport)
    wanted = {"error"} | {name for name in ("stdin", "stdout", "stderr") if truthy(request.query.get(name))}
    try:
        if not await _receive_streams(session, reader, wanted):
            return answer
        command = tuple(request.query.getall("command", []))
        place = (container.namespace, container.pod, container.name)
        result: ExecResult = await kubelet.exec(*place, command, bytes(session.stdin))
        session.send("stdout", result.stdout)
        session.send("stderr", result.stderr)
        session.send("error", json.dumps(exit_status(result.exit_code)).encode())
        await _drain(reader, session)
    finally:
        transport.close()
    return answer


async def _drain(reader: FrameReader, session: _Session) -> None:
    """Answer the client until it leaves: closing first would cut off what it has not read yet."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_S):
            while (frame := await reader.frames.get()) is not None:
                session.receive(frame)
