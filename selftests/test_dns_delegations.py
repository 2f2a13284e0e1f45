"""Whom a zone is delegated to where its own servers are dead, and what a run concludes from their silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from postflight.environment import Host, HostedZone
from postflight.evidence import Looking, Unverified
from postflight.probes import dns as dns_probes
from postflight.probes.delegations import delegated
from postflight.probes.dns_evidence import NameServers, Resolution, Server
from postflight.subjects import network
from postflight.subjects.registry import Ask
from selftests.name_servers import Answer, Manner, Udp, asked, name_server, response
from selftests.name_zones import LIMITS, NAME, NONE, reached
from selftests.rude_servers import Street, street
from selftests.rude_town import looking

WHY = "The name servers of name.test could not be looked up."
ZONE = HostedZone(name="name.test", zone="name.test")
HOST = Host(name=NAME, hosted_zone="name.test")


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


def knowing_above(query: dns.message.Message) -> list[Answer]:
    """Answer as a resolver that knows the zone above, and fails on the zone itself."""
    known = {
        ("test.", "NS"): "a.nic.example.",
        ("a.nic.example.", "A"): "127.0.53.1",
        ("ns2.other.example.", "A"): "127.0.53.3",
    }
    name, kind = asked(query)
    value = known.get((name, kind.name))
    if value is None:
        return [response(query, code=dns.rcode.SERVFAIL, flags=dns.flags.RA)]
    return [response(query, (name, kind, value), flags=dns.flags.RA)]


def referring(query: dns.message.Message) -> list[Answer]:
    """Answer as the zone above: by the delegation, and the address of one server with it."""
    names = [("name.test.", "NS", "ns1.name.test."), ("name.test.", "NS", "ns2.other.example.")]
    glue = [("ns1.name.test.", "A", "127.0.53.2")]
    return [response(query, flags=NONE, authority=names, additional=glue)]


def told_above(opened: Street, above: Udp) -> NameServers:
    """Ask for the delegation, where the zone above answers so."""
    at = name_server(opened, Manner(above), "127.0.53.1")
    run = reached(name_server(opened, Manner(knowing_above)), None, LIMITS)
    with dns_probes.delegation.allowed():
        return delegated(run, "name.test", WHY, int(at.partition(":")[2]))


def test_servers_of_a_dead_zone_are_known_above(opened: Street) -> None:
    """By name and address, with glue or without, and with the word of who says so."""
    seen = told_above(opened, referring)
    assert [(one.name, one.address) for one in seen.servers] == [
        ("ns1.name.test", "127.0.53.2"),
        ("ns2.other.example", "127.0.53.3"),
    ]
    assert seen.problem is None
    assert seen.source.startswith("according to a.nic.example (127.0.53.1:")


@pytest.mark.parametrize(("code", "word"), [(dns.rcode.NXDOMAIN, "NXDOMAIN"), (dns.rcode.NOERROR, "NODATA")])
def test_a_zone_that_is_not_delegated_is_a_finding(opened: Street, code: dns.rcode.Rcode, word: str) -> None:
    """The zone above has the authority to say so."""
    seen = told_above(opened, lambda query: [response(query, code=code)])
    assert seen.servers == ()
    assert "name.test is delegated to no name server: a.nic.example (127.0.53.1:" in str(seen.problem)
    assert f"which serves test, knows of none ({word})" in str(seen.problem)


@pytest.mark.parametrize("above", [lambda _: [], lambda query: [response(query, code=dns.rcode.REFUSED)]])
def test_a_zone_above_that_does_not_answer_proves_nothing(opened: Street, above: Udp) -> None:
    """Where questions to other resolvers are blocked, every zone looks dead."""
    with pytest.raises(Unverified, match=r"The zone above \(test\) does not answer from here: a\.nic"):
        told_above(opened, above)


def test_dead_servers_of_a_zone_are_each_named(opened: Street) -> None:
    """The resolver's own word is just SERVFAIL."""
    try:
        name_server(opened, Manner(referring), "127.0.53.1", 53)
    except PermissionError:
        pytest.skip("port 53 is for root here")
    refusing = Manner(lambda query: [response(query, code=dns.rcode.REFUSED, flags=NONE)])
    name_server(opened, refusing, "127.0.53.2", 53)
    run = reached(name_server(opened, Manner(knowing_above)), None, LIMITS)
    servers = looking(run, dns_probes.name_servers, "name.test")()
    own = [looking(run, dns_probes.authoritative, one, "name.test", "SOA")() for one in servers.servers]
    problems = network.ZoneAnswers(name_servers=servers, answers=tuple(own)).problems
    assert problems == (
        "ns1.name.test (127.0.53.2) refuses to answer (REFUSED)",
        "ns2.other.example (127.0.53.3) did not answer within 0 s: its port is closed",
        "these are its servers according to a.nic.example (127.0.53.1)",
    )


