"""How a DNS server is asked: by UDP and TCP, with and without EDNS, whatever else arrives."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import dns.flags
import dns.message
import dns.rcode
import pytest

from postflight.probes import dns as dns_probes
from postflight.probes.addresses import Limits
from postflight.probes.dns_evidence import Server
from selftests.name_servers import Answer, Manner, good, name_server, response
from selftests.name_zones import asked_of_zone, reached
from selftests.rude_servers import Street, street
from selftests.rude_town import looking


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


@pytest.mark.parametrize("code", ["FORMERR", "NOTIMP", "NOTAUTH", "NOTZONE", "YXDOMAIN", "BADVERS"])
def test_each_code_has_its_own_name(opened: Street, code: str) -> None:
    """Only SERVFAIL is SERVFAIL."""
    seen = asked_of_zone(
        opened, Manner(lambda query: [response(query, code=dns.rcode.from_text(code))]), "www.name.test"
    )
    assert (seen.status, seen.said) == ("error", f"{seen.server} answers with an error ({code})")
    assert seen.server.startswith("ns.name.test (127.0.0.1:")


@pytest.mark.parametrize("code", [dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS, None])
def test_a_server_that_refuses_edns_is_asked_without(opened: Street, code: dns.rcode.Rcode | None) -> None:
    """By an error, or by silence."""

    def plain_only(query: dns.message.Message) -> list[Answer]:
        if query.edns < 0:
            return good(query)
        return [] if code is None else [response(query, code=code)]

    assert asked_of_zone(opened, Manner(plain_only), "www.name.test").values == ("127.0.0.1",)


def test_an_answer_that_is_cut_short_is_read_by_tcp(opened: Street) -> None:
    """An empty answer with TC says nothing of the name."""

    def whole(guest: socket.socket) -> None:
        query = dns.message.from_wire(guest.recv(4096)[2:])
        wire = response(
            query, *[("www.name.test.", "A", f"192.0.{n // 250}.{n % 250}") for n in range(900)]
        ).to_wire(max_size=65535)
        guest.sendall(len(wire).to_bytes(2, "big") + wire)

    cut = Manner(lambda query: [response(query, flags=dns.flags.AA | dns.flags.TC)], whole)
    assert len(asked_of_zone(opened, cut, "www.name.test").values) == 900


def test_answers_to_others_are_passed_over(opened: Street) -> None:
    """Another id, another question and garbage before the answer change nothing."""

    def after_others(query: dns.message.Message) -> list[Answer]:
        wrong = response(query, ("www.name.test.", "A", "192.0.2.66"))
        wrong.id ^= 1
        other = response(query, ("www.name.test.", "A", "192.0.2.66"))
        other.question = dns.message.make_query("other.test.", "A").question
        return [b"garbage", wrong, other, *good(query)]

    assert asked_of_zone(opened, Manner(after_others), "www.name.test").values == ("127.0.0.1",)


def test_an_answer_from_elsewhere_is_none(opened: Street) -> None:
    """Whoever saw the question pass may answer it first."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
    ):
        asker.bind(("127.0.0.1", 0))
        at = Server(name="ns", address="127.0.0.1", port=asker.getsockname()[1])
        run = reached(name_server(opened, Manner(good)), None, Limits(look_s=0.3, try_s=0.3))
        asker.settimeout(5)

        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(looking(run, dns_probes.authoritative, at, "www.name.test"))
            packet, guest = asker.recvfrom(4096)
            (right,) = good(dns.message.from_wire(packet))
            assert isinstance(right, dns.message.Message)
            stranger.sendto(right.to_wire(), guest)
            assert waiting.result().status == "no answer"


def test_a_lost_packet_is_sent_again(opened: Street) -> None:
    """UDP loses packets in healthy networks."""
    packets = iter(range(9))
    lossy = Manner(lambda query: good(query) if next(packets) else [])
    assert asked_of_zone(opened, lossy, "www.name.test").status == "found"


def test_a_closed_port_is_not_waited_for(opened: Street) -> None:
    """The system says so at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.bind(("127.0.0.1", 0))
        closed = Server(name="ns", address="127.0.0.1", port=plug.getsockname()[1])
    began = time.monotonic()
    run = reached(name_server(opened, Manner(good)), None, Limits(look_s=30, try_s=30))
    seen = looking(run, dns_probes.authoritative, closed, "www.name.test")()
    assert (seen.status, seen.detail) == ("no answer", "its port is closed")
    assert time.monotonic() - began < 10
