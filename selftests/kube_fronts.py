"""What stands between a client and an API server: HTTP proxies, and front doors with TLS of their own."""

from __future__ import annotations

import base64
import contextlib
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from selftests.kube_api_server import Served
from selftests.rude_servers import Street
from selftests.serving import in_a_thread

_PASSED_ON = ("Authorization", "Accept", "Impersonate-User", "Impersonate-Group", "Impersonate-Uid")


class Proxy:
    """An HTTP proxy that knows CONNECT: every name is 127.0.0.1, a login is asked for where one is given."""

    def __init__(self, street: Street, login: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self._login = base64.b64encode(login.encode()).decode() if login else ""
        self._tls = tls
        self.port = street.house(self._serve)

    def _serve(self, guest: socket.socket) -> None:
        guest = self._tls.wrap_socket(guest, server_side=True) if self._tls else guest
        head = b""
        while b"\r\n\r\n" not in head:
            more = guest.recv(4096)
            if not more:
                return
            head += more
        _, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.asked.append(target)
        if self._login and f"Basic {self._login}" not in head.decode():
            guest.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])), timeout=10) as behind:
            guest.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(guest, behind)
        guest.close()


def _relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        pending = isinstance(one, ssl.SSLSocket) and one.pending()
        ready = [one] if pending else select.select([one, other], [], [], 30)[0]
        if not ready:
            return
        for each in ready:
            data = each.recv(65536)
            if not data:
                return
            (other if each is one else one).sendall(data)


@contextmanager
def front_door(
    served: Served, tls: ssl.SSLContext, prefix: str = "", host: str = "127.0.0.1"
) -> Iterator[int]:
    """Serve what is under `prefix` from the API server behind; give the port."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.answer(404, "text/html", b"<html>no cluster of that name</html>")
                return
            headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
            with requests.Session() as session:
                session.trust_env = False
                path = self.path.removeprefix(prefix)
                got = session.get(served.url + path, headers=headers, verify=str(served.ca_file), timeout=10)
            self.answer(got.status_code, got.headers["Content-Type"], got.content)

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Keep quiet."""

    class Doors(ThreadingHTTPServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: object, client_address: object) -> None:
            """Keep quiet: a handshake that fails is what some clients are tried for."""

        def finish_request(self, request: object, client_address: object) -> None:
            assert isinstance(request, socket.socket)
            with contextlib.suppress(OSError), tls.wrap_socket(request, server_side=True) as inside:
                super().finish_request(inside, client_address)

    with in_a_thread(Doors((host, 0), Door)) as doors:
        yield doors.server_port