@dataclass(frozen=True)
class Known:
    """Answers that are given in advance, by probe and the server or name that is asked."""

    given: Mapping[tuple[str, str], Any]

    renewals = 0

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return what is known. Raises Unverified."""
        del since
        for (probe, word), answer in self.given.items():
            if looking.question.probe == f"dns.{probe}" and word in looking.question.arguments:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        raise Unverified(f"{looking.question.probe} was not asked")


SERVERS = NameServers(
    zone="name.test",
    servers=(Server(name="ns1", address="192.0.2.1"), Server(name="ns2", address="192.0.2.2")),
)


def said(server: str, status: str, **more: Any) -> Resolution:
    """Return what a server says of the host."""
    whole = {"name": NAME, "record": "A", "server": server, "status": status, "seconds": 6.0, **more}
    return Resolution.model_validate(whole)


def judged(row: Any, subject: Any, given: Mapping[tuple[str, str], Any]) -> Any:
    """Look as a fixture does, at answers that are given."""
    run = reached("127.0.0.1:1")
    known = Known({("name_servers", "name.test"): SERVERS, **given})
    return row(Ask(known, run), run.environment, subject)


def test_a_host_is_asked_of_the_next_server_where_the_first_has_no_say() -> None:
    """A server that fails is the zone's trouble, reported once."""
    seen = judged(
        network.authoritative_answer,
        HOST,
        {
            ("authoritative", "ns1"): said("ns1 (192.0.2.1)", "refused"),
            ("authoritative", "ns2"): said("ns2 (192.0.2.2)", "found", values=("192.0.2.9",)),
        },
    )
    assert (seen.is_found, seen.said) == (True, "ns2 (192.0.2.2) says 192.0.2.9")


def test_a_host_whose_servers_all_fail_is_reported_with_what_each_said() -> None:
    """By name and address."""
    seen = judged(
        network.authoritative_answer,
        HOST,
        {
            ("authoritative", "ns1"): said("ns1 (192.0.2.1)", "refused"),
            ("authoritative", "ns2"): said("ns2 (192.0.2.2)", "error", detail="NOTAUTH"),
        },
    )
    assert not seen.is_found
    assert seen.said == (
        "ns1 (192.0.2.1) refuses to answer (REFUSED); ns2 (192.0.2.2) answers with an error (NOTAUTH)"
    )


@pytest.mark.parametrize(
    ("row", "subject"), [(network.authoritative_answer, HOST), (network.zone_answers, ZONE)]
)
def test_silence_is_the_zones_only_if_others_are_heard(row: Any, subject: Any) -> None:
    """A network that lets DNS pass to its own resolver only makes every zone silent."""
    silent = {("authoritative", one): said(one, "no answer") for one in ("ns1", "ns2")}
    blocked = Unverified("The zone above (test) does not answer from here")
    with pytest.raises(Unverified, match=r"The zone above \(test\)"):
        judged(row, subject, {**silent, ("delegation", "name.test"): blocked})
    seen = judged(row, subject, {**silent, ("delegation", "name.test"): SERVERS})
    words = seen.said if row is network.authoritative_answer else "; ".join(seen.problems)
    assert words == "ns1 did not answer within 6 s; ns2 did not answer within 6 s"


