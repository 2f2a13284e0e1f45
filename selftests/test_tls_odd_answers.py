"""Every look that makes a TLS handshake, with every odd answer: no green, no traceback, no hang."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import pytest

from postflight.environment import Host
from postflight.evidence import Unverified
from postflight.probes import http, postgres, tls
from postflight.probes.connections import Connections
from postflight.probes.tls_versions import look_for_old
from selftests.rude_servers import Behaviour, Street, street
from selftests.rude_town import connections, looking, resolving
from selftests.test_assertions import function

CHECKS = (
    "test_host_serves_tls", "test_certificate_chain_is_trusted", "test_certificate_names_the_host",
    "test_certificate_lasts_long_enough",
)  # fmt: skip
ALERTS = {
    40: "handshake_failure", 70: "protocol_version", 80: "internal_error", 112: "unrecognized_name",
    116: "certificate_required", 46: "certificate_unknown", 0: "close_notify", 255: "unknown",
}  # fmt: skip


def record(kind: int, content: bytes, version: bytes = b"\x03\x03") -> bytes:
    """Return one record."""
    return bytes([kind]) + version + len(content).to_bytes(2, "big") + content


def server_hello(version: bytes, cipher: bytes = b"\xc0\x2f", body: bytes | None = None) -> bytes:
    """Return a ServerHello that chooses a version and a cipher."""
    content = version + bytes(32) + b"\0" + cipher + b"\0" if body is None else body
    return record(22, b"\x02" + len(content).to_bytes(3, "big") + content)


# In answer to a ClientHello; then the server hangs up.
ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "an HTTP error": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "a greeting": b"220 mail.test ESMTP\r\n",
    "an error of Redis": b"-ERR Protocol error\r\n",
    "zeros": bytes(100_000),
    "other bytes": bytes(range(255, 0, -1)) * 400,
    "a half record": record(22, bytes(80))[:40],
    "a half header": b"\x16\x03",
    "an empty record": record(22, b""),
    "many empty records": record(22, b"") * 2000,
    "a record that is too long": record(22, b"\x02")[:3] + b"\xff\xff" + bytes(70_000),
    "SSL 2": b"\x80\x2e\x04\x00\x01\x00\x02" + bytes(40),
    "SSL 3": server_hello(b"\x03\x00"),
    "TLS 1.2 and the end": server_hello(b"\x03\x03"),
    "a cipher that was not offered": server_hello(b"\x03\x03", b"\x00\x00"),
    "a hello that is cut": server_hello(b"", body=b"\x03\x03" + bytes(9)),
    "a hello without a body": server_hello(b"", body=b""),
    "data before the handshake": record(23, b"HTTP/1.1 200 OK\r\n\r\n"),
    "a change of ciphers": record(20, b"\x01"),
    "a heartbeat": record(24, bytes(20)),
    "an alert that is cut": record(21, b"\x02"),
    "an alert without a level": record(21, b"\x09\x28"),
    "a warning and the end": record(21, b"\x01\x70"),
    "a hundred warnings": record(21, b"\x01\x70") * 100,
    "a warning and an HTTP error": record(21, b"\x01\x70") + b"HTTP/1.1 400 Bad Request\r\n\r\n",
    **{f"the alert {name}": record(21, bytes([2, number])) for number, name in ALERTS.items()},
}


@dataclass(frozen=True)
class Odd:
    """Answers a hello, of PostgreSQL's TLS after its `S`."""

    answer: bytes

    def __call__(self, guest: socket.socket) -> None:
        """Serve one connection."""
        first = guest.recv(8)
        if first.startswith(b"\0\0\0\x08"):
            guest.sendall(b"S")
        guest.recv(4096)
        guest.sendall(self.answer)
        guest.shutdown(socket.SHUT_WR)
        guest.settimeout(1)
        while guest.recv(65536):
            continue


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


@pytest.fixture
def reached(opened: Street) -> Connections:
    """Return how a run reaches the street."""
    return connections(opened.name_server(resolving))


