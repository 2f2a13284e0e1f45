"""Every look that reads DNS against every odd answer: never green, never a traceback, never a hang."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from postflight.environment import Host, HostedZone
from postflight.evidence import LiveAnswers, Unverified
from postflight.probes import delegations, http, postgres, redis, tcp, tls
from postflight.probes import dns as dns_probes
from postflight.probes.addresses import Limits
from postflight.probes.connections import Connections
from postflight.probes.dns_evidence import Server
from postflight.probes.kubernetes import proxy
from postflight.probes.redis import RedisServer
from postflight.subjects import network
from postflight.subjects.registry import Ask
from selftests.name_servers import Manner, good, name_server
from selftests.name_zones import NAME, reached
from selftests.odd_names import PACKETS, WITHOUT_AUTHORITY, manners
from selftests.rude_servers import Street, street
from selftests.rude_town import looking, server

LONGEST_S = 6.0


def asking(connections: Connections, row: Callable[..., Any], subject: Any) -> Any:
    """Look as a fixture does."""
    return row(Ask(LiveAnswers(), connections), connections.environment, subject)


@dataclass(frozen=True)
class World:
    """Who answers: the odd server, a good one, and what is green if its name resolves."""

    odd: str
    good: str
    http: int
    redis: int
    closing: int

    def by_resolver(self) -> Connections:
        """Return a run whose resolver is odd."""
        return reached(self.odd)

    def by_zone(self) -> Connections:
        """Return a run whose resolver is good, and the zone's own server odd."""
        return reached(self.good, self.odd)

    def server(self) -> Server:
        """Return the odd server as a zone's own."""
        host, _, port = self.odd.partition(":")
        return Server(name="ns.name.test", address=host, port=int(port))


def world_of(opened: Street, odd: str, good: str) -> World:
    """Return a world with these name servers."""
    speaking = opened.house(opened.speaks(b"+PONG\r\n"))
    return World(odd, good, opened.http(), speaking, opened.house(opened.closes))


ZONE = HostedZone(name="name.test", zone="name.test")
HOST = Host(name=NAME, hosted_zone="name.test")


def _delegated(world: World) -> Any:
    with dns_probes.delegation.allowed():
        return delegations.delegated(reached(world.good), NAME, "It is not known.", world.server().port)


@dataclass(frozen=True)
class Look:
    """How a run looks, and whether what it sees would make a check green."""

    take: Callable[[World], Any]
    is_green: Callable[[Any], bool]


RESOLVER = {
    "recursive": Look(
        lambda world: looking(world.by_resolver(), dns_probes.recursive, NAME)(), lambda seen: seen.is_found
    ),
    "name servers": Look(
        lambda world: looking(world.by_resolver(), dns_probes.name_servers, "name.test")(),
        lambda seen: bool(seen.servers),
    ),
    "delegation": Look(
        lambda world: looking(world.by_resolver(), dns_probes.delegation, "name.test")(),
        lambda seen: bool(seen.servers),
    ),
    "recursive_answer": Look(
        lambda world: asking(world.by_resolver(), network.recursive_answer, HOST),
        lambda seen: seen.is_found,
    ),
    "zone_answers": Look(
        lambda world: asking(world.by_resolver(), network.zone_answers, ZONE), lambda seen: not seen.problems
    ),
    "http": Look(
        lambda world: looking(world.by_resolver(), http.get, f"http://{NAME}:{world.http}/")(),
        lambda seen: seen.status is not None,
    ),
    "tls": Look(
        lambda world: looking(world.by_resolver(), tls.handshake, NAME, world.http)(),
        lambda seen: seen.is_spoken or seen.kind == "not tls",
    ),
    "tcp": Look(
        lambda world: looking(world.by_resolver(), tcp.connection, NAME, world.http)(),
        lambda seen: seen.is_open,
    ),
    "redis": Look(
        lambda world: looking(
            world.by_resolver(), redis.ping, RedisServer(host=NAME, port=world.redis, tls=False)
        )(),
        lambda seen: seen.has_ponged,
    ),
    "postgres": Look(
        lambda world: looking(world.by_resolver(), postgres.login, server(world.closing), "postgres")(),
        lambda seen: "closed the connection without an answer" in str(seen.problem),
    ),
    "service": Look(
        lambda world: looking(world.by_resolver(), proxy.direct_answer, "shop", "cart", world.http, "/")(),
        lambda seen: seen.status is not None,
    ),
}

