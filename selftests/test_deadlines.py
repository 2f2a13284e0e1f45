"""Alarms: what happens at the moment by which a look must have ended."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator

import pytest
import urllib3

from postflight.probes.deadlines import alarm
from postflight.probes.kubernetes.exchange import NoAnswerError
from postflight.probes.kubernetes.transport import Transport
from sandbox.network.certificates import Authority
from selftests.rude_servers import Street


@pytest.fixture
def street() -> Iterator[Street]:
    """Give servers that end with the test."""
    street = Street()
    with street.stack:
        yield street
        street.over.set()


def test_alarms_ring_in_the_order_of_their_moments() -> None:
    """A look of six seconds that begins after one of twelve ends before it."""
    rung: list[str] = []
    first, last = threading.Event(), threading.Event()
    later = alarm(60, lambda: rung.append("after a minute"))
    time.sleep(0.05)  # the clock sleeps by then, until that minute is over
    alarm(0.2, last.set)
    alarm(0.1, first.set)
    assert first.wait(2)
    assert not last.is_set()
    assert last.wait(2)
    later.cancel()
    assert rung == []


def test_cancelled_alarm_is_silent() -> None:
    """A look that ended in time must not have the next look's connection cut."""
    rung: list[str] = []
    over = threading.Event()
    alarm(0.05, lambda: rung.append("cancelled")).cancel()
    alarm(0.1, over.set)
    assert over.wait(5)
    assert rung == []


def test_alarm_under_way_is_waited_for_when_it_is_cancelled() -> None:
    """Whoever cancels closes the socket that the alarm shuts down: it must not be another's by then."""
    begun, done = threading.Event(), threading.Event()

    def act() -> None:
        begun.set()
        time.sleep(0.2)
        done.set()

    late = alarm(0.0, act)
    assert begun.wait(5)
    late.cancel()
    assert done.is_set()


def test_one_thread_keeps_all_deadlines() -> None:
    """Two thousand endpoints are asked within seconds; a thread for each would cost more than the asking."""
    unheard = threading.Event()
    for made in [alarm(60, unheard.set) for _ in range(200)]:
        made.cancel()
    assert [thread.name for thread in threading.enumerate()].count("deadlines") == 1


def test_handshake_that_drips_is_cut_off(street: Street) -> None:
    """One byte of a handshake now and then never trips a read timeout either."""
    a_long_record = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03"
    port = street.house(street.drips(a_long_record))
    tls = ssl.create_default_context(cadata=Authority("Nobody").pem)
    transport = Transport(urllib3.PoolManager(ssl_context=tls), f"https://127.0.0.1:{port}")
    began = time.monotonic()
    with (
        pytest.raises(NoAnswerError, match="did not finish its answer within 1 s"),
        transport.exchange("/", {}, 1.0),
    ):
        pytest.fail("there is no answer to read")
    assert time.monotonic() - began < 3
