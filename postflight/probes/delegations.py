"""Which servers a zone is delegated to, by the word of the zone above: it knows also where those are dead."""

from __future__ import annotations

from collections.abc import Iterable

import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.dns import with_addresses
from postflight.probes.dns_answers import NotANameError, delegations, parse_name, plain, read
from postflight.probes.dns_evidence import PORT, NameServers, Server
from postflight.probes.dns_exchange import NoMessageError, Query, exchange
from postflight.probes.dns_lookups import resolve
from postflight.probes.tcp import Trouble

# From a zone above to the zone: more zone cuts than any real name has between the two.
_MOST_REFERRALS = 6
_MOST_SERVERS = 3


def delegated(connections: Connections, zone: str, why: str, port: int = PORT) -> NameServers:
    """Return the servers that the zone above delegates a zone to; none, with a problem, where it denies it.

    `why`: why that is asked, for messages. `port`: of the name servers. Raises Unverified where the zone
    above cannot be asked from here.
    """
    try:
        name = parse_name(zone)
    except NotANameError as error:
        return NameServers(zone=zone, problem=str(error))
    above, servers = _above(connections, name, port)
    deadline = Deadline.after(connections.addresses.limits.look_s)
    for _ in range(_MOST_REFERRALS):
        server, answer = _asked(connections, servers, name, deadline)
        if server is None or answer is None:
            asked = ", ".join(one.title for one in servers) or "none of its servers is known"
            raise Unverified(f"{why} The zone above ({_shown(above)}) does not answer from here: {asked}.")
        rrset = _delegation(answer, name)
        if rrset is None:
            return _denied(server, answer, name, above, why)
        given, without = _glued(rrset, answer, port)
        if rrset.name == name:
            others = with_addresses(connections, zone, tuple(without), f"according to {server.title}", port)
            every = sorted((*given, *others.servers), key=lambda one: one.name)
            return others.model_copy(update={"servers": tuple(every)})
        above, servers = rrset.name, given or _resolved(connections, without, port)
    raise Unverified(f"{why} The zones above it refer to one another without end.")


def _above(connections: Connections, name: dns.name.Name, port: int) -> tuple[dns.name.Name, list[Server]]:
    """Return the nearest zone above of which the resolver knows the name servers; none if it knows none."""
    above = name
    while above != dns.name.root:
        above = above.parent()
        said = resolve(
            connections, above, dns.rdatatype.NS, Deadline.after(connections.addresses.limits.try_s)
        )[-1]
        if said.status == "found":
            return above, _resolved(connections, said.values, port)
        if said.status == "no answer":
            break
    return above, []


def _resolved(connections: Connections, names: Iterable[str], port: int) -> list[Server]:
    servers: list[Server] = []
    for name in sorted(names):
        if len(servers) == _MOST_SERVERS:
            break
        try:
            address = connections.addresses.resolve(name)[0]
        except (Trouble, Unverified):
            continue  # another of the zone's servers will do
        servers.append(Server(name=name, address=address, port=port))
    return servers


def _asked(
    connections: Connections, servers: list[Server], name: dns.name.Name, deadline: Deadline
) -> tuple[Server | None, dns.message.Message | None]:
    """Return the first server that has a say, and what it answers."""
    for server in servers:
        left = max(deadline.ends - deadline.began - deadline.elapsed_s, 0)
        query = Query(name, dns.rdatatype.NS, recurses=False)
        try:
            answer = exchange(
                connections, server, query, Deadline.after(min(connections.addresses.limits.try_s, left))
            )
        except NoMessageError:
            continue  # another of the zone's servers will do
        if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return server, answer
    return None, None


def _delegation(answer: dns.message.Message, name: dns.name.Name) -> dns.rrset.RRset | None:
    """Return the NS records of the zone, or of one between the zone above and it."""
    if answer.rcode() != dns.rcode.NOERROR:
        return None
    own = [
        rrset
        for rrset in answer.answer
        if rrset.name == name and rrset.rdtype == dns.rdatatype.NS and rrset.rdclass == dns.rdataclass.IN
    ]
    return max([*own, *delegations(answer, name)], key=lambda rrset: len(rrset.name), default=None)


def _denied(
    server: Server, answer: dns.message.Message, name: dns.name.Name, above: dns.name.Name, why: str
) -> NameServers:
    said = read(answer, name, dns.rdatatype.NS, above)
    if said.status not in ("no such name", "no such record"):
        raise Unverified(f"{why} {server.title}, which serves {_shown(above)}, says nothing of it either.")
    code = "NXDOMAIN" if said.status == "no such name" else "NODATA"
    return NameServers(
        zone=plain(name),
        problem=f"{plain(name)} is delegated to no name server: "
        f"{server.title}, which serves {_shown(above)}, knows of none ({code})",
    )


def _shown(zone: dns.name.Name) -> str:
    return "the root" if zone == dns.name.root else plain(zone)


def _glued(rrset: dns.rrset.RRset, answer: dns.message.Message, port: int) -> tuple[list[Server], list[str]]:
    """Return the servers whose address came with the answer, and the names of the others."""
    servers, without = [], []
    for target in sorted(one.target for one in rrset):
        addresses = [
            str(value)
            for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)
            for given in answer.additional
            if given.name == target and given.rdtype == kind
            for value in given
        ]
        if addresses:
            servers.append(Server(name=plain(target), address=addresses[0], port=port))
        else:
            without.append(plain(target))
    return servers, without
