"""How HTTP reaches a server: both families, TLS that is broken in odd ways, and nothing undeclared."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from postflight.evidence import Evidence, Unverified
from postflight.probes import http, tcp
from postflight.probes.connections import Connections
from postflight.probes.http import HttpAnswer, Request, exchange
from postflight.probes.reads import UndeclaredReadError, reads
from sandbox.network.certificates import Authority
from selftests.odd_answers import bomb, flood
from selftests.rude_servers import Behaviour, Street, street
from selftests.rude_town import PLAIN_ANSWER, connections, looking, resolving

OK = b"HTTP/1.0 200 OK\r\n\r\nok"


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


class Nothing(Evidence):
    """What came back does not matter here."""


@reads("dns")
def meddler(reached: Connections, url: str) -> Nothing:
    """Ask over HTTP without declaring it."""
    exchange(reached, Request("GET", url))
    return Nothing()


def test_undeclared_http_is_not_sent(opened: Street) -> None:
    """The socket below the client refuses it: no address is looked up, no connection made."""
    arrived: list[socket.socket] = []
    asked: list[dns.message.Message] = []

    def counting(question: dns.message.Message) -> dns.message.Message:
        asked.append(question)
        return resolving(question)

    reached = connections(opened.name_server(counting))
    port = opened.house(arrived.append)
    with pytest.raises(UndeclaredReadError, match="not sent"):
        looking(reached, meddler, f"http://name.test:{port}/")()
    assert (arrived, asked) == ([], [])


def _in_both_families(question: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(question)
    asked = question.question[0]
    addresses = {dns.rdatatype.A: ("A", "127.0.0.1", "127.0.0.2"), dns.rdatatype.AAAA: ("AAAA", "::1")}
    record, *values = addresses[asked.rdtype]
    response.answer.append(dns.rrset.from_text(asked.name, 60, "IN", record, *values))
    return response


def test_the_other_family_serves_where_the_first_refuses(opened: Street) -> None:
    """A browser would get its page; the run must not call that broken."""
    reached = connections(opened.name_server(_in_both_families))
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    opened.stack.callback(listener.close)

    def serve() -> None:
        for _ in range(2):
            guest, _ = listener.accept()
            with guest:
                # Closed with a request unread, a connection is reset.
                if guest.recv(65536):
                    guest.sendall(OK)

    threading.Thread(target=serve, daemon=True).start()
    port = listener.getsockname()[1]
    seen = looking(reached, http.get, f"http://name.test:{port}/")()
    assert (seen.status, seen.body, seen.problem) == (200, "ok", None)
    assert looking(reached, tcp.connection, "name.test", port)().address == "::1"


def test_every_address_tried_is_named(opened: Street) -> None:
    """One of several targets may be closed off: which ones were tried is where the search begins."""
    reached = connections(opened.name_server(_in_both_families))
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
    seen = looking(reached, http.get, f"http://name.test:{port}/")()
    assert seen.kind == "refused"
    # A name server may answer in any order, but the other family is tried last.
    assert seen.problem in {
        f"name.test:{port} ({tried}, ::1) refused the connection"
        for tried in ("127.0.0.1, 127.0.0.2", "127.0.0.2, 127.0.0.1")
    }


def _https(opened: Street, tmp_path: Path, attend: Callable[[ssl.SSLContext], Behaviour]) -> HttpAnswer:
    authority = Authority("Trusted here")
    ca = tmp_path / "ca.pem"
    ca.write_text(authority.pem)
    context = authority.issue("name.test").server_context()
    context.load_verify_locations(cadata=authority.pem)
    port = opened.house(attend(context))
    reached = connections(opened.name_server(resolving))
    seen = looking(reached, http.get, f"https://name.test:{port}/", str(ca))()
    assert isinstance(seen, HttpAnswer)
    return seen


def test_a_demand_for_a_client_certificate_is_said(opened: Street, tmp_path: Path) -> None:
    """Under TLS 1.3 the refusal comes after the handshake, with the first bytes read."""

    def demanding(context: ssl.SSLContext) -> Behaviour:
        context.verify_mode = ssl.CERT_REQUIRED
        return lambda guest: opened.closes(context.wrap_socket(guest, server_side=True))

    seen = _https(opened, tmp_path, demanding)
    assert seen.kind == "tls refused"
    assert "demands a certificate of the client" in str(seen.problem)


def test_plaintext_after_the_handshake_is_said(opened: Street, tmp_path: Path) -> None:
    """A proxy that forgets its TLS sends what a client may not read."""

    def forgetting(context: ssl.SSLContext) -> Behaviour:
        def attend(guest: socket.socket) -> None:
            beneath = guest.dup()
            with beneath, context.wrap_socket(guest, server_side=True) as secured:
                secured.recv(65536)
                beneath.sendall(PLAIN_ANSWER)
                opened.over.wait(1)

        return attend

    seen = _https(opened, tmp_path, forgetting)
    assert seen.kind == "garbage"
    assert "broke TLS off after the handshake" in str(seen.problem)


def test_paths_and_hosts_of_any_script_are_asked_for(opened: Street) -> None:
    """As browsers do: UTF-8 in percent signs, punycode."""
    heard: list[bytes] = []

    def listen(guest: socket.socket) -> None:
        heard.append(guest.recv(65536))
        guest.sendall(OK)

    reached = connections(opened.name_server(resolving))
    port = opened.house(listen)
    assert looking(reached, http.get, f"http://상점.test:{port}/상품?q=빵")().status == 200
    assert heard[0].startswith(b"GET /%EC%83%81%ED%92%88?q=%EB%B9%B5 HTTP/1.1\r\n")
    assert b"Host: xn--hg4bs7k.test" in heard[0]


@pytest.mark.parametrize("url", ["http://name.test:99999/", "http://[::1/", "http:///x"])
def test_a_url_that_is_none_is_unverified(opened: Street, url: str) -> None:
    """Nothing was asked, so nothing is known of the server."""
    reached = connections(opened.name_server(resolving))
    with pytest.raises(Unverified, match="cannot be asked"):
        looking(reached, http.get, url)()


def test_a_larger_answer_is_called_larger(opened: Street) -> None:
    """It may be valid all the same: its end was not read."""
    reached = connections(opened.name_server(resolving))
    port = opened.house(opened.speaks(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2_000_000))
    url = f"http://name.test:{port}/"
    assert "larger than 1 MiB" in looking(reached, http.get, url)().said
    with pytest.raises(Unverified, match="more than 1 MiB"):
        looking(reached, http.graphql, http.Query(url=url, text="{ shop { name } }"))()


def test_who_answered_is_kept_and_no_secret_is(opened: Street) -> None:
    """A CDN or firewall that answers by itself is known by its headers."""
    words = (
        b"HTTP/1.1 401 No\r\nServer: awselb/2.0\r\nAge: 5\r\nX-Amzn-Waf-Action: challenge\r\n"
        b'CF-Ray: 1-ICN\r\nWWW-Authenticate: Digest realm="shop", nonce="n0nce"\r\n'
        b"Set-Cookie: s=secret\r\nContent-Length: 0\r\n\r\n"
    )
    reached = connections(opened.name_server(resolving))
    seen = looking(reached, http.get, f"http://name.test:{opened.house(opened.speaks(words))}/")()
    assert seen.headers == {
        "server": "awselb/2.0", "age": "5", "x-amzn-waf-action": "challenge", "cf-ray": "1-ICN",
        "www-authenticate": 'Digest realm="shop"',
    }  # fmt: skip


MEASURED = """
import resource, sys
from postflight.probes import http
from selftests.rude_town import connections, looking

resolver, *urls = sys.argv[1:]
reached = connections(resolver)
looking(reached, http.get, urls[0])()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for url in urls[1:]:
    assert looking(reached, http.get, url)().is_too_large
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_stays_bounded(opened: Street) -> None:
    """A bomb of 1 GB and a page of 100 MB are read up to the limit, and no further."""
    packed = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb(1024)
    ports = [opened.house(one) for one in (opened.speaks(OK), opened.speaks(packed), flood)]
    urls = [f"http://name.test:{port}/" for port in ports]
    seen = subprocess.run(
        [sys.executable, "-c", MEASURED, opened.name_server(resolving), *urls],
        cwd=Path(__file__).parents[1], check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert int(seen.stdout) < 20_000, "more than 20 MB"
