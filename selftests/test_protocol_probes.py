"""What the probes of TLS, HTTP and DNS promise."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from postflight.evidence import Unverified
from postflight.probes import dns as dns_probes
from postflight.probes import http, tls, tls_versions
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import proxy
from sandbox.network.certificates import Authority
from selftests.kubernetes_runs import over_tls
from selftests.rude_servers import Street, answers, street
from selftests.rude_town import PLAIN_ANSWER, connections, looking, resolving


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


def server_hello(version: int) -> bytes:
    """Return the record of a ServerHello that chooses `version`."""
    body = version.to_bytes(2, "big") + bytes(32) + b"\x00" + b"\x00\x2f" + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize(("version", "accepted"), [(0x0301, ("TLS 1.0",)), (0x0302, ("TLS 1.1",))])
def test_a_server_that_speaks_old_tls_is_found_out(
    opened: Street, version: int, accepted: tuple[str, ...]
) -> None:
    """Most builds of OpenSSL would not even offer these versions, and so never find one."""
    reached = connections(opened.name_server(resolving))
    port = opened.house(opened.speaks(server_hello(version)))
    assert looking(reached, tls_versions.old_versions, "name.test", port)().accepted == accepted


def test_a_modern_server_refuses_old_tls(opened: Street) -> None:
    """The healthy case, against a real server."""
    reached = connections(opened.name_server(resolving))
    port = opened.https(Authority("Any").issue("name.test"))
    seen = looking(reached, tls_versions.old_versions, "name.test", port)()
    assert (seen.accepted, seen.problem) == ((), None)


@pytest.mark.parametrize("manner", ["answers http", "closes", "resets"])
def test_a_server_without_tls_has_refused_no_old_tls(opened: Street, manner: str) -> None:
    """Whoever speaks no TLS also declines TLS 1.0; that is nothing to be green about."""
    behaviours = {
        "answers http": opened.speaks(PLAIN_ANSWER),
        "closes": opened.closes,
        "resets": opened.resets,
    }
    reached = connections(opened.name_server(resolving))
    seen = looking(reached, tls_versions.old_versions, "name.test", opened.house(behaviours[manner]))()
    assert seen.accepted == ()
    assert seen.problem is not None


def test_a_server_that_breaks_off_old_tls_has_refused_it(opened: Street) -> None:
    """Some load balancers close the connection in place of an alert; that they speak TLS is seen apart."""
    certificate = Authority("Any").issue("name.test")
    reached = connections(opened.name_server(resolving))
    offers = iter(range(9))

    def break_off_twice(guest: socket.socket) -> None:
        if next(offers) < 2:
            opened.resets(guest)
        else:
            over_tls(certificate, opened.says_nothing)(guest)

    seen = looking(reached, tls_versions.old_versions, "name.test", opened.house(break_off_twice))()
    assert (seen.accepted, seen.problem) == ((), None)


def test_certificates_in_tls_1_2_and_chosen_by_name_are_verified(opened: Street, tmp_path: Path) -> None:
    """Load balancers with an older security policy end at TLS 1.2, which is fine."""
    authority = Authority("Trusted here")
    ca = tmp_path / "ca.pem"
    ca.write_text(authority.pem)
    reached = connections(opened.name_server(resolving))
    port = opened.https(authority.issue("name.test"), newest=ssl.TLSVersion.TLSv1_2)
    seen = looking(reached, tls.handshake, "name.test", port, str(ca))()
    assert (seen.is_verified, seen.version) == (True, "TLSv1.2")


UNDER_A_SHELL = """
import sys
from postflight.probes import http, tls
from selftests.rude_town import connections, looking

resolver, port = sys.argv[1:]
reached = connections(resolver)
print(looking(reached, tls.handshake, "name.test", int(port), None)().kind)
print(looking(reached, http.get, f"https://name.test:{port}/", None)().kind)
"""


def test_the_shells_bundles_make_nothing_trusted(opened: Street, tmp_path: Path) -> None:
    """REQUESTS_CA_BUNDLE and SSL_CERT_FILE of whoever runs us must not decide what is trusted."""
    authority = Authority("Trusted by the shell only")
    bundle = tmp_path / "shell.pem"
    bundle.write_text(authority.pem)
    shell = dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(bundle))
    port = opened.https(authority.issue("name.test"))
    command = [sys.executable, "-c", UNDER_A_SHELL, opened.name_server(resolving), str(port)]
    root = Path(__file__).parents[1]
    seen = subprocess.run(
        command, env={**os.environ, **shell}, cwd=root, check=True, capture_output=True, text=True, timeout=60
    )
    assert seen.stdout.split() == ["untrusted", "untrusted"]


@pytest.mark.parametrize("content", [None, "", "not PEM at all"])
def test_a_ca_file_that_is_no_good_leaves_tls_unverified(
    opened: Street, tmp_path: Path, content: str | None
) -> None:
    """A run that cannot verify must say so: it may neither pass nor blame the server."""
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    reached = connections(opened.name_server(resolving))
    port = opened.https(Authority("Any").issue("name.test"))
    with pytest.raises(Unverified, match=r"ca\.pem"):
        looking(reached, tls.handshake, "name.test", port, str(ca))()


def test_redirects_are_not_followed(opened: Street) -> None:
    """A redirect is the answer; where it leads is another host's business."""
    reached = connections(opened.name_server(resolving))
    moved = b"HTTP/1.1 301 Moved\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n"
    seen = looking(reached, http.get, f"http://name.test:{opened.house(opened.speaks(moved))}/")()
    assert (seen.status, seen.headers["location"]) == (301, "http://elsewhere.test/")


