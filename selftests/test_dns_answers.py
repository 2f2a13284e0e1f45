"""A DNS answer is one to the question that was asked, and it is followed to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import pytest

from postflight.evidence import Unverified
from postflight.probes import http
from postflight.probes.addresses import completed
from postflight.probes.dns_evidence import NameServers, Resolution
from postflight.probes.tcp import Trouble
from selftests.name_servers import Answer, Manner, good, name_server, response
from selftests.name_zones import NONE, WAITING, asked_of_resolver, asked_of_zone, holding, reached
from selftests.rude_servers import Street, street
from selftests.rude_town import looking

LONG = "x" * 63
BALANCER = "k8s-shop.ap-northeast-2.elb.amazonaws.com"
RECORDS = {
    "www.name.test.": [("A", "192.0.2.1"), ("A", "192.0.2.2"), ("TXT", '"x"')],
    "six.name.test.": [("AAAA", "2001:db8::1")],
    "both.name.test.": [("A", "192.0.2.1"), ("AAAA", "2001:db8::1")],
    "_svc._tcp.name.test.": [("A", "192.0.2.3")],
    "xn--hg4bs57a.name.test.": [("A", "192.0.2.4")],
    f"{LONG}.name.test.": [("A", "192.0.2.5")],
    "alias.name.test.": [("CNAME", "WWW.Name.Test.")],
    "to-six.name.test.": [("CNAME", "six.name.test.")],
    "dangling.name.test.": [("CNAME", "gone.name.test.")],
    "loop.name.test.": [("CNAME", "pool.name.test.")],
    "pool.name.test.": [("CNAME", "pool2.name.test.")],
    "only-text.name.test.": [("TXT", '"x"')],
    "away.name.test.": [("CNAME", f"{BALANCER}.")],
}


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


@pytest.mark.parametrize(
    ("host", "values"),
    [
        ("www.name.test", ("192.0.2.1", "192.0.2.2")),
        ("WWW.Name.TEST", ("192.0.2.1", "192.0.2.2")),
        ("www.name.test.", ("192.0.2.1", "192.0.2.2")),
        ("six.name.test", ("2001:db8::1",)),
        ("both.name.test", ("192.0.2.1",)),
        ("_svc._tcp.name.test", ("192.0.2.3",)),
        ("상품.name.test", ("192.0.2.4",)),
        (f"{LONG}.name.test", ("192.0.2.5",)),
        ("alias.name.test", ("192.0.2.1", "192.0.2.2")),
        ("to-six.name.test", ("2001:db8::1",)),
    ],
)
def test_healthy_names_are_found(opened: Street, host: str, values: tuple[str, ...]) -> None:
    """However they are written, and in whichever family they have an address."""
    by_resolver = asked_of_resolver(opened, holding(RECORDS, resolves=True), host)
    by_zone = asked_of_zone(opened, Manner(holding(RECORDS)), host)
    at = name_server(opened, Manner(holding(RECORDS, resolves=True)))
    for seen in (by_resolver, by_zone):
        assert (seen.status, sorted(seen.values)) == ("found", sorted(values))
    assert sorted(reached(at, None, WAITING).addresses.resolve(host)) == sorted(values)


@pytest.mark.parametrize(
    ("host", "status", "words"),
    [
        ("none.name.test", "no such name", "there is no such name (NXDOMAIN)"),
        ("only-text.name.test", "no such record", "has no A or AAAA record (NODATA)"),
        (
            "dangling.name.test", "no such name",
            "dangling.name.test is a CNAME to gone.name.test, which does not exist (NXDOMAIN)",
        ),
        (f"x{LONG}.name.test", "not a name", "a label is longer than 63 octets"),
        ("a..name.test", "not a name", "a label is empty"),
        (f"{'.'.join([LONG] * 4)}.name.test", "not a name", "longer than 255 octets"),
    ],
)  # fmt: skip
def test_names_that_lead_to_nothing_are_reported_with_the_reason(
    opened: Street, host: str, status: str, words: str
) -> None:
    """By the resolver, by the zone's own server, and wherever an address is needed."""
    for proves in (True, False):
        seen = asked_of_resolver(opened, holding(RECORDS, resolves=True, proves=proves), host)
        assert seen.status == status
        assert words in seen.said
    own = asked_of_zone(opened, Manner(holding(RECORDS)), host)
    assert own.status == status
    assert words in own.said
    at = name_server(opened, Manner(holding(RECORDS, resolves=True)))
    with pytest.raises(Trouble, match=r"does not exist|no A or AAAA|is not a host name"):
        reached(at, None, WAITING).addresses.resolve(host)


