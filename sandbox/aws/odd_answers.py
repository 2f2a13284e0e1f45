"""Answers that are none of AWS's: what proxies, captive portals and broken connections send in its place."""

from __future__ import annotations

import json
import random
import re
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

from sandbox.aws.errors import Answer, error_answer
from sandbox.aws.interruptions import reset

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from sandbox.aws.operations import Operation

    # Makes an odd answer of an operation and of how to get the true one.
    Odd = Callable[[Operation, Callable[[], Answer]], Answer]

OTHER_ACCOUNT: Final = b"999999999999"
_OWN_ACCOUNT: Final = re.compile(rb"\b123456789012\b")
_PAGE: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>"
    b"<body><form action='/login'><input name='user'></form></body></html>\n"
)
_TOKEN: Final = "again"
_DRIP_S: Final = 0.2
_LONGEST_DRIP_S: Final = 60.0


def _says(body: bytes, content_type: str, *headers: tuple[str, str], status: int = 200) -> Odd:
    sent = (("Content-Type", content_type), ("Server", "squid/5.7"), *headers)
    return lambda _operation, _true: Answer(status, sent, body)


def _refused(kind: Any) -> Odd:
    return lambda operation, _true: error_answer(kind, operation, "somebody")


def _changed(change: Callable[[bytes], bytes]) -> Odd:
    def odd(_operation: Operation, true: Callable[[], Answer]) -> Answer:
        found = true()
        kept = tuple(
            pair for pair in found.headers if pair[0].lower() not in ("content-length", "x-amz-crc32")
        )
        return Answer(found.status, kept, change(found.body))

    return odd


_first_pages: dict[str, Answer] = {}


def _with_token(operation: Operation, true: Callable[[], Answer]) -> Answer:
    """Give the first page that was asked for, again and again, and always the same token for another one."""
    if operation.name not in _first_pages:
        _first_pages[operation.name] = _changed(lambda body: body)(operation, true)
    found = _first_pages[operation.name]
    if found.body.startswith(b"{"):
        in_json = ("nextToken", "NextToken", "LastEvaluatedTableName")
        page = json.loads(found.body) | dict.fromkeys(in_json, _TOKEN)
        return Answer(found.status, found.headers, json.dumps(page).encode())
    names = (
        "nextToken", "NextToken", "Marker", "NextMarker", "NextRecordName", "NextContinuationToken",
        "ContinuationToken",
    )  # fmt: skip
    tokens = "".join(f"<{name}>{_TOKEN}</{name}>" for name in names).encode()
    body = re.sub(rb"<(Next)?Marker */>|<(Next)?Marker>[^<]*</(Next)?Marker>", b"", found.body)
    body = re.sub(rb"<IsTruncated>\w+</IsTruncated>", b"<IsTruncated>true</IsTruncated>", body)
    inner = rb"(</\w+Result>)(\s*<ResponseMetadata>.*)?(</\w+>\s*)?\Z"
    place = re.search(inner, body, re.DOTALL) or re.search(rb"</[\w.]+>\s*\Z", body)
    cut = place.start() if place else len(body)
    return Answer(found.status, found.headers, body[:cut] + tokens + body[cut:])


ODD_ANSWERS: Final[Mapping[str, Odd]] = {
    "access-denied": _refused("denied"),
    "throttling": _refused("throttled"),
    "server-error": _refused("failed"),
    "html": _says(_PAGE, "text/html; charset=utf-8"),
    "nothing": _says(b"", "text/plain"),
    "object": _says(b"{}", "text/plain"),
    "list": _says(b"[]", "application/json"),
    "null": _says(b"null", "application/json"),
    "proxy-object": _says(b'{"error": "proxy"}', "application/json"),
    "bytes": _says(random.Random(7).randbytes(300), "application/octet-stream"),  # noqa: S311 - as good as any
    "gzip": _says(b"\x1f\x8b\x08\x00no", "application/json", ("Content-Encoding", "gzip")),
    "redirect": _says(b"", "text/html", ("Location", "https://login.example.test/"), status=302),
    "forbidden-page": _says(_PAGE, "text/html", status=403),
    "forbidden-object": _says(b'{"code": "403", "message": "blocked"}', "application/json", status=403),
    "missing-page": _says(_PAGE, "text/html", status=404),
    "unavailable-page": _says(_PAGE, "text/html", status=503),
    "cut": _changed(lambda body: body[: len(body) // 2]),
    "token": _with_token,
    "other-account": _changed(lambda body: _OWN_ACCOUNT.sub(OTHER_ACCOUNT, body)),
}
# What is done to the connection in place of an answer.
ODD_CONNECTIONS: Final = ("reset", "drip", "short")


def interrupt(how: str, connection: socket.socket, true: Callable[[], Answer]) -> NoReturn:
    """Cut a connection at once, after half of an answer (`short`), or let the answer drip for ever."""
    if how != "reset":
        body = true().body or _PAGE
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body) + 1}\r\n\r\n"
        connection.sendall(head.encode())
        if how == "short":
            connection.sendall(body[: len(body) // 2])
        else:
            _drip(connection, body)
    reset(connection)


def _drip(connection: socket.socket, body: bytes) -> None:
    ends = time.monotonic() + _LONGEST_DRIP_S
    for place in range(len(body)):
        if time.monotonic() > ends:
            return
        try:
            connection.sendall(body[place : place + 1])
        except OSError:
            return
        time.sleep(_DRIP_S)
