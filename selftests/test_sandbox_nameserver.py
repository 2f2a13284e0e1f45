"""The sandbox's name server, seen by an ordinary DNS client over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from sandbox.network.dns import DnsServer
from sandbox.network.records import Record, Zone, names_from, zone_from_route53
from selftests.event_loop import event_loop

BALANCER = "k8s-saleor.ap-northeast-2.elb.amazonaws.com"
KYEOL = Zone(
    "kyeol.click.",
    (
        Record("kyeol.click.", "SOA", ("ns-1.awsdns-1.org. hostmaster.kyeol.click. 1 7200 900 1209600 60",)),
        Record("kyeol.click.", "NS", ("ns-1.awsdns-1.org",)),
        Record("api.kyeol.click.", "CNAME", ("dashboard.kyeol.click.",)),
        Record("old.kyeol.click.", "A", alias="gone.ap-northeast-2.elb.amazonaws.com."),
        Record("a.below.kyeol.click.", "TXT", ('"here"',)),
        Record("*.preview.kyeol.click.", "A", ("127.0.0.1",)),
        Record("large.kyeol.click.", "TXT", tuple(f'"{number:03}{"z" * 200}"' for number in range(20))),
        Record("away.kyeol.click.", "CNAME", ("example.org.",)),
    ),
)
FROM_ROUTE53 = {
    "Name": "dashboard.kyeol.click.",
    "Type": "A",
    "AliasTarget": {"HostedZoneId": "Z1", "DNSName": f"{BALANCER}.", "EvaluateTargetHealth": True},
}


@pytest.fixture(scope="module")
def nameserver() -> Iterator[DnsServer]:
    """Give a server for one zone, as Route 53's API describes it, and one load balancer."""
    zone = replace(KYEOL, records=KYEOL.records + zone_from_route53("kyeol.click.", [FROM_ROUTE53]).records)
    names = names_from([zone], {BALANCER: "127.0.0.1"})
    server = DnsServer(names.answer)
    with event_loop() as loop:
        loop.run(server.start())
        yield server
        loop.run(server.stop())


def _ask(server: DnsServer, name: str, kind: str, *, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    ask = dns.query.tcp if tcp else dns.query.udp
    return ask(query, "127.0.0.1", port=server.port, timeout=1)


@pytest.mark.parametrize(
    ("name", "kind", "code", "last"),
    [
        ("dashboard.kyeol.click", "A", "NOERROR", "127.0.0.1"),
        ("DashBoard.Kyeol.click", "A", "NOERROR", "127.0.0.1"),
        ("dashboard.kyeol.click", "AAAA", "NOERROR", None),
        ("api.kyeol.click", "A", "NOERROR", "127.0.0.1"),
        ("api.kyeol.click", "CNAME", "NOERROR", "dashboard.kyeol.click."),
        ("old.kyeol.click", "A", "NOERROR", None),
        ("below.kyeol.click", "A", "NOERROR", None),
        ("pr-1.preview.kyeol.click", "A", "NOERROR", "127.0.0.1"),
        ("kyeol.click", "NS", "NOERROR", "ns-1.awsdns-1.org."),
        ("nothing.kyeol.click", "A", "NXDOMAIN", None),
        (BALANCER, "A", "NOERROR", "127.0.0.1"),
        ("gone.ap-northeast-2.elb.amazonaws.com", "A", "NXDOMAIN", None),
        ("example.org", "A", "REFUSED", None),
        ("away.kyeol.click", "A", "NOERROR", "example.org."),
    ],
)
def test_nameserver_answers_as_route53_does(
    nameserver: DnsServer, name: str, kind: str, code: str, last: str | None
) -> None:
    """A missing record, an alias to nothing and a foreign name are told apart by code and sections."""
    for tcp in (False, True):
        answer = _ask(nameserver, name, kind, tcp=tcp)
        assert dns.rcode.to_text(answer.rcode()) == code
        assert (answer.answer[-1][0].to_text() if answer.answer else None) == last
        assert bool(answer.flags & dns.flags.AA) == (code != "REFUSED")
        assert bool(answer.authority) == (code != "REFUSED" and last is None)


def test_large_answer_is_truncated_over_udp_and_whole_over_tcp(nameserver: DnsServer) -> None:
    """A client that ignores the TC bit would believe in an empty answer."""
    assert _ask(nameserver, "large.kyeol.click", "TXT").flags & dns.flags.TC
    assert len(_ask(nameserver, "large.kyeol.click", "TXT", tcp=True).answer[0]) == 20


def test_nameserver_can_hang_and_fail(nameserver: DnsServer) -> None:
    """A dead resolver must be reproducible, and distinct from a missing name."""
    nameserver.behaviour.mode = "servfail"
    assert _ask(nameserver, "kyeol.click", "NS").rcode() == dns.rcode.SERVFAIL
    nameserver.behaviour.mode = "hang"
    query = dns.message.make_query("kyeol.click", "NS")
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(query, "127.0.0.1", port=nameserver.port, timeout=0.2)
    nameserver.behaviour.mode = "answer"
    assert _ask(nameserver, "kyeol.click", "NS").answer


def test_nameserver_survives_garbage(nameserver: DnsServer, caplog: pytest.LogCaptureFixture) -> None:
    """One bad packet must not silence the sandbox's DNS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"not a question", ("127.0.0.1", nameserver.port))
    with socket.create_connection(("127.0.0.1", nameserver.port), timeout=1) as broken:
        broken.sendall(b"\x00\x05hello")
    assert _ask(nameserver, "kyeol.click", "NS").answer
    assert not caplog.records
