"""The page as an ASGI application, for uvicorn."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

PAGE = Path(os.environ["PAGE"]).read_bytes()
ENCODERS: dict[str, Callable[[bytes], bytes]] = {"/gzip": gzip.compress, "/deflate": zlib.compress}
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def application(scope: dict[str, Any], _: Any, send: Send) -> None:
    """Answer with the page: as it is, encoded, or in parts and so chunked."""
    if scope["type"] != "http":
        return
    path = scope["path"]
    status = int(path[1:]) if path in ("/204", "/304") else 200
    headers: list[tuple[bytes, bytes]] = []
    parts = [PAGE]
    if path in ENCODERS:
        headers = [(b"content-encoding", path[1:].encode())]
        parts = [ENCODERS[path](PAGE)]
    elif status != 200:
        parts = []
    elif path == "/chunked":
        parts = [PAGE[at : at + 7000] for at in range(0, len(PAGE), 7000)]
    else:
        headers = [(b"content-length", str(len(PAGE)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
