"""Every look at PostgreSQL, with every odd answer: none is green, none a traceback, none hangs."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import Unverified
from postflight.probes import postgres
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.libpq import Target
from postflight.probes.postgres_session import Answer, ask
from postflight.probes.reads import Probe
from postflight.probes.sqlstates import RefusedError
from postflight.probes.tls import look
from sandbox.network.certificates import Authority
from selftests.odd_postgres import (
    NOTICE,
    TO_THE_LOGIN,
    TO_THE_QUERY,
    WELCOME,
    OddPostgres,
    authentication,
    rows,
)
from selftests.rude_servers import Behaviour, Street, street
from selftests.rude_town import connections, looking, resolving, server

PASSWORD = "guess-me-not"
Look = Callable[[int], Any]


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


@pytest.fixture
def reached(opened: Street) -> Connections:
    """Return how a run reaches the street; it knows the password as a secret."""
    made = connections(opened.name_server(resolving))
    made.secrets.add(PASSWORD)
    return made


def asking(reached: Connections, port: int, ca: str | None = None, limit_s: float = 5.0) -> Answer:
    """Put one query, with a password."""
    target = Target("name.test", port, "orders", "app", PASSWORD, ca)
    with postgres.login.allowed():
        return ask(reached, target, "SELECT 1", Deadline.after(limit_s), postgres.request_tls)


def is_green(seen: Any) -> bool:
    """Whether a check that needs the answer would pass."""
    match seen:
        case postgres.Login():
            return seen.ok
        case postgres.Databases():
            return seen.problem is None and "orders" in seen.names
        case postgres.Superusers():
            return seen.problem is None and bool(seen.count)
        case Answer():
            return seen.rows == (("1",),)
        case _:
            return bool(seen.answered and (seen.is_spoken or seen.is_declined))


def outcome(take: Callable[[], Any]) -> tuple[str, str]:
    """Return what came of a look, and its words."""
    try:
        seen = take()
    except (Unverified, RefusedError) as error:
        return type(error).__name__, str(error)
    except Exception as error:  # noqa: BLE001 - what the test looks for
        return "traceback", f"{type(error).__name__}: {error}"
    if is_green(seen):
        return "green", ""
    return ("other rows", "") if isinstance(seen, Answer) else ("red", str(seen.problem))


def secured(authority: Authority) -> Callable[[socket.socket], socket.socket]:
    """Return what makes a connection a TLS one, for name.test."""
    context = authority.issue("name.test").server_context()
    return lambda guest: context.wrap_socket(guest, server_side=True)


def test_no_odd_answer_is_green_or_a_traceback(reached: Connections, opened: Street, tmp_path: Path) -> None:
    """What is no answer of PostgreSQL is unverified; what it refuses has its code; no password is shown."""
    authority = Authority("Trusted here")
    ca = tmp_path / "ca.pem"
    ca.write_text(authority.pem)
    behaviours = {("login", name): OddPostgres(opened, login=odd) for name, odd in TO_THE_LOGIN.items()}
    behaviours |= {("query", name): OddPostgres(opened, query=odd) for name, odd in TO_THE_QUERY.items()}
    plain = {case: opened.house(behaviour) for case, behaviour in behaviours.items()}
    under_tls = {
        case: opened.house(OddPostgres(opened, one.login, one.query, secured(authority)))
        for case, one in behaviours.items()
    }
    looks: dict[str, Callable[[Any], Any]] = {
        "login": lambda case: looking(reached, postgres.login, server(plain[case]), "orders")(),
        "databases": lambda case: looking(reached, postgres.databases, server(plain[case]), "orders")(),
        "superusers": lambda case: looking(
            reached, postgres.superusers, server(plain[case]), "orders", "account_user"
        )(),
        "with a password": lambda case: asking(reached, plain[case]),
        "with a password under TLS": lambda case: asking(reached, under_tls[case], str(ca)),
    }
    pairs = list(product(looks, behaviours))
    with ThreadPoolExecutor(8) as pool:
        found = dict(
            zip(pairs, pool.map(lambda pair: outcome(partial(looks[pair[0]], pair[1])), pairs), strict=True)
        )
    counts = Counter(kind for kind, _ in found.values())
    print(
        f"{len(looks)} looks x {len(behaviours)} answers: "
        f"{counts['green']} green, {counts['traceback']} tracebacks ({dict(counts)})"
    )
    assert not {pair: said for pair, said in found.items() if said[0] in ("green", "traceback")}
    assert not [pair for pair, (_, words) in found.items() if PASSWORD in words or "\n" in words]
    assert not [pair for pair, (kind, words) in found.items() if kind != "other rows" and not words]


def test_the_same_server_is_green_when_it_answers(reached: Connections, opened: Street) -> None:
    """A server of ours that nothing could pass would prove nothing."""
    looks: dict[bytes, Probe[..., Any]] = {
        b"170004": postgres.login,
        b"orders": postgres.databases,
        b"1": postgres.superusers,
    }
    for value, probe in looks.items():
        port = opened.house(OddPostgres(opened, login=WELCOME, query=rows(value)))
        more = ("account_user",) if probe is postgres.superusers else ()
        assert is_green(looking(reached, probe, server(port), "orders", *more)())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not PostgreSQL (b'HTTP/1.1 400"),
        (b"-ERR unknown\r\n", "is not PostgreSQL (b'-ERR unknown"),
        (b"\x4a\0\0\0\x0a8.0.36\0", "is not PostgreSQL (b'J"),
        (b"E\0\0\0\x08no\0\0", "answered the request for TLS with an error"),
    ],
)
def test_an_answer_to_the_request_for_tls_that_is_none_is_unverified(
    reached: Connections, opened: Street, answer: bytes, words: str
) -> None:
    """Neither has the server answered in time, nor has it declined TLS: the message says what came."""
    port = opened.house(opened.speaks(answer))
    with pytest.raises(Unverified) as seen:
        looking(reached, postgres.tls, "name.test", port, None)()
    assert words in str(seen.value)


def test_a_handshake_that_fails_after_tls_was_offered_is_not_declined_tls(
    reached: Connections, opened: Street
) -> None:
    """`tls: refused` is so where the server says so, not where TLS is broken."""
    declining, broken = (
        opened.house(opened.speaks(b"N")),
        opened.house(opened.speaks(b"S\x15\x03\x03\0\2\2\x28")),
    )
    seen = looking(reached, postgres.tls, "name.test", declining, None)()
    assert (seen.answered, seen.is_declined, seen.is_spoken) == (True, True, False)
    seen = looking(reached, postgres.tls, "name.test", broken, None)()
    assert (seen.answered, seen.is_declined, seen.is_spoken) == (True, False, False)


def drips(opened: Street, words: bytes) -> Behaviour:
    """Return what sends the same words for ever."""

    def drip(guest: socket.socket) -> None:
        while not opened.over.wait(0.02):
            guest.sendall(words)

    return drip


def test_nothing_hangs_beyond_its_limit(reached: Connections, opened: Street) -> None:
    """One deadline holds for connection, login and query, whatever trickles in."""
    limit_s = 0.5
    quiet, notices, bytes_ = opened.says_nothing, drips(opened, NOTICE), drips(opened, b"R")
    servers: dict[str, Behaviour] = {
        "says nothing": quiet,
        "hangs after the request": OddPostgres(opened, login=b"", then=quiet),
        "hangs in a message": OddPostgres(opened, login=b"R\0\0", then=quiet),
        "hangs once logged in": OddPostgres(opened, login=authentication(0), then=quiet),
        "hangs in the query": OddPostgres(opened, then=quiet),
        "hangs in a row": OddPostgres(opened, query=rows(b"1")[:30], then=quiet),
        "drips notices": OddPostgres(opened, login=b"", then=notices),
        "drips bytes": OddPostgres(opened, login=b"E\0\1\0\0", then=bytes_),
        "drips notices in the query": OddPostgres(opened, then=notices),
    }
    looks: dict[str, Look] = {
        "query": lambda port: asking(reached, port, limit_s=limit_s),
        "query under TLS": lambda port: asking(reached, port, "/etc/ssl/certs/ca-certificates.crt", limit_s),
        "tls": lambda port: look(reached, "name.test", port, None, postgres.request_tls, limit_s=limit_s),
    }
    pairs = [pair for pair in product(looks, servers) if pair[0] == "query" or pair[1] == "says nothing"]
    ports = {name: opened.house(behaviour) for name, behaviour in servers.items()}

    def timed(pair: tuple[str, str]) -> tuple[str, float]:
        began = time.monotonic()
        return outcome(lambda: looks[pair[0]](ports[pair[1]]))[0], time.monotonic() - began

    with ThreadPoolExecutor(len(pairs)) as pool:
        found = dict(zip(pairs, pool.map(timed, pairs), strict=True))
    late = {pair: seconds for pair, (_, seconds) in found.items() if seconds > limit_s + 1}
    print(f"{len(pairs)} looks at servers that never end: {len(late)} hangs")
    assert not late
    assert {said for said, _ in found.values()} <= {"RefusedError", "Unverified", "red"}, found
