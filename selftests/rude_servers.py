"""Servers on 127.0.0.1 that do not play their part: silent, resetting, dripping, talking nonsense."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from sandbox.network.certificates import Certificate
from selftests.serving import in_a_thread

Behaviour = Callable[[socket.socket], None]


@dataclass
class Street:
    """The servers of one test session; all end with it."""

    stack: ExitStack = field(default_factory=ExitStack)
    over: threading.Event = field(default_factory=threading.Event)

    def house(self, behaviour: Behaviour) -> int:
        """Start a TCP server that behaves so on every connection; return its port."""
        return self.house_at(("127.0.0.1", 0), behaviour)

    def house_at(self, at: tuple[str, int], behaviour: Behaviour) -> int:
        """Start a TCP server at this host and port; return its port."""
        listener = socket.create_server(at)
        self.stack.callback(listener.close)
        threading.Thread(target=self._serve, args=(listener, behaviour), daemon=True).start()
        return int(listener.getsockname()[1])

    def _serve(self, listener: socket.socket, behaviour: Behaviour) -> None:
        while not self.over.is_set():
            try:
                guest, _ = listener.accept()
            except OSError:
                return  # the street is closed
            threading.Thread(target=self._attend, args=(guest, behaviour), daemon=True).start()

    @staticmethod
    def _attend(guest: socket.socket, behaviour: Behaviour) -> None:
        with guest:
            try:
                behaviour(guest)
            except OSError:
                return  # the guest has left

    def says_nothing(self, guest: socket.socket) -> None:
        """Accept, and never speak."""
        del guest
        self.over.wait(60)

    def resets(self, guest: socket.socket) -> None:
        """Wait for the first words, then reset the connection."""
        guest.recv(1)
        guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def closes(self, guest: socket.socket) -> None:
        """Wait for the first words, then hang up politely."""
        guest.recv(65536)

    def speaks(self, words: bytes) -> Behaviour:
        """Answer whatever is said with `words`, and hang up."""

        def speak(guest: socket.socket) -> None:
            guest.recv(65536)
            guest.sendall(words)
            guest.shutdown(socket.SHUT_WR)
            guest.settimeout(1)
            while guest.recv(65536):
                continue

        return speak

    def drips(self, words: bytes) -> Behaviour:
        """Answer with `words`, and then with one byte after another, for ever."""

        def drip(guest: socket.socket) -> None:
            guest.recv(65536)
            guest.sendall(words)
            while not self.over.is_set():
                guest.sendall(b"x")
                time.sleep(0.1)

        return drip

    def speaks_first_then_nothing(self, words: bytes) -> Behaviour:
        """Answer once, then never again."""

        def speak(guest: socket.socket) -> None:
            guest.recv(65536)
            guest.sendall(words)
            self.over.wait(60)

        return speak

    def https(
        self,
        certificate: Certificate,
        *,
        newest: ssl.TLSVersion | None = None,
        oldest: ssl.TLSVersion | None = None,
    ) -> int:
        """Start an HTTPS server with this certificate; return its port."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Friendly)
        server.daemon_threads = True
        context = certificate.server_context()
        if newest is not None:
            context.maximum_version = newest
        if oldest is not None:
            context.minimum_version = oldest
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self._run(server)
        return server.server_port

    def http(self) -> int:
        """Start a plain HTTP server; return its port."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Friendly)
        server.daemon_threads = True
        self._run(server)
        return server.server_port

    def _run(self, server: ThreadingHTTPServer) -> None:
        self.stack.enter_context(in_a_thread(server))

    def name_server(
        self,
        answer: Callable[[dns.message.Message], dns.message.Message | None],
        at: tuple[str, int] = ("127.0.0.1", 0),
    ) -> str:
        """Start a DNS server; return its host:port."""
        plug = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        plug.bind(at)
        self.stack.callback(plug.close)

        def serve() -> None:
            while not self.over.is_set():
                try:
                    packet, guest = plug.recvfrom(4096)
                except OSError:
                    return  # the street is closed
                said = answer(dns.message.from_wire(packet))
                if said is not None:
                    plug.sendto(said.to_wire(), guest)

        threading.Thread(target=serve, daemon=True).start()
        return f"{at[0]}:{plug.getsockname()[1]}"


class _Friendly(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"status": "ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Keep quiet."""


def answers(code: dns.rcode.Rcode, *addresses: str) -> Callable[[dns.message.Message], dns.message.Message]:
    """Return what a name server does that answers every question so, with authority."""

    def answer(question: dns.message.Message) -> dns.message.Message:
        response = dns.message.make_response(question)
        response.flags |= dns.flags.AA
        response.set_rcode(code)
        if addresses:
            response.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "A", *addresses))
        return response

    return answer


@contextmanager
def street() -> Iterator[Street]:
    """Open a street, and close it."""
    opened = Street()
    try:
        yield opened
    finally:
        opened.over.set()
        opened.stack.close()