def test_an_alias_that_leaves_the_zone_is_followed(opened: Street) -> None:
    """The zone's own server knows no more than the alias; the resolver knows where it ends."""
    there = holding({f"{BALANCER}.": [("A", "192.0.2.9")]}, "amazonaws.com.", resolves=True)
    seen = asked_of_zone(opened, Manner(holding(RECORDS)), "away.name.test", there)
    assert (seen.status, seen.values, seen.chain) == ("found", ("192.0.2.9",), (BALANCER,))

    gone = asked_of_zone(
        opened, Manner(holding(RECORDS)), "away.name.test", holding({}, "amazonaws.com.", resolves=True)
    )
    assert gone.status == "no such name"
    assert (
        f"away.name.test is a CNAME to {BALANCER}, which does not exist (NXDOMAIN), says 127.0" in gone.said
    )

    with pytest.raises(Unverified, match=f"a CNAME to {BALANCER}, which could not be looked up"):
        asked_of_zone(opened, Manner(holding(RECORDS)), "away.name.test", lambda query: [
            response(query, code=dns.rcode.REFUSED)
        ])  # fmt: skip


def test_a_page_behind_a_dangling_alias_names_it(opened: Street) -> None:
    """Whoever reads of a host that is not reached learns which record to change."""
    at = name_server(opened, Manner(holding({**RECORDS, "away.name.test.": []}, resolves=True)))
    seen = looking(reached(at, None, WAITING), http.get, "http://dangling.name.test:1/")()
    assert seen.problem == "dangling.name.test is a CNAME to gone.name.test, which does not exist (NXDOMAIN)"


def test_a_loop_of_aliases_is_a_finding(opened: Street) -> None:
    """Also where each answer shows one link of it."""

    def link(query: dns.message.Message) -> list[Answer]:
        name = query.question[0].name.to_text()
        return [response(query, (name, "CNAME", "b.name.test." if name[0] == "a" else "a.name.test."))]

    for seen in (
        asked_of_resolver(opened, link, "a.name.test"),
        asked_of_zone(opened, Manner(link), "a.name.test"),
    ):
        assert (seen.status, seen.chain) == ("loop", ("b.name.test", "a.name.test"))
        assert "a loop" in seen.said


def test_a_resolver_that_leaves_the_chain_open_is_asked_for_its_end(opened: Street) -> None:
    """Forwarders pass on an authority's CNAME as it is."""
    records = {**RECORDS, f"{BALANCER}.": [("A", "192.0.2.9")]}

    def first_link_only(query: dns.message.Message) -> list[Answer]:
        (made,) = holding(records, "test.", resolves=True)(query)
        assert isinstance(made, dns.message.Message)
        del made.answer[1:]
        return [made]

    seen = asked_of_resolver(opened, first_link_only, "away.name.test")
    assert (seen.status, seen.values, seen.chain) == ("found", ("192.0.2.9",), (BALANCER,))


def test_a_dname_leads_its_whole_subtree(opened: Street) -> None:
    """RFC 6672: the CNAME that goes with it may be missing."""
    seen = asked_of_zone(
        opened,
        Manner(
            lambda query: [
                response(
                    query,
                    ("old.name.test.", "DNAME", "new.name.test."),
                    ("a.new.name.test.", "A", "192.0.2.8"),
                )
            ]
        ),
        "a.old.name.test",
    )
    assert (seen.status, seen.values, seen.chain) == ("found", ("192.0.2.8",), ("a.new.name.test",))


def test_a_resolver_that_denies_everything_is_not_believed(opened: Street) -> None:
    """Without the zone's name a denial counts only from a resolver that knows the zone."""
    with pytest.raises(Unverified, match="NXDOMAIN, without the authority of a zone"):
        asked_of_resolver(
            opened, lambda query: [response(query, code=dns.rcode.NXDOMAIN, flags=NONE)], "www.name.test"
        )


