"""The sandbox's AWS: moto's server behind the sandbox's own rules, in a process of its own.

`python -m sandbox.aws.server --port 0` prints `{"port": n}` once it listens on 127.0.0.1, and ends on SIGTERM, when its
parent dies, or when a pipe on its standard input closes.
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
from sandbox.names import ACCOUNT, REGION

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

SERVICES = (
    "ec2",
    "iam",
    "sts",
    "s3",
    "rds",
    "elasticache",
    "route53",
    "acm",
    "elbv2",
    "ecr",
    "eks",
    "dynamodb",
    "cloudfront",
)
_GLOBAL = frozenset({"iam", "sts", "s3", "route53", "cloudfront"})
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    # moto issues pending certificates by itself after this many seconds.
    "MOTO_ACM_VALIDATION_WAIT": str(10**9),
    "AWS_DEFAULT_REGION": REGION,
}
_MISLEADING = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop."""
    options = _parser().parse_args(arguments)
    _die_with_parent()
    os.environ.update(_SETTINGS)
    for name in _MISLEADING:
        os.environ.pop(name, None)
    server = _make_server(options.port, Controls(options.latency))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(json.dumps({"port": server.port}), flush=True)  # noqa: T201  the parent reads it
    server.serve_forever()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    return parser


def _make_server(port: int, controls: Controls) -> Any:
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415  (after the settings above)

    from sandbox.aws.interruptions import ConnectionCutError  # noqa: PLC0415
    from sandbox.aws.middleware import SandboxAws  # noqa: PLC0415

    class Handler(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Keep quiet: the calls are counted."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionCutError:
                self.close_connection = True

    return make_server("127.0.0.1", port, SandboxAws(_load_moto(), controls), threaded=True, request_handler=Handler)


def _load_moto() -> WSGIApplication:
    """Load moto with all the services that the sandbox has, so that no first call has to."""
    from moto.backends import get_backend  # noqa: PLC0415
    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
        DomainDispatcherApplication,
        create_backend_app,
    )

    application = DomainDispatcherApplication(create_backend_app)
    for service in SERVICES:
        stores: Any = get_backend(service)  # type: ignore[call-overload]  # any service name
        _ = stores[ACCOUNT]["aws" if service in _GLOBAL else REGION]
    return application  # type: ignore[no-any-return]


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
