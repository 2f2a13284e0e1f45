"""The ways in which an API server can fail its clients as a whole."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Final, Literal

from aiohttp import web

from sandbox.kube_api.errors import ApiError, unauthorized

Mode = Literal["", "hang", "reset", "garbage", "401", "403", "429", "500"]

_FOREVER_S: Final = 86_400.0
_NO_LINGER: Final = struct.pack("ii", 1, 0)


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        connection: socket.socket = transport.get_extra_info("socket")
        # A close without lingering makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()
    return web.Response()


async def misbehave(request: web.Request, mode: Mode, retry_after_s: int) -> web.Response:
    """Fail the request in this mode; ApiError for the modes that are a plain refusal."""
    match mode:
        case "hang":
            await asyncio.sleep(_FOREVER_S)
            return web.Response()
        case "reset":
            return _reset(request)
        case "garbage":
            return web.Response(body=b'{"kind": "\x00\xff', content_type="application/json")
        case "401":
            raise unauthorized()
        case "403":
            raise ApiError(
                403, "Forbidden", f"forbidden: access to {json.dumps(request.path)} is refused", details={}
            )
        case "429":
            raise ApiError(
                429,
                "TooManyRequests",
                "Too many requests, please try again later.",
                details={"retryAfterSeconds": retry_after_s},
                retry_after=retry_after_s,
            )
        case _:
            raise ApiError(
                500, "InternalError", "an error on the server has prevented the request from succeeding"
            )
