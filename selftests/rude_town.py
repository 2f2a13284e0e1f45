"""A town of rude servers, and how to look at each of them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype

from postflight.environment import Account, DatabaseLogin, Environment
from postflight.probes import dns as dns_probes
from postflight.probes import http, postgres, redis, tcp, tls
from postflight.probes.connections import Connections
from postflight.probes.dns_evidence import Server
from postflight.probes.postgres import PostgresServer
from postflight.probes.reads import Probe
from postflight.probes.redis import RedisServer
from sandbox.network.certificates import Authority
from selftests.rude_servers import Street, answers

PLAIN_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

Look = Callable[[], Any]
Case = tuple[str, str]


def resolving(question: dns.message.Message) -> dns.message.Message:
    """Answer every name with 127.0.0.1, as the resolver of a healthy network would."""
    is_address = question.question[0].rdtype == dns.rdatatype.A
    return answers(dns.rcode.NOERROR, *(("127.0.0.1",) if is_address else ()))(question)


def connections(resolver: str, ca: Path | None = None, authoritative: str | None = None) -> Connections:
    """Return what a run on 127.0.0.1 reaches things by."""
    environment = Environment(
        aws=Account(account="123456789012", region="ap-northeast-2"),
        resolver=resolver,
        authoritative=authoritative,
        ca=str(ca) if ca else None,
    )
    return Connections(environment, "outside", {})


def looking(reached: Connections, probe: Probe[..., Any], *args: Any) -> Look:
    """Return the look that a probe would take."""
    return probe.looking(reached, *args).look


def server(port: int, **changed: Any) -> PostgresServer:
    """Describe a PostgreSQL server on this port of name.test."""
    declared: dict[str, Any] = {"tls": "refused", "user": "app", "login": DatabaseLogin(), **changed}
    return PostgresServer(host="name.test", port=port, **declared)


def refusing_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


class Town:
    """Every rude server that there is, and how to look at each."""

    def __init__(self, opened: Street, folder: Path) -> None:
        self.street = opened
        self.authority = Authority("Trusted here")
        self.stranger = Authority("Trusted nowhere")
        self.ca = folder / "ca.pem"
        self.ca.write_text(self.authority.pem)
        self.resolver = opened.name_server(resolving)
        self.reached = connections(self.resolver, self.ca)

    def looks(self) -> dict[Case, Look]:
        """Return each case by protocol and misbehaviour."""
        return {**self._tls(), **self._http(), **self._postgres(), **self._redis(), **self._names()}

    def _handshake(self, port: int) -> Look:
        return looking(self.reached, tls.handshake, "name.test", port, str(self.ca))

    def _tls(self) -> dict[Case, Look]:
        good, street = self.authority, self.street
        return {
            ("tls", "healthy"): self._handshake(street.https(good.issue("name.test"))),
            ("tls", "expired"): self._handshake(street.https(good.issue("name.test", days=-3))),
            ("tls", "wrong host"): self._handshake(street.https(good.issue("other.test"))),
            ("tls", "untrusted"): self._handshake(street.https(self.stranger.issue("name.test"))),
            ("tls", "plain http"): self._handshake(street.house(street.speaks(PLAIN_ANSWER))),
            ("tls", "silent"): self._handshake(street.house(street.says_nothing)),
            ("tls", "reset"): self._handshake(street.house(street.resets)),
            ("tls", "closed"): self._handshake(street.house(street.closes)),
            ("tls", "refused"): self._handshake(refusing_port()),
            ("tcp", "refused"): looking(self.reached, tcp.connection, "name.test", refusing_port()),
        }

    def _http(self) -> dict[Case, Look]:
        street = self.street
        head = b"HTTP/1.1 200 OK\r\n"
        ports = {
            "silent": street.house(street.says_nothing),
            "reset": street.house(street.resets),
            "closed": street.house(street.closes),
            "garbage": street.house(street.speaks(b"\x00\x01 what is this\r\n\r\n")),
            "drip in the head": street.house(street.drips(head + b"X-Slow: ")),
            "drip in the body": street.house(street.drips(head + b"Content-Length: 100000\r\n\r\n")),
            "cut short": street.house(street.speaks(head + b"Content-Length: 100\r\n\r\nhalf")),
            "healthy": street.http(),
        }
        return {
            ("http", name): looking(self.reached, http.get, f"http://name.test:{port}/")
            for name, port in ports.items()
        }

    def _postgres(self) -> dict[Case, Look]:
        street = self.street
        silent, garbage = street.house(street.says_nothing), street.house(street.speaks(b"HTTP/1.1 400\r\n"))
        plain = street.house(street.speaks(b"N"))
        half = street.house(street.speaks_first_then_nothing(b"R\x00\x00\x00\x08\x00\x00\x00\x00"))
        ports = {"silent": silent, "garbage": garbage, "half spoken": half, "refused": refusing_port()}
        logins = {
            ("postgres", name): looking(self.reached, postgres.login, server(port), "postgres")
            for name, port in ports.items()
        }
        return logins | {
            ("postgres", "listing from silence"): looking(
                self.reached, postgres.databases, server(silent), "postgres"
            ),
            ("postgres tls", "silent"): looking(
                self.reached, postgres.tls, "name.test", silent, str(self.ca)
            ),
            ("postgres tls", "refused"): looking(
                self.reached, postgres.tls, "name.test", plain, str(self.ca)
            ),
        }

    def _redis(self) -> dict[Case, Look]:
        street = self.street
        ports = {
            "silent": street.house(street.says_nothing),
            "reset": street.house(street.resets),
            "garbage": street.house(street.speaks(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            "demands a token": street.house(street.speaks(b"-NOAUTH Authentication required.\r\n")),
            "odd": street.house(street.speaks(b"+QUEUED\r\n")),
            "half a line": street.house(street.speaks_first_then_nothing(b"+PO")),
        }
        looks = {
            ("redis", name): looking(
                self.reached, redis.ping, RedisServer(host="name.test", port=port, tls=False)
            )
            for name, port in ports.items()
        }
        silent = RedisServer(host="name.test", port=ports["silent"], tls=True, ca=str(self.ca))
        return looks | {("redis", "silent under tls"): looking(self.reached, redis.ping, silent)}

    def _names(self) -> dict[Case, Look]:
        codes = {"nxdomain": dns.rcode.NXDOMAIN, "servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED}
        servers = {name: self.street.name_server(answers(code)) for name, code in codes.items()}
        servers["no record"] = self.street.name_server(answers(dns.rcode.NOERROR))
        servers["silent"] = self.street.name_server(lambda _: None)
        found: dict[Case, Look] = {}
        for name, at in servers.items():
            reached = connections(at)
            found["recursive", name] = looking(reached, dns_probes.recursive, "name.test")
            found["needs an address", name] = looking(reached, http.get, "http://name.test:1/")
            address, port = at.split(":")
            asked = Server(name=at, address=address, port=int(port))
            found["authoritative", name] = looking(reached, dns_probes.authoritative, asked, "name.test")
        return found
