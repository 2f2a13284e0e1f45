"""Name servers that hold a few records, and runs that ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from postflight.environment import Account, Environment, Host, HostedZone
from postflight.probes import dns as dns_probes
from postflight.probes.addresses import Limits
from postflight.probes.connections import Connections
from postflight.probes.dns_evidence import Resolution, Server
from selftests.name_servers import SOA, Answer, Manner, Udp, good, name_server, response
from selftests.rude_servers import Street
from selftests.rude_town import looking

Records = Mapping[str, Sequence[tuple[str, str]]]
NAME = "www.name.test"
NONE = dns.flags.Flag(0)
# Of looks at servers that never answer.
LIMITS = Limits(look_s=0.6, try_s=0.2)
WAITING = Limits(look_s=1.5, try_s=0.3)


def holding(
    records: Records, zone: str = "name.test.", *, resolves: bool = False, proves: bool = True
) -> Udp:
    """Return a server of these records: name -> (type, value).

    Aliases are followed as far as the records go; what lies outside the zone is refused by an authority.
    `proves`: whether a denial names the zone.
    """
    known = {dns.name.from_text(name): values for name, values in records.items()}
    flags = dns.flags.RA if resolves else dns.flags.AA

    def answer(query: dns.message.Message) -> list[Answer]:
        name, kind = query.question[0].name, dns.rdatatype.to_text(query.question[0].rdtype)
        if not resolves and not name.is_subdomain(dns.name.from_text(zone)):
            return [response(query, code=dns.rcode.REFUSED, flags=NONE)]
        if kind == "SOA" and name == dns.name.from_text(zone):
            return [response(query, (zone, "SOA", SOA), flags=flags)]
        found: list[tuple[str, str, str]] = []
        while True:
            own = [(name.to_text(), one, value) for one, value in known.get(name, ()) if one == kind]
            alias = [value for one, value in known.get(name, ()) if one == "CNAME"]
            found += own or [(name.to_text(), "CNAME", value) for value in alias]
            if own or not alias or len(found) > len(known):
                break
            name = dns.name.from_text(alias[0])
        if own or len(found) > len(known) or (found and not name.is_subdomain(dns.name.from_text(zone))):
            return [response(query, *found, flags=flags)]
        code = dns.rcode.NOERROR if name in known else dns.rcode.NXDOMAIN
        authority = [(zone, "SOA", SOA)] if proves else []
        return [response(query, *found, code=code, flags=flags, authority=authority)]

    return answer


def environment(resolver: str, authoritative: str | None = None) -> Environment:
    """Return an environment with one zone and one host in it."""
    return Environment(
        aws=Account(account="123456789012", region="ap-northeast-2"),
        resolver=resolver,
        authoritative=authoritative,
        hosted_zones={"name.test": HostedZone(name="name.test", zone="name.test")},
        hosts={NAME: Host(name=NAME, hosted_zone="name.test")},
    )


def reached(resolver: str, authoritative: str | None = None, limits: Limits = LIMITS) -> Connections:
    """Return the connections of a run there, with short limits."""
    made = Connections(environment(resolver, authoritative), "outside", {})
    made.addresses.limits = limits
    return made


def asked_of_resolver(opened: Street, udp: Udp, host: str, limits: Limits = WAITING) -> Resolution:
    """Ask a resolver that answers so."""
    seen = looking(reached(name_server(opened, Manner(udp)), None, limits), dns_probes.recursive, host)()
    assert isinstance(seen, Resolution)
    return seen


def asked_of_zone(opened: Street, own: Manner, host: str, beyond: Udp = good) -> Resolution:
    """Ask a zone's own server that answers so; `beyond`: the resolver."""
    at = name_server(opened, own)
    server = Server(name="ns.name.test", address="127.0.0.1", port=int(at.partition(":")[2]))
    run = reached(name_server(opened, Manner(beyond)), at, WAITING)
    seen = looking(run, dns_probes.authoritative, server, host)()
    assert isinstance(seen, Resolution)
    return seen