@pytest.mark.parametrize(
    ("row", "subject"), [(network.authoritative_answer, HOST), (network.zone_answers, ZONE)]
)
def test_a_resolver_in_the_way_says_nothing_of_the_zone(row: Any, subject: Any) -> None:
    """Some networks answer every question themselves."""
    given = {
        ("authoritative", one): said(one, "no authority", detail="a resolver answers there")
        for one in ("ns1", "ns2")
    }
    with pytest.raises(Unverified, match=r"Something between here and the name servers of name\.test"):
        judged(row, subject, given)


def test_a_server_whose_name_was_not_resolved_leaves_the_zone_unverified() -> None:
    """The others are well; of this one nothing is known."""
    partly = SERVERS.model_copy(update={"unresolved": ("ns3.example could not be resolved.",)})
    well = {("authoritative", one): said(one, "found", values=("x",)) for one in ("ns1", "ns2")}
    with pytest.raises(Unverified, match=r"Not every name server of name\.test was asked: ns3\.example"):
        judged(network.zone_answers, ZONE, {("name_servers", "name.test"): partly, **well})
    assert judged(network.authoritative_answer, HOST, {**well}).is_found


@pytest.mark.parametrize(
    ("row", "subject"), [(network.authoritative_answer, HOST), (network.zone_answers, ZONE)]
)
def test_a_zone_of_which_no_server_could_be_resolved_is_unverified(row: Any, subject: Any) -> None:
    """It has name servers; that the resolver failed on their names says nothing of the zone."""
    none = NameServers(zone="name.test", unresolved=("ns1.example could not be resolved.",))
    with pytest.raises(Unverified, match=r"Not every name server of name\.test was asked: ns1\.example"):
        judged(row, subject, {("name_servers", "name.test"): none})


def test_servfail_is_a_finding_where_the_zone_is_broken_too() -> None:
    """With the reason that its servers give."""
    failed = {("recursive", NAME): said("10.0.0.2", "server failure")}
    loop = said("ns1 (192.0.2.1)", "loop", chain=("b.name.test", NAME))
    seen = judged(network.recursive_answer, HOST, {**failed, ("authoritative", "ns1"): loop})
    assert seen.said.startswith(
        "10.0.0.2 fails to answer (SERVFAIL): ns1 (192.0.2.1) says that www.name.test is"
    )
    well = said("ns1 (192.0.2.1)", "found", values=("192.0.2.9",))
    with pytest.raises(Unverified, match=r"10\.0\.0\.2 fails to answer \(SERVFAIL\), though ns1"):
        judged(network.recursive_answer, HOST, {**failed, ("authoritative", "ns1"): well})


def test_servfail_of_dnssec_is_a_finding_by_itself() -> None:
    """The zone's servers give their answer to anybody, signed or not."""
    detail = "DNSSEC validation fails, without it the answer is 192.0.2.9"
    failed = {("recursive", NAME): said("10.0.0.2", "server failure", detail=detail)}
    assert not judged(network.recursive_answer, HOST, failed).is_found


def test_what_cannot_be_sent_from_here_is_ours(opened: Street) -> None:
    """A name server with an IPv6 address is not dead because this machine has no IPv6; nor is this one."""
    run = reached(name_server(opened, Manner(knowing_above)), None, LIMITS)
    nobody = Server(name="ns", address="255.255.255.255")
    with pytest.raises(Unverified, match=r"ns \(255\.255\.255\.255\) could not be asked from here"):
        looking(run, dns_probes.authoritative, nobody, NAME)()
