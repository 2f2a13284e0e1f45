"""The sandbox's AWS: moto's server behind the sandbox's own rules, in a process of its own.

`python -m sandbox.aws.server --port 0` prints `{"port": n}` once it listens on 127.0.0.1, and ends on
SIGTERM, when its parent dies, or when a pipe on its standard input closes.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import stat
import sys
import threading
from typing import TYPE_CHECKING, Any

from sandbox.aws.controls import Controls
from sandbox.aws.loading import load_moto

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    options = _parser().parse_args(arguments)
    _die_with_parent()
    moto = load_moto()
    server = _make_server(options.port, moto, Controls(options.latency))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(json.dumps({"port": server.port}), flush=True)
    threading.Thread(target=moto.prepare, daemon=True).start()
    server.serve_forever()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    return parser


def _make_server(port: int, moto: WSGIApplication, controls: Controls) -> Any:
    from werkzeug.serving import WSGIRequestHandler, make_server

    from sandbox.aws.middleware import SandboxAws

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep quiet: the calls are counted."""

        def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
            """Read nothing more from a connection that the client, or the sandbox itself, has cut."""
            _ = error, environ
            self.close_connection = True

    return make_server("127.0.0.1", port, SandboxAws(moto, controls), threaded=True, request_handler=Handler)


def _die_with_parent() -> None:
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("sandbox.aws.server: the parent went away before the start")
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