def verdict(check: str, evidence: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a check of tests_network says of evidence."""
    host = Host(name="name.test", hosted_zone="test")
    try:
        function(f"tests_network/test_tls.py::{check}")(host, *evidence.values())
    except AssertionError as error:
        return "failed", str(error)
    return "passed", ""


def outcomes(take: Callable[[], Any]) -> list[tuple[str, str]]:
    """Return what the checks make of a look."""
    try:
        seen = take()
    except Unverified as error:
        return [("unverified", str(error))]
    except Exception as error:  # noqa: BLE001 - what the test looks for
        return [("traceback", f"{type(error).__name__}: {error}")]
    if isinstance(seen, tls.Tls):
        return [verdict(check, {"served_tls": seen}) for check in CHECKS]
    if isinstance(seen, http.HttpAnswer):
        return [("failed" if seen.problem else "passed", str(seen.problem))]
    return [verdict("test_old_tls_is_refused", {"old_tls": seen})]


def looks(reached: Connections, limit_s: float) -> dict[str, Callable[[int], Any]]:
    """Return every look that makes a handshake."""
    return {
        "handshake": lambda port: tls.look(reached, "name.test", port, None, limit_s=limit_s),
        "after SSLRequest": lambda port: tls.look(
            reached, "name.test", port, None, postgres.request_tls, limit_s=limit_s
        ),
        "old versions": lambda port: look_for_old(reached, "name.test", port, limit_s),
    }


def test_no_odd_answer_to_a_hello_is_green_or_a_traceback(reached: Connections, opened: Street) -> None:
    """What speaks no TLS has neither a certificate, nor has it refused anything that is old."""
    every = looks(reached, 5) | {
        "https": lambda port: looking(reached, http.get, f"https://name.test:{port}/")(),
    }
    ports = {"reset": opened.house(opened.resets)}
    ports |= {name: opened.house(Odd(answer)) for name, answer in ANSWERS.items()}
    pairs = list(product(every, ports))

    def take(pair: tuple[str, str]) -> list[tuple[str, str]]:
        return outcomes(partial(every[pair[0]], ports[pair[1]]))

    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(pairs, pool.map(take, pairs), strict=True))
    # This one is the answer: it takes none of the old versions. What it says to ours is judged apart.
    refused = found.pop(("old versions", "the alert protocol_version"))
    counts = Counter(kind for told in found.values() for kind, _ in told)
    summary = f"{counts['passed']} green, {counts['traceback']} tracebacks"
    print(f"{len(every)} looks x {len(ports)} answers: {summary}")
    assert not {
        pair: told for pair, told in found.items() if {"passed", "traceback"} & {kind for kind, _ in told}
    }
    assert not [words for told in found.values() for _, words in told if "\n" in words or not words]
    assert refused == [("passed", "")]


def drips(opened: Street, words: bytes) -> Behaviour:
    """Return what sends the same words for ever."""

    def drip(guest: socket.socket) -> None:
        guest.recv(4096)
        while not opened.over.wait(0.02):
            guest.sendall(words)

    return drip


def test_no_handshake_hangs_beyond_its_limit(reached: Connections, opened: Street) -> None:
    """One deadline holds for all hellos of a look, whatever trickles in."""
    limit_s = 0.5
    servers = {
        "says nothing": opened.says_nothing,
        "hangs in a record": opened.speaks_first_then_nothing(record(22, bytes(80))[:40]),
        "hangs after its hello": opened.speaks_first_then_nothing(server_hello(b"\x03\x03")),
        "drips warnings": drips(opened, record(21, b"\x01\x70")),
        "drips bytes": drips(opened, b"\x16"),
        "drips empty records": drips(opened, record(22, b"")),
    }
    every = looks(reached, limit_s)
    ports = {name: opened.house(behaviour) for name, behaviour in servers.items()}
    pairs = list(product(every, ports))

    def timed(pair: tuple[str, str]) -> tuple[set[str], float]:
        began = time.monotonic()
        told = outcomes(partial(every[pair[0]], ports[pair[1]]))
        return {kind for kind, _ in told}, time.monotonic() - began

    with ThreadPoolExecutor(len(pairs)) as pool:
        found = dict(zip(pairs, pool.map(timed, pairs), strict=True))
    late = {pair: seconds for pair, (_, seconds) in found.items() if seconds > limit_s + 1}
    print(f"{len(pairs)} handshakes that never end: {len(late)} hangs")
    assert not late
    assert not [pair for pair, (kinds, _) in found.items() if kinds & {"passed", "traceback"}], found


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (40, "takes none of our versions and ciphers of TLS, or demands a certificate"),
        (70, "cannot agree on TLS 1.2 or newer"),
        (80, "breaks the TLS handshake off with an alert (TLSV1_ALERT_INTERNAL_ERROR)"),
        (112, "has no certificate for this name"),
        (116, "demands a certificate of the client"),
    ],
)
def test_an_alert_is_called_what_it_is(reached: Connections, opened: Street, alert: int, words: str) -> None:
    """A refused name is not a version that is too old."""
    port = opened.house(Odd(record(21, bytes([2, alert]))))
    seen = tls.look(reached, "name.test", port, None)
    assert words in str(seen.problem)


def test_old_tls_after_a_warning_is_found(reached: Connections, opened: Street) -> None:
    """A server that does not know the name warns of it, and goes on."""
    body = b"\x03\x01" + bytes(32) + b"\0\x00\x2f\0"
    hello = record(22, b"\x02" + len(body).to_bytes(3, "big") + body, b"\x03\x01")
    port = opened.house(opened.speaks(record(21, b"\x01\x70", b"\x03\x01") + hello))
    assert look_for_old(reached, "name.test", port, 5).accepted == ("TLS 1.0",)
