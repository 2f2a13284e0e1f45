"""Looks a name up to its end: at the resolver's servers in turn, or at a zone's own server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import dns.name
import dns.rdatatype
from dns.rdatatype import RdataType

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.dns_answers import NotANameError, Said, encloses, is_loop, parse_name, plain, read
from postflight.probes.dns_evidence import EITHER_FAMILY, SETTLED, UNSIGNED, Resolution, Server, shown
from postflight.probes.dns_exchange import NoMessageError, Query, exchange

# Where the zone's own server declines to follow an alias, the resolver is asked.
_DECLINED = frozenset({"refused", "error", "no authority", "referral"})


def resolve(connections: Connections, name: dns.name.Name, kind: RdataType, deadline: Deadline) -> list[Said]:
    """Return what the resolver's servers say, in the order they were asked; the last one is the answer.

    Each has its share of the time. One that settles the question, or else a SERVFAIL, is last.
    """
    servers = resolvers(connections)
    answers: list[Said] = []
    for number, server in enumerate(servers):
        left = max(deadline.ends - deadline.began - deadline.elapsed_s, 0.01)
        share = Deadline.after(left / (len(servers) - number))
        answers.append(_followed(connections, server, name, kind, share))
        if answers[-1].status in SETTLED:
            return answers
    failed = next((one for one in answers if one.status == "server failure"), None)
    if failed is None:
        return answers
    server = next(one for one in servers if one.title == failed.who)
    others = [one for one in answers if one is not failed]
    return [*others, _with_reason(connections, server, name, kind, failed)]


def resolvers(connections: Connections) -> list[Server]:
    """Return the resolver's servers. Raises Unverified if there are none."""
    known = connections.addresses.resolver()
    addresses = [str(address) for address in known.nameservers]
    return [Server(name=shown(one, known.port), address=one, port=known.port) for one in addresses]


def ask(
    connections: Connections, server: Server, query: Query, deadline: Deadline, zone: dns.name.Name | None
) -> Said:
    """Put one question to one server, and read its answer. Raises Unverified."""
    try:
        answer = exchange(connections, server, query, deadline)
    except NoMessageError as error:
        return Said(error.status, (query.name,), detail=str(error), who=server.title)
    said = read(answer, query.name, query.kind, zone)
    return replace(said, who=server.title, detail=connections.secrets.short(said.detail, 200))


def _followed(
    connections: Connections, server: Server, name: dns.name.Name, kind: RdataType, deadline: Deadline
) -> Said:
    """Ask a resolver's server, again for the end of a chain that it left open."""
    chain: tuple[dns.name.Name, ...] = (name,)
    while True:
        said = ask(connections, server, Query(chain[-1], kind, recurses=True), deadline, None)
        chain = (*chain, *said.chain[1:])
        if is_loop(chain):
            return replace(said, status="loop", chain=chain)
        if said.denies is not None and _knows_the_zone(connections, server, chain[-1], deadline):
            return replace(said, status=said.denies, chain=chain, detail="")
        if said.status is not None:
            return replace(said, chain=chain)


def _knows_the_zone(
    connections: Connections, server: Server, name: dns.name.Name, deadline: Deadline
) -> bool:
    """Whether a resolver that denies a name without proof (systemd-resolved does) knows the zone it is in.

    One that denies everything does not.
    """
    above = name
    for _ in range(4):
        if above == dns.name.root:
            break
        query = Query(above, dns.rdatatype.SOA, recurses=True)
        try:
            answer = exchange(connections, server, query, deadline)
        except NoMessageError:
            return False
        if encloses(answer, name) or read(answer, above, dns.rdatatype.SOA).status == "found":
            return True
        above = above.parent()
    return False


def _with_reason(
    connections: Connections, server: Server, name: dns.name.Name, kind: RdataType, failed: Said
) -> Said:
    """Look for a loop of aliases, and ask once more without DNSSEC: what is found then is not signed well."""
    loop = _loop(connections, server, Query(name, kind, recurses=True), None)
    if loop is not None:
        return loop
    query = Query(name, kind, recurses=True, validates=False)
    said = ask(connections, server, query, Deadline.after(connections.addresses.limits.try_s), None)
    if said.status != "found":
        return failed
    # A failure that has passed meanwhile is not one of DNSSEC.
    again = ask(
        connections,
        server,
        replace(query, validates=True),
        Deadline.after(connections.addresses.limits.try_s),
        None,
    )
    if again.status == "found":
        return again
    reason = f"{failed.detail}, " if failed.detail else ""
    return replace(failed, detail=f"{reason}{UNSIGNED}, without it the answer is {said.values[0]}")


