"""DNS: what a recursive resolver says, and what the zone's own name servers say."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from postflight.environment import Environment
from postflight.evidence import Unverified
from postflight.probes.addresses import parse_server
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.dns_evidence import PORT, NameServers, Resolution, Server
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Trouble

if TYPE_CHECKING:
    import dns.name


@reads("dns", deadline_s=30.0)
def recursive(connections: Connections, host: str, record: str = "A") -> Resolution:
    """Ask the resolver for a name; `A` stands for an address of either family.

    A resolver that says nothing of use is our own trouble: Unverified. SERVFAIL of all its servers is an
    answer.
    """
    require_declared("dns")
    return _by_resolver(connections, host, record, f"{host} could not be looked up")


@reads("dns", deadline_s=40.0)
def name_servers(connections: Connections, zone: str) -> NameServers:
    """Look up which servers a zone is delegated to (or the one the environment says stands for them).

    Where the resolver fails on the zone, the servers of the zone above are asked.
    """
    from postflight.probes.delegations import delegated

    require_declared("dns")
    stands_in = connections.environment.authoritative
    if stands_in is not None:
        address, port = parse_server(stands_in)
        return NameServers(zone=zone, servers=(Server(name=stands_in, address=address, port=port),))
    try:
        answer = _by_resolver(connections, zone, "NS", f"The name servers of {zone} could not be looked up")
    except Unverified as error:
        return delegated(connections, zone, str(error))
    if answer.status == "server failure":
        return delegated(
            connections, zone, f"The name servers of {zone} could not be looked up: {answer.said}."
        )
    if not answer.is_found:
        return NameServers(zone=zone, problem=f"{zone} is delegated to no name server: {answer.said}")
    return with_addresses(connections, zone, answer.values)


@reads("dns", deadline_s=40.0)
def delegation(connections: Connections, zone: str) -> NameServers:
    """Ask the servers of the zone above which servers a zone is delegated to. Raises Unverified."""
    from postflight.probes.delegations import delegated

    require_declared("dns")
    return delegated(connections, zone, f"The delegation of {zone} could not be looked up.")


@reads("dns", deadline_s=40.0)
def authoritative(connections: Connections, server: Server, host: str, record: str = "A") -> Resolution:
    """Ask one of a zone's own servers, without recursion; `A` stands for an address of either family.

    What the server does instead of answering is a finding. An alias into another zone is followed by the
    resolver; raises Unverified where that has no answer.
    """
    from postflight.probes import dns_lookups
    from postflight.probes.dns_answers import NotANameError, parse_name
    from postflight.probes.dns_exchange import Query

    require_declared("dns")
    try:
        name = parse_name(host)
    except NotANameError as error:
        return _unaskable(host, record, server.title, error)
    zone = _zone_of(connections.environment, host, name)
    deadline = Deadline.after(connections.addresses.limits.look_s)
    (said,) = dns_lookups.of_either_family(
        record,
        lambda kind: [
            dns_lookups.of_zone(connections, server, zone, Query(name, kind, recurses=False), deadline)
        ],
    )
    return dns_lookups.resolution(said, host, record, deadline.elapsed_s)


def with_addresses(
    connections: Connections, zone: str, names: tuple[str, ...], source: str = "", port: int = PORT
) -> NameServers:
    """Look up the addresses of a zone's name servers; `source`: who named them."""
    servers, homeless, unresolved = [], [], []
    for name in sorted(names):
        try:
            servers.append(Server(name=name, address=connections.addresses.resolve(name)[0], port=port))
        except Trouble as trouble:
            homeless.append(str(trouble))
        except Unverified as error:
            unresolved.append(str(error))
    problem = (
        f"{zone} is delegated to names that have no address: {'; '.join(homeless)}" if homeless else None
    )
    return NameServers(
        zone=zone, servers=tuple(servers), problem=problem, source=source, unresolved=tuple(unresolved)
    )


def _by_resolver(connections: Connections, host: str, record: str, what_failed: str) -> Resolution:
    from postflight.probes import dns_lookups
    from postflight.probes.dns_answers import NotANameError, parse_name

    deadline = Deadline.after(connections.addresses.limits.look_s)
    try:
        name = parse_name(host)
    except NotANameError as error:
        return _unaskable(host, record, connections.addresses.server, error)
    answers = dns_lookups.of_either_family(
        record, lambda kind: dns_lookups.resolve(connections, name, kind, deadline)
    )
    answer = dns_lookups.resolution(answers[-1], host, record, deadline.elapsed_s)
    if not answer.is_settled and answer.status != "server failure":
        said = dns_lookups.spoken(answers, deadline.elapsed_s)
        raise Unverified(f"{what_failed}: the resolver {said}.")
    return answer


def _unaskable(host: str, record: str, server: str, error: Exception) -> Resolution:
    return Resolution(
        name=host, record=record, server=server, status="not a name", seconds=0, detail=str(error)
    )


def _zone_of(environment: Environment, host: str, name: dns.name.Name) -> dns.name.Name:
    """Return the zone that a host is declared in, else the declared zone that it lies in, else its parent."""
    from postflight.probes.dns_answers import NotANameError, parse_name

    declared = environment.hosts.get(host)
    zones = environment.hosted_zones
    around = []
    for zone in [zones[declared.hosted_zone]] if declared is not None else zones.values():
        with suppress(NotANameError):
            around.append(parse_name(zone.zone))
    around = [zone for zone in around if name.is_subdomain(zone)]
    return max(around, key=len) if around else name.parent()
