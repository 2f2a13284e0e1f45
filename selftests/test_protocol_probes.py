"""Hard times: whatever the other side does, a look ends in time, with a clear word, and never as healthy."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest

from postflight.environment import Account, DatabaseLogin, Environment
from postflight.evidence import Evidence, Unverified
from postflight.probes import dns as dns_probes
from postflight.probes import http, postgres, redis, tcp, tls
from postflight.probes.connections import Connections
from postflight.probes.postgres import PostgresServer
from postflight.probes.reads import Probe
from postflight.probes.redis import RedisServer
from sandbox.network.certificates import Authority
from selftests.rude_servers import Street, answers, street

ANSWERED = {"name.test": ("127.0.0.1",)}
PLAIN_ANSWER = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
POSTGRES_ERROR = b"E" + (40).to_bytes(4, "big") + b"SFATAL\0C57P03\0Mthe system is starting up\0\0"

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
            asked = dns_probes.Server(name=at, address=address, port=int(port))
            found["authoritative", name] = looking(reached, dns_probes.authoritative, asked, "name.test")
        return found


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Case, Future[tuple[Any, float]]]]:
    """Take every look at once, since each may wait until its deadline."""
    with street() as opened:
        cases = Town(opened, tmp_path_factory.mktemp("town")).looks()
        with ThreadPoolExecutor(len(cases)) as pool:
            yield {case: pool.submit(_timed, look) for case, look in cases.items()}


def _timed(look: Look) -> tuple[Any, float]:
    began = time.monotonic()
    try:
        seen = look()
    except Unverified as error:
        seen = error
    return seen, time.monotonic() - began


# case, deadline in seconds, kind of trouble, words of its problem
TROUBLES: tuple[tuple[Case, float, str | None, str], ...] = (
    (("tls", "expired"), 3, "expired", "has expired"),
    (("tls", "wrong host"), 3, "wrong name", "not made out for name.test"),
    (("tls", "untrusted"), 3, "untrusted", "no trusted root"),
    (("tls", "plain http"), 3, "not tls", "not in TLS"),
    (("tls", "silent"), 9, "silent", "said nothing for 8 s"),
    (("tls", "reset"), 3, "reset", "reset the connection"),
    (("tls", "closed"), 3, "closed", "closed the connection"),
    (("tls", "refused"), 3, "refused", "refused the connection"),
    (("tcp", "refused"), 3, "refused", "refused the connection"),
    (("http", "silent"), 13, "silent", "said nothing for 12 s"),
    (("http", "reset"), 3, "reset", "reset the connection"),
    (("http", "closed"), 3, "closed", "without an answer"),
    (("http", "garbage"), 3, "garbage", "not HTTP"),
    (("http", "drip in the head"), 13, "slow", "had not ended after 12 s"),
    (("http", "drip in the body"), 13, "slow", "had not ended after 12 s"),
    (("http", "cut short"), 3, "closed", "before its answer was complete"),
    (("postgres", "silent"), 7, "silent", "did not answer"),
    (("postgres", "half spoken"), 7, "silent", "did not answer"),
    (("postgres", "garbage"), 7, "other", "let no one in"),
    (("postgres", "refused"), 3, "unreachable", "refused"),
    (("postgres", "listing from silence"), 7, None, "did not answer"),
    (("postgres tls", "silent"), 9, "silent", "said nothing for 8 s"),
    (("postgres tls", "refused"), 3, "tls refused", "refuses TLS"),
    (("redis", "silent"), 9, "silent", "said nothing for 8 s"),
    (("redis", "silent under tls"), 9, "silent", "said nothing for 8 s"),
    (("redis", "half a line"), 9, "slow", "had not ended after 8 s"),
    (("redis", "reset"), 3, "reset", "reset the connection"),
    (("redis", "garbage"), 3, "garbage", "not Redis"),
    (("redis", "demands a token"), 3, None, "demands an AUTH token"),
    (("needs an address", "nxdomain"), 3, "name", "NXDOMAIN"),
    (("needs an address", "no record"), 3, "name", "no A or AAAA record"),
)


@pytest.mark.parametrize(
    ("case", "limit_s", "kind", "words"), TROUBLES, ids=[" ".join(case) for case, *_ in TROUBLES]
)
def test_trouble_of_the_other_side_is_evidence(
    looks: dict[Case, Future[tuple[Any, float]]], case: Case, limit_s: float, kind: str | None, words: str
) -> None:
    """What a target does wrong is a finding with a reason, within the deadline, not an exception."""
    seen, seconds = looks[case].result(timeout=30)
    assert isinstance(seen, Evidence), f"{case}: {seen}"
    problem = getattr(seen, "problem", None)
    assert problem is not None
    assert words in problem
    assert "\n" not in problem
    if kind is not None:
        assert getattr(seen, "kind", None) == kind
    assert seconds < limit_s


@pytest.mark.parametrize("resolver", ["servfail", "refused", "silent"])
def test_a_resolver_that_fails_leaves_its_askers_unverified(
    looks: dict[Case, Future[tuple[Any, float]]], resolver: str
) -> None:
    """Who merely needs an address and gets none has not seen the target, so it may not be called broken."""
    seen, seconds = looks["needs an address", resolver].result(timeout=30)
    assert isinstance(seen, Unverified)
    assert "name.test" in str(seen)
    assert "\n" not in str(seen)
    assert seconds < 7


@pytest.mark.parametrize(
    ("answer", "status"),
    [("nxdomain", "no such name"), ("no record", "no such record"), ("servfail", "server failure")],
)
def test_answers_about_a_name_are_told_apart(
    looks: dict[Case, Future[tuple[Any, float]]], answer: str, status: str
) -> None:
    """Each of these has another cause, so a check must be able to say which it was."""
    for who in ("recursive", "authoritative"):
        seen, _ = looks[who, answer].result(timeout=30)
        assert seen.status == status
        assert not seen.is_found


def test_silence_of_the_zones_own_server_is_evidence(
    looks: dict[Case, Future[tuple[Any, float]]],
) -> None:
    """The zone's servers are what is verified; our own resolver is how we look."""
    seen, seconds = looks["authoritative", "silent"].result(timeout=30)
    assert (seen.status, seen.is_found) == ("no answer", False)
    assert seconds < 7
    ours, _ = looks["recursive", "silent"].result(timeout=30)
    assert isinstance(ours, Unverified)


