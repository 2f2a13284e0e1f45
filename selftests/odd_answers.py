"""Odd answers to an HTTP request: by what is in them, and by how they are sent."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import zlib

from selftests.rude_servers import Behaviour, Street

HEAD = b"HTTP/1.1 200 OK\r\n"
_MIB = 1 << 20


def whole(body: bytes, *headers: bytes) -> bytes:
    """Return an answer that is complete."""
    lines = (*headers, b"Content-Length: %d" % len(body))
    return HEAD + b"\r\n".join(lines) + b"\r\n\r\n" + body


def bomb(mebibytes: int) -> bytes:
    """Return zeros as one gzip stream, which takes a thousandth of that."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    first = packed.compress(bytes(_MIB)) + packed.flush(zlib.Z_FULL_FLUSH)
    again = packed.compress(bytes(_MIB)) + packed.flush(zlib.Z_FULL_FLUSH)
    # After a full flush, nothing refers to what came before.
    return first + again * (mebibytes - 1) + packed.flush()


def _data(value: object) -> bytes:
    return whole(json.dumps({"data": value}).encode())


# HTTP all of them, and nothing that an API says.
CONTENTS: dict[str, bytes] = {
    "html": whole(b"<html><body>Please sign in</body></html>", b"Content-Type: text/html"),
    "empty": whole(b""),
    "object": whole(b"{}"),
    "list": whole(b"[]"),
    "null": whole(b"null"),
    "number": whole(b"5"),
    "text": whole(b'"shop"'),
    "deep lists": whole(b"[" * 100_000),
    "deep objects": whole(b'{"data":' * 50_000),
    "other bytes": whole(bytes(range(256)) * 40),
    "half a character": whole(b'{"data": {"shop": {"name": "\xed\x95'),
    "errors that are a number": whole(b'{"errors": 5}'),
    "errors of every kind": whole(b'{"errors": [5, null, [], {}, {"message": {"a": 1}}]}'),
    "data that is a number": _data(5),
    "data that is a list": _data([1]),
    "shop that is a list": _data({"shop": [1], "products": [1]}),
    "shop that is null": _data({"shop": None, "products": None}),
    "shop that is a text": _data({"shop": "x", "products": "x"}),
    "name that is a number": _data({"shop": {"name": 5}, "products": {"edges": 5}}),
    "name that is empty": _data({"shop": {"name": ""}, "products": {"edges": None}}),
    "huge number": whole(b'{"data": {"shop": ' + b"9" * 5000 + b"}}"),
    "cut gzip": whole(gzip.compress(b'{"data": {}}' * 99)[:40], b"Content-Encoding: gzip"),
    "gzip bomb": whole(bomb(1024), b"Content-Encoding: gzip"),
    "redirect to itself": b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    "redirect that is no text": b"HTTP/1.1 301 M\r\nLocation: \xff\xfe\x00//[::\r\nContent-Length: 0\r\n\r\n",
    "redirect in Korean": "HTTP/1.1 301 M\r\nLocation: //상점.test:x/\r\nContent-Length: 0\r\n\r\n".encode(),
    "odd header names": HEAD + b"\x00\xff: \x01\r\n: x\r\nno colon\r\n folded\r\n\r\n{}",
    "lengths of two kinds": HEAD + b"Content-Length: abc\r\n\r\n{}",
    "no content": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    "unknown status": b"HTTP/1.1 799 What\r\nContent-Length: 0\r\n\r\n",
    "unknown encoding": whole(b"{}", b"Content-Encoding: sdch"),
    "cookie": whole(b"{}", b"Set-Cookie: a=b; Domain=\xff; Expires=never"),
    "longer than its length": HEAD + b"Content-Length: 2\r\n\r\n{}" + b"x" * 9000,
    "no blank line in the status": b"HTTP/1.0 200\r\n\r\nok",
}  # fmt: skip

# Nothing that can be called an answer.
BROKEN: dict[str, bytes] = {
    "nothing": b"",
    "bad status line": b"\x00\x01 what is this\r\n\r\n",
    "status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "status of one digit": b"HTTP/1.1 2 OK\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18),
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "half a status line": b"HTTP/1",
    "status line only": HEAD,
    "half a head": HEAD + b"Content-Ty",
    "cut body": HEAD + b"Content-Length: 100\r\n\r\nhalf",
    "cut chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nhalf",
    "no last chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    "bad chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "wrong gzip": whole(b'{"data": {}}', b"Content-Encoding: gzip"),
    "wrong deflate": whole(b"\xff\xfe\xfd{}", b"Content-Encoding: deflate"),
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}",
    "too many headers": HEAD + b"".join(b"X-%d: y\r\n" % one for one in range(5000)) + b"\r\n",
    "too long a header": HEAD + b"X: " + b"y" * 3_000_000 + b"\r\n\r\n",
    "too long a status line": b"HTTP/1.1 200 " + b"y" * 3_000_000 + b"\r\n\r\n",
    "interim answers only": b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
    "hints only": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 9,
}


def behaviours(street: Street) -> dict[str, Behaviour]:
    """Return what a server does that gives no answer, or never ends it."""

    def reset_amid(guest: socket.socket) -> None:
        guest.recv(65536)
        guest.sendall(HEAD + b"Content-Length: 100\r\n\r\nhalf")
        guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return {
        "silence": street.says_nothing,
        "reset": street.resets,
        "reset amid the body": reset_amid,
        "closed": street.closes,
        "drip in the status": street.drips(b"HTTP/1.1 2"),
        "drip in the head": street.drips(HEAD + b"X-Slow: "),
        "drip in the body": street.drips(HEAD + b"Content-Length: 100000\r\n\r\n"),
        "drip without a length": street.drips(HEAD + b"\r\n"),
        "drip in a chunk": street.drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"),
        "drip in a chunk size": street.drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1"),
        "silence in the body": street.speaks_first_then_nothing(HEAD + b"Content-Length: 10\r\n\r\n{"),
    }


def flood(guest: socket.socket) -> None:
    """Answer with 100 MB."""
    guest.recv(65536)
    guest.sendall(HEAD + b"\r\n")
    for _ in range(100):
        guest.sendall(b" " * _MIB)