def test_failure_of_dnssec_is_named(opened: Street) -> None:
    """What only a resolver that does not validate gets is broken for everybody else."""

    def validating(query: dns.message.Message) -> list[Answer]:
        if query.flags & dns.flags.CD:
            return good(query)
        made = response(query, code=dns.rcode.SERVFAIL, flags=dns.flags.RA)
        made.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSSEC_BOGUS, "signature expired")])
        return [made]

    seen = asked_of_resolver(opened, validating, "www.name.test")
    assert (seen.status, seen.fails_validation) == ("server failure", True)
    assert "SERVFAIL): dnssec bogus (signature expired), DNSSEC validation fails" in seen.said


def test_a_failure_that_passes_is_not_one_of_dnssec(opened: Street) -> None:
    """A slow upstream makes a resolver fail once; what comes next is in its cache."""
    asked: list[int] = []

    def recovering(query: dns.message.Message) -> list[Answer]:
        asked.append(query.flags)
        is_early = len(asked) <= 2
        return [response(query, code=dns.rcode.SERVFAIL, flags=dns.flags.RA)] if is_early else good(query)

    seen = asked_of_resolver(opened, recovering, "www.name.test")
    assert (seen.is_found, seen.fails_validation) == (True, False)


def test_an_alias_of_the_root_is_no_loop(opened: Street) -> None:
    """`CNAME .` names nothing; a server that fails on it fails."""

    def odd(query: dns.message.Message) -> list[Answer]:
        if query.question[0].rdtype != dns.rdatatype.CNAME:
            return [response(query, code=dns.rcode.SERVFAIL, flags=dns.flags.RA)]
        return [response(query, ("www.name.test.", "CNAME", "."), flags=dns.flags.RA)]

    assert asked_of_resolver(opened, odd, "www.name.test").status == "server failure"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("www.name.test", ["www.name.test"]),
        ("kyeol.click", ["kyeol.click", "kyeol.click.svc.cluster.local"]),
        (
            "redis",
            ["redis.shop.svc.cluster.local", "redis.svc.cluster.local", "redis.cluster.local", "redis"],
        ),
        (
            "a.shop.svc",
            [
                "a.shop.svc.shop.svc.cluster.local",
                "a.shop.svc.svc.cluster.local",
                "a.shop.svc.cluster.local",
                "a.shop.svc",
            ],
        ),
    ],
)
def test_search_domains_complete_names_of_services_only(name: str, expected: list[str]) -> None:
    """A wildcard in a search domain would turn a name that does not exist into one that does."""
    domains = ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")
    search = [dns.name.from_text(one) for one in domains]
    found = completed(dns.name.from_text(name), search)
    assert [one.to_text(omit_final_dot=True) for one in found] == expected
    assert completed(dns.name.from_text(name), search, is_absolute=True) == [dns.name.from_text(name)]


def test_search_domains_do_not_apply_to_hosts(opened: Street) -> None:
    """The resolver of this machine may have any."""
    records = {"gone.name.test.corp.test.": [("A", "192.0.2.66")]}
    run = reached(name_server(opened, Manner(holding(records, "test.", resolves=True))), None, WAITING)
    run.addresses.resolver().search = [dns.name.from_text("corp.test")]
    with pytest.raises(Trouble, match="does not exist"):
        run.addresses.resolve("gone.name.test")


@pytest.mark.parametrize(
    ("kind", "recorded"),
    [
        (
            Resolution,
            {"name": "a", "record": "A", "server": "s", "status": "found", "values": ["::1"], "seconds": 1},
        ),
        (Resolution, {"name": "a", "record": "A", "server": "s", "status": "no authority", "seconds": 1}),
        (
            NameServers,
            {"zone": "z", "servers": [{"name": "n", "address": "192.0.2.1", "port": 53}], "problem": None},
        ),
    ],
)  # fmt: skip
def test_evidence_of_older_runs_is_read(kind: type[Any], recorded: dict[str, Any]) -> None:
    """A replay judges what was seen before answers were followed."""
    kept = kind.model_validate(recorded)
    assert kept.model_dump(mode="json", exclude_unset=True) == recorded
    assert kind is NameServers or kept.said
