"""Hard times: whatever the other side does, a look ends in time, with a clear word, never as healthy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from postflight.evidence import Evidence, Unverified
from selftests.rude_servers import street
from selftests.rude_town import Case, Look, Town


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
    (("postgres", "half spoken"), 7, "silent", "began to answer the login"),
    (("postgres", "refused"), 3, "unreachable", "refused"),
    (("postgres", "listing from silence"), 7, None, "did not answer"),
    (("postgres tls", "silent"), 9, "silent", "said nothing for 8 s"),
    (("postgres tls", "refused"), 3, "tls refused", "refuses TLS"),
    (("redis", "silent"), 9, "silent", "said nothing for 8 s"),
    (("redis", "silent under tls"), 9, "silent", "said nothing for 8 s"),
    (("redis", "half a line"), 9, "slow", "had not ended after 8 s"),
    (("redis", "reset"), 3, "reset", "reset the connection"),
    (("redis", "garbage"), 3, "garbage", "not Redis"),
    (("redis", "odd"), 3, None, "answered PING with '+QUEUED'"),
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


def test_a_server_that_is_not_postgresql_was_not_seen(
    looks: dict[Case, Future[tuple[Any, float]]],
) -> None:
    """What answers in its place says nothing of the server."""
    seen, seconds = looks["postgres", "garbage"].result(timeout=30)
    assert isinstance(seen, Unverified)
    assert "not PostgreSQL (b'HTTP/1.1 400" in str(seen)
    assert seconds < 3


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


@pytest.mark.parametrize(
    "case", [("tls", "reset"), ("tls", "closed"), ("redis", "reset"), ("redis", "silent")]
)
def test_hanging_up_is_no_answer(looks: dict[Case, Future[tuple[Any, float]]], case: Case) -> None:
    """A proxy whose server is gone accepts and hangs up: the server behind it has not answered."""
    seen, _ = looks[case].result(timeout=30)
    assert not seen.answered
    odd, _ = looks["redis", "odd"].result(timeout=30)
    assert odd.answered
