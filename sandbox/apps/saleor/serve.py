"""Serves the stand-in by HTTP: `python -m sandbox.apps.saleor.serve --port 0`."""

import argparse
import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

HOST = "127.0.0.1"
BACKLOG = 64


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request, on a socket that is bound already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), Request, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        # Not server_bind(), which would look our own name up in DNS.
        self.server_name, self.server_port = listener.getsockname()
        self.setup_environ()
        listener.listen(BACKLOG)


class Request(WSGIRequestHandler):
    """Logs a request in one line on standard output."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name it has above
        """Write an access line."""
        sys.stdout.write(f"{self.address_string()} {format % args}\n")
        sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """Serve until killed; returns 1 if the environment does not allow a start."""
    parser = argparse.ArgumentParser(prog="serve")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fd", type=int, help="a bound socket to listen on, instead of a port")
    chosen = parser.parse_args(words)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sandbox.apps.saleor.settings")
    from django.core.exceptions import ImproperlyConfigured  # after the options, for --help

    from sandbox.apps.saleor.wsgi import make_application

    try:
        application = make_application()
    except ImproperlyConfigured as error:
        sys.stdout.write(f"django.core.exceptions.ImproperlyConfigured: {error}\n")
        return 1
    server = Server(_listener(chosen.fd, chosen.port))
    server.set_app(application)
    sys.stdout.write(json.dumps({"port": server.server_port}) + "\n")
    sys.stdout.flush()
    server.serve_forever()
    return 0


def _listener(fd: int | None, port: int) -> socket.socket:
    if fd is not None:
        return socket.socket(fileno=fd)
    listener = socket.socket()
    listener.bind((HOST, port))
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