OWN_SERVER = {
    "authoritative": Look(
        lambda world: looking(world.by_zone(), dns_probes.authoritative, world.server(), NAME)(),
        lambda seen: seen.is_found,
    ),
    "start of authority": Look(
        lambda world: looking(
            world.by_zone(), dns_probes.authoritative, world.server(), "name.test", "SOA"
        )(),
        lambda seen: seen.is_found,
    ),
    "own zone_answers": Look(
        lambda world: asking(world.by_zone(), network.zone_answers, ZONE), lambda seen: not seen.problems
    ),
    "authoritative_answer": Look(
        lambda world: asking(world.by_zone(), network.authoritative_answer, HOST),
        lambda seen: seen.is_found,
    ),
}
ABSENT = {
    "NXDOMAIN": "no such name",
    "nothing": "no such record",
    "record in the additional section": "no such record",
    "CNAME into NODATA": "no such record",
    "CNAME into nothing": "no such name",
}
ABOVE = {"delegated by the zone above": Look(_delegated, lambda seen: bool(seen.servers))}


@dataclass(frozen=True)
class Seen:
    """What came of one pair."""

    look: str
    answer: str
    evidence: Any
    is_green: bool
    seconds: float


def _taken(look: tuple[str, Look], answer: str, world: World) -> Seen:
    began = time.monotonic()
    evidence: Any
    try:
        evidence = look[1].take(world)
        is_green = look[1].is_green(evidence)
    except Exception as error:  # noqa: BLE001 - counted by the test
        evidence, is_green = error, False
    return Seen(look[0], answer, evidence, is_green, time.monotonic() - began)


def _pairs(opened: Street) -> Iterator[tuple[tuple[str, Look], str, Manner]]:
    every = manners(opened)
    for name, manner in every.items():
        yield from ((look, name, manner) for look in (*RESOLVER.items(), *OWN_SERVER.items()))
        if name != "referral":
            yield from ((look, name, manner) for look in ABOVE.items())
    for name, udp in WITHOUT_AUTHORITY.items():
        yield from ((look, name, Manner(udp)) for look in OWN_SERVER.items())


@pytest.fixture(scope="module")
def every() -> Iterator[list[Seen]]:
    """Take every look at every answer."""
    with street() as opened:
        pairs = list(_pairs(opened))
        resolver = name_server(opened, Manner(good))
        odd = {
            name: name_server(opened, manner) for name, manner in {one[1]: one[2] for one in pairs}.items()
        }
        healthy = world_of(opened, resolver, resolver)
        worlds = {name: replace(healthy, odd=at) for name, at in odd.items()}
        with ThreadPoolExecutor(60) as pool:
            waiting = [pool.submit(_taken, look, name, worlds[name]) for look, name, _ in pairs]
            yield [one.result() for one in waiting]


def test_odd_answers_of_name_servers_are_never_green(every: list[Seen]) -> None:
    """Nor a traceback, nor a hang: each is evidence that says what came, or unverified."""
    green = [(one.look, one.answer) for one in every if one.is_green]
    broken = [
        (one.look, one.answer, repr(one.evidence))
        for one in every
        if isinstance(one.evidence, Exception) and not isinstance(one.evidence, Unverified)
    ]
    hanging = [(one.look, one.answer, one.seconds) for one in every if one.seconds > LONGEST_S]
    looks, answers = {one.look for one in every}, {one.answer for one in every}
    print(
        f"{len(looks)} looks x {len(answers)} answers: "
        f"{len(green)} green, {len(broken)} tracebacks, {len(hanging)} hangs"
    )
    assert (green, broken, hanging) == ([], [], [])
    assert len(every) > 900


def _words(seen: Any) -> str:
    if isinstance(seen, network.ZoneAnswers):
        return "; ".join(seen.problems)
    return str(getattr(seen, "said", None) or seen.problem)


def test_odd_answers_are_reported_in_one_line(every: list[Seen]) -> None:
    """Which server it was, and what it said, fits into a sentence."""
    for one in every:
        seen = one.evidence
        words = str(seen) if isinstance(seen, Exception) else _words(seen)
        assert words, one
        assert "\n" not in str(words), one
        assert len(str(words)) < 600, one


def test_absence_is_only_what_is_said_with_authority(every: list[Seen]) -> None:
    """A name is red as absent after these answers, and after no other."""
    with street() as opened:
        for answer, code in ABSENT.items():
            at = name_server(opened, Manner(PACKETS[answer]))
            assert looking(reached(at, None, Limits()), dns_probes.recursive, NAME)().status == code
    absent = {
        one.answer
        for one in every
        if one.look == "recursive" and getattr(one.evidence, "status", "").startswith("no such")
    }
    assert absent <= set(ABSENT)


# The other two ask name servers on port 53: see selftests/test_dns_delegations.py.
WELL = sorted({*RESOLVER, *OWN_SERVER, *ABOVE} - {"zone_answers", "delegation"})


@pytest.mark.parametrize("look", WELL)
def test_looks_are_green_where_all_is_well(look: str) -> None:
    """Looks that only ever find trouble would prove nothing."""
    with street() as opened:
        at = name_server(opened, Manner(good))
        world = world_of(opened, at, at)
        seen = _taken((look, {**RESOLVER, **OWN_SERVER, **ABOVE}[look]), "good", world)
        assert seen.is_green, seen