def test_many_askers_of_one_name_make_one_query(opened: Street) -> None:
    """2,000 probes of one host must not become 2,000 questions to the resolver."""
    asked: list[str] = []

    def counting(question: dns.message.Message) -> dns.message.Message:
        asked.append(str(question.question[0]))
        return resolving(question)

    reached = connections(opened.name_server(counting))
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: reached.addresses.resolve("name.test"), range(50)))
    assert found == {("127.0.0.1",)}
    assert len(asked) == 1


def test_a_mutation_is_never_sent(opened: Street) -> None:
    """A probe reads; GraphQL says in its first word what changes things."""
    reached = connections(opened.name_server(resolving))
    query = http.Query(url=f"http://name.test:{opened.http()}/", text="mutation { x }")
    with pytest.raises(ValueError, match="queries"):
        looking(reached, http.graphql, query)()


def resolver_of_two(opened: Street, first: dns.rcode.Rcode | None) -> Connections:
    """Return a run whose resolver has two servers: one that answers so (None: not at all), and a good one."""
    good = opened.name_server(resolving)
    port = int(good.partition(":")[2])
    opened.name_server(answers(first) if first is not None else lambda _: None, ("127.0.0.2", port))
    reached = connections(good)
    reached.addresses.resolver().nameservers = ["127.0.0.2", "127.0.0.1"]
    return reached


@pytest.mark.parametrize("first", [None, dns.rcode.REFUSED, dns.rcode.SERVFAIL])
def test_every_server_of_the_resolver_is_asked(opened: Street, first: dns.rcode.Rcode | None) -> None:
    """A machine is not without names because the first line of its resolv.conf is."""
    reached = resolver_of_two(opened, first)
    seen = looking(reached, dns_probes.recursive, "name.test")()
    assert (seen.status, seen.values) == ("found", ("127.0.0.1",))
    assert seen.server.startswith("127.0.0.1:")
    assert seen.name == "name.test"


def test_denial_of_the_first_server_is_an_answer(opened: Street) -> None:
    """NXDOMAIN is what the resolver knows; another server is not asked until one says otherwise."""
    reached = resolver_of_two(opened, dns.rcode.NXDOMAIN)
    assert looking(reached, dns_probes.recursive, "name.test")().status == "no such name"


def test_name_servers_of_a_zone_are_asked_of_every_server(opened: Street) -> None:
    """It is the same resolver that knows whom a zone is delegated to."""
    seen = looking(resolver_of_two(opened, dns.rcode.REFUSED), dns_probes.name_servers, "name.test")()
    assert seen.problem is not None
    assert "NODATA" in seen.problem


def test_silent_servers_are_all_named(opened: Street) -> None:
    """Whoever has to mend the resolver reads which servers were tried."""
    reached = resolver_of_two(opened, None)
    reached.addresses.resolver().nameservers = ["127.0.0.2", "127.0.0.3"]
    with pytest.raises(Unverified, match=r"127\.0\.0\.2:\d+ did not answer within 3 s, and 127\.0\.0\.3"):
        looking(reached, dns_probes.recursive, "name.test")()


def test_service_without_a_name_in_the_cluster_is_evidence(opened: Street) -> None:
    """A name that the cluster's DNS denies is the service's trouble, not ours."""
    reached = connections(opened.name_server(answers(dns.rcode.NXDOMAIN)))
    seen = looking(reached, proxy.direct_answer, "shop", "cart", 8000, "/health/")()
    assert seen.status is None
    assert "cart.shop.svc.cluster.local. does not exist (NXDOMAIN)" in seen.problem


def test_service_in_the_cluster_is_asked_for_by_its_full_name(opened: Street) -> None:
    """A declared resolver has no search domains, so shorter names would not be found."""
    asked: list[str] = []

    def cluster_dns(question: dns.message.Message) -> dns.message.Message:
        asked.append(question.question[0].name.to_text())
        is_known = asked[-1] == "cart.shop.svc.cluster.local."
        return (resolving if is_known else answers(dns.rcode.NXDOMAIN))(question)

    reached = connections(opened.name_server(cluster_dns))
    seen = looking(reached, proxy.direct_answer, "shop", "cart", opened.http(), "/")()
    assert (seen.status, seen.problem) == (200, None)
    assert set(asked) == {"cart.shop.svc.cluster.local."}


def test_service_is_reached_at_whichever_of_its_addresses_serves(opened: Street) -> None:
    """Dual-stack and headless services have several; the first need not be the one that listens."""
    port = opened.http()

    def two_addresses(question: dns.message.Message) -> dns.message.Message:
        answer = resolving(question)
        name, kind = question.question[0].name, question.question[0].rdtype
        if kind == dns.rdatatype.A:
            answer.answer = [dns.rrset.from_text(name, 60, "IN", "A", "127.0.0.2", "127.0.0.1")]
        return answer

    reached = connections(opened.name_server(two_addresses))
    seen = looking(reached, proxy.direct_answer, "shop", "cart", port, "/")()
    assert (seen.status, seen.problem) == (200, None)