def test_healthy_servers_are_healthy(looks: dict[Case, Future[tuple[Any, float]]]) -> None:
    """Probes that only ever find trouble would prove nothing."""
    seen, _ = looks["tls", "healthy"].result(timeout=30)
    assert seen.is_verified
    assert (seen.is_trusted, seen.names_the_host, seen.version) == (True, True, "TLSv1.3")
    assert 89 < seen.days_left < 91
    page, _ = looks["http", "healthy"].result(timeout=30)
    assert (page.status, page.problem) == (200, None)


@pytest.mark.parametrize(
    ("case", "trusted", "named", "days"),
    [("expired", True, True, -3), ("wrong host", True, False, 90), ("untrusted", False, True, 90)],
)
def test_a_refused_certificate_is_known_in_every_other_respect(
    looks: dict[Case, Future[tuple[Any, float]]], case: str, trusted: bool, named: bool, days: float
) -> None:
    """One fault fails one check: an expired certificate still names its host and leads to its root."""
    seen, _ = looks["tls", case].result(timeout=30)
    assert seen.is_spoken
    assert not seen.is_verified
    assert (seen.is_trusted, seen.names_the_host) == (trusted, named)
    assert round(seen.days_left) == days


@pytest.mark.parametrize("case", ["plain http", "silent", "reset", "closed", "refused"])
def test_what_speaks_no_tls_passes_no_question_about_it(
    looks: dict[Case, Future[tuple[Any, float]]], case: str
) -> None:
    """A check must never pass because there was nothing to see."""
    seen, _ = looks["tls", case].result(timeout=30)
    assert not any((seen.is_spoken, seen.is_trusted, seen.names_the_host, seen.is_verified))
    assert seen.days_left < 0


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
    assert looking(reached, tls.old_versions, "name.test", port)().accepted == accepted


def test_a_modern_server_refuses_old_tls(opened: Street) -> None:
    """The healthy case, against a real server."""
    reached = connections(opened.name_server(resolving))
    port = opened.https(Authority("Any").issue("name.test"))
    seen = looking(reached, tls.old_versions, "name.test", port)()
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


def test_the_shells_bundles_make_nothing_trusted(
    opened: Street, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUESTS_CA_BUNDLE and SSL_CERT_FILE of whoever runs us must not decide what is trusted."""
    authority = Authority("Trusted by the shell only")
    bundle = tmp_path / "shell.pem"
    bundle.write_text(authority.pem)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(bundle))
    reached = connections(opened.name_server(resolving))
    port = opened.https(authority.issue("name.test"))
    assert looking(reached, tls.handshake, "name.test", port, None)().kind == "untrusted"
    assert looking(reached, http.get, f"https://name.test:{port}/", None)().kind == "untrusted"


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