def _loop(connections: Connections, server: Server, query: Query, zone: dns.name.Name | None) -> Said | None:
    """Return the loop of aliases that a server, which fails on its name, knows link by link; None without.

    BIND and unbound answer SERVFAIL for a name in a loop.
    """
    chain: tuple[dns.name.Name, ...] = (query.name,)
    deadline = Deadline.after(connections.addresses.limits.try_s)
    while not is_loop(chain):
        link = replace(query, name=chain[-1], kind=dns.rdatatype.CNAME)
        said = ask(connections, server, link, deadline, zone)
        if said.status != "found":
            return None
        try:
            chain = (*chain, parse_name(said.values[0]))
        except NotANameError:
            return None  # the root, say
    return Said("loop", chain, who=server.title)


def of_zone(
    connections: Connections, server: Server, zone: dns.name.Name, query: Query, deadline: Deadline
) -> Said:
    """Ask a zone's own server, and follow the chain: within the zone by it, beyond by the resolver.

    Raises Unverified where the resolver has no answer for what lies beyond.
    """
    chain: tuple[dns.name.Name, ...] = (query.name,)
    while True:
        said = ask(connections, server, replace(query, name=chain[-1]), deadline, zone)
        is_first = len(chain) == 1
        chain = (*chain, *said.chain[1:])
        if is_loop(chain):
            return replace(said, status="loop", chain=chain)
        if said.status == "server failure":
            return _loop(connections, server, query, zone) or replace(said, chain=chain)
        is_beyond = said.status is None and not chain[-1].is_subdomain(zone)
        if is_beyond or (not is_first and said.status in _DECLINED):
            return _beyond(connections, server, chain, query.kind)
        if said.status is not None:
            return replace(said, chain=chain)


def _beyond(
    connections: Connections, server: Server, chain: tuple[dns.name.Name, ...], kind: RdataType
) -> Said:
    answers = resolve(connections, chain[-1], kind, Deadline.after(connections.addresses.limits.look_s))
    said = answers[-1]
    if said.status not in SETTLED:
        raise Unverified(
            f"{server.title} says that {plain(chain[0])} is a CNAME to {plain(chain[-1])}, "
            f"which could not be looked up: {spoken(answers, connections.addresses.limits.look_s)}."
        )
    whole = (*chain, *said.chain[1:])
    status = "loop" if is_loop(whole) else said.status
    return replace(said, status=status, chain=whole, who=server.title, end_who=said.who)


def of_either_family(record: str, look: Callable[[RdataType], list[Said]]) -> list[Said]:
    """Look for a record; for `A`, which stands for an address, also for AAAA where there is no A."""
    kind = dns.rdatatype.from_text(record)
    answers = look(kind)
    if kind != dns.rdatatype.A or answers[-1].status not in ("no such record", "unproven"):
        return answers
    others = look(dns.rdatatype.AAAA)
    if others[-1].status == "no such record":
        others[-1] = replace(others[-1], detail=EITHER_FAMILY)
    return answers if answers[-1].status == "unproven" and others[-1].status != "found" else others


def resolution(said: Said, host: str, record: str, seconds: float) -> Resolution:
    """Return what was said as evidence."""
    if said.status is None:
        raise ValueError("an open chain is no answer")
    return Resolution(
        name=host, record=record, server=said.who, status=said.status, values=said.values,
        seconds=round(seconds, 4), chain=tuple(plain(one) for one in said.chain[1:]),
        end_server=said.end_who, detail=said.detail,
    )  # fmt: skip


def spoken(answers: Sequence[Said], seconds: float) -> str:
    """Say what the servers said, for messages."""
    return ", and ".join(resolution(one, plain(one.chain[0]), "A", seconds).said for one in answers)
