"""The page as a WSGI application, for gunicorn."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PAGE = Path(os.environ["PAGE"]).read_bytes()
ENCODERS: dict[str, Callable[[bytes], bytes]] = {"/gzip": gzip.compress, "/deflate": zlib.compress}


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the page: as it is, encoded, or in parts and so chunked."""
    path = environ["PATH_INFO"]
    if path in ENCODERS:
        start("200 OK", [("Content-Encoding", path[1:])])
        return [ENCODERS[path](PAGE)]
    if path in ("/204", "/304"):
        start(f"{path[1:]} Nothing", [])
        return []
    if path == "/chunked":
        start("200 OK", [])
        return (PAGE[at : at + 7000] for at in range(0, len(PAGE), 7000))
    start("200 OK", [("Content-Length", str(len(PAGE)))])
    return [PAGE]
