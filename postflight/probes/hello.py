"""The first flight of a TLS handshake, spoken by hand.

Most builds of OpenSSL do not offer TLS 1.0 or 1.1 at all, so whether a server takes them is learnt by saying
hello and reading its answer. Nothing here is trusted or secret: the handshake goes no further.
Formats: RFC 5246 section 7.4, RFC 6066 (server name), RFC 8422 (curves).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

from postflight.probes.addresses import a_label
from postflight.probes.tcp import Stream

TLS_1_0, TLS_1_1, TLS_1_2 = 0x0301, 0x0302, 0x0303

_ALERT, _HANDSHAKE = 21, 22
_SERVER_HELLO, _SHORTEST_SERVER_HELLO = 2, 4 + 38
# ECDHE and RSA with AES (GCM, then CBC), ChaCha20, and the signalling value of RFC 5746.
_CIPHERS = (
    0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014, 0x009C, 0x009D, 0x002F,
    0x0035, 0x000A, 0x00FF,
)  # fmt: skip
_CURVES = (0x001D, 0x0017, 0x0018, 0x0019)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
_MOST_BYTES = 1 << 18
_WARNING, _CLOSE_NOTIFY, _PROTOCOL_VERSION = b"\x01", b"\x00", b"\x46"


@dataclass(frozen=True)
class ServerFlight:
    """What a server answered to a hello: the version it chose (None: it declined).

    `is_tls`: it chose a version, or its alert says that it takes none of those offered. Another alert says
    nothing of versions: the server may refuse the name, or every hello.
    """

    version: int | None
    is_tls: bool = True


def greet(stream: Stream, host: str, version: int) -> ServerFlight:
    """Offer one version at most, and read what the server answers. Raises Trouble when it says nothing."""
    stream.sendall(client_hello(host, version))
    return _read_flight(stream)


def client_hello(host: str, version: int) -> bytes:
    """Return the record of a ClientHello that offers no version above `version`."""
    extensions = _extension(0x0000, _server_name(host)) if not _is_address(host) else b""
    extensions += _extension(0x000A, _vector16(b"".join(struct.pack("!H", curve) for curve in _CURVES)))
    extensions += _extension(0x000B, b"\x01\x00")
    if version >= TLS_1_2:
        extensions += _extension(0x000D, _vector16(b"".join(struct.pack("!H", one) for one in _SIGNATURES)))
    ciphers = b"".join(struct.pack("!H", cipher) for cipher in _CIPHERS)
    body = struct.pack("!H", version) + os.urandom(32) + b"\x00" + _vector16(ciphers) + b"\x01\x00"
    body += _vector16(extensions)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", _HANDSHAKE, min(version, TLS_1_0), len(message)) + message


def _read_flight(stream: Stream) -> ServerFlight:
    messages = b""
    while len(messages) < _MOST_BYTES:
        kind, length = _read_header(stream)
        if kind not in (_HANDSHAKE, _ALERT):
            return ServerFlight(None, is_tls=False)
        content = stream.receive_exactly(length)
        if kind == _ALERT:
            # A warning, such as of an unknown name, does not end the handshake.
            if content[:1] == _WARNING and content[1:] != _CLOSE_NOTIFY:
                continue
            return ServerFlight(None, is_tls=content[1:] == _PROTOCOL_VERSION)
        messages += content
        while len(messages) >= 4 + int.from_bytes(messages[1:4], "big"):
            size = 4 + int.from_bytes(messages[1:4], "big")
            message, messages = messages[:size], messages[size:]
            if message[0] == _SERVER_HELLO and size >= _SHORTEST_SERVER_HELLO:
                return ServerFlight(struct.unpack("!H", message[4:6])[0])
    return ServerFlight(None, is_tls=False)


def _read_header(stream: Stream) -> tuple[int, int]:
    """Return kind and length of the next record; whatever is no record of TLS counts as declining."""
    first = stream.receive(1)
    if not first or first[0] not in (_ALERT, _HANDSHAKE):
        return 0, 0
    version, length = struct.unpack("!HH", stream.receive_exactly(4))
    return (first[0], length) if version >> 8 == TLS_1_0 >> 8 else (0, 0)


def _server_name(host: str) -> bytes:
    name = a_label(host).encode()
    return _vector16(b"\x00" + _vector16(name))


def _extension(number: int, content: bytes) -> bytes:
    return struct.pack("!H", number) + _vector16(content)


def _vector16(content: bytes) -> bytes:
    return struct.pack("!H", len(content)) + content


def _is_address(host: str) -> bool:
    from postflight.probes.addresses import is_address

    return is_address(host)
