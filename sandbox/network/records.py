"""What the sandbox's DNS knows: Route 53's zones, and the names AWS gives to what it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

# Where names end that AWS itself answers for.
AWS_SUFFIXES = ("amazonaws.com.", "cloudfront.net.")
AWS_TTL = 60
CHAIN_LIMIT = 8

Key = tuple[dns.name.Name, dns.rdatatype.RdataType]


@dataclass(frozen=True)
class Record:
    """A record set: either values in zone-file form, or the name that an alias stands for."""

    name: str
    kind: str
    values: tuple[str, ...] = ()
    ttl: int = 300
    alias: str = ""


@dataclass(frozen=True)
class Zone:
    """A hosted zone with its record sets, SOA and NS included."""

    name: str
    records: tuple[Record, ...]


@dataclass(frozen=True)
class Answer:
    """What a question gets: a code, and the sections of the message."""

    code: dns.rcode.Rcode
    answer: tuple[dns.rrset.RRset, ...] = ()
    authority: tuple[dns.rrset.RRset, ...] = ()


def zone_from_route53(name: str, record_sets: Sequence[Mapping[str, Any]]) -> Zone:
    """Read the `ResourceRecordSets` of a hosted zone as boto3 gives them."""
    return Zone(name, tuple(_record_from_route53(record_set) for record_set in record_sets))


def _record_from_route53(record_set: Mapping[str, Any]) -> Record:
    name = record_set["Name"].replace("\\052", "*")
    alias = record_set.get("AliasTarget")
    if alias:
        return Record(name, record_set["Type"], alias=alias["DNSName"])
    values = tuple(value["Value"] for value in record_set.get("ResourceRecords", ()))
    return Record(name, record_set["Type"], values, int(record_set.get("TTL", 300)))


@dataclass(frozen=True)
class Names:
    """Every name the server answers for, ready to be asked; replaced as a whole when the world changes.

    `owners` have records; `existing` are the owners and every name above them (RFC 8020).
    """

    zones: tuple[dns.name.Name, ...]
    sets: Mapping[Key, dns.rrset.RRset]
    aliases: Mapping[Key, dns.name.Name]
    owners: frozenset[dns.name.Name]
    existing: frozenset[dns.name.Name]

    def answer(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Answer:
        """Answer as the zone's authority; CNAMEs are followed as far as they stay with us."""
        zone = self._zone_of(name)
        if zone is None:
            return Answer(dns.rcode.REFUSED)
        found: list[dns.rrset.RRset] = []
        for _ in range(CHAIN_LIMIT):
            rrset = self._find(name, kind)
            if rrset is not None:
                return Answer(dns.rcode.NOERROR, (*found, rrset))
            link = self._find(name, dns.rdatatype.CNAME)
            if link is None or kind == dns.rdatatype.ANY:
                break
            found.append(link)
            name = link[0].target
            zone = self._zone_of(name)
            if zone is None:
                return Answer(dns.rcode.NOERROR, tuple(found))
        code = dns.rcode.NOERROR if self._exists(name) else dns.rcode.NXDOMAIN
        return Answer(code, tuple(found), self._authority(zone))

    def _zone_of(self, name: dns.name.Name) -> dns.name.Name | None:
        above = [zone for zone in self.zones if name.is_subdomain(zone)]
        return max(above, key=len, default=None)

    def _authority(self, zone: dns.name.Name | None) -> tuple[dns.rrset.RRset, ...]:
        soa = None if zone is None else self.sets.get((zone, dns.rdatatype.SOA))
        return () if soa is None else (soa,)

    def _find(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, depth: int = 0
    ) -> dns.rrset.RRset | None:
        for candidate in self._candidates(name):
            if (candidate, kind) in self.sets:
                return _renamed(self.sets[candidate, kind], name)
            target = self.aliases.get((candidate, kind))
            if target is not None and depth < CHAIN_LIMIT:
                found = self._find(target, kind, depth + 1)
                return None if found is None else _renamed(found, name)
        return None

    def _candidates(self, name: dns.name.Name) -> tuple[dns.name.Name, ...]:
        if name in self.owners:
            return (name,)
        zone = self._zone_of(name)
        above = name
        while zone is not None and above != zone:
            above = above.parent()
            wildcard = dns.name.Name((b"*", *above.labels))
            if wildcard in self.owners:
                return (wildcard,)
            if above in self.existing:
                break
        return ()

    def _exists(self, name: dns.name.Name) -> bool:
        return name in self.existing or bool(self._candidates(name))


def names_from(
    zones: Sequence[Zone], aws_names: Mapping[str, str], suffixes: Sequence[str] = AWS_SUFFIXES
) -> Names:
    """Build the table; `aws_names` maps a name of AWS's own (an endpoint, a load balancer) to its address."""
    sets: dict[Key, dns.rrset.RRset] = {}
    aliases: dict[Key, dns.name.Name] = {}
    for record in (record for zone in zones for record in zone.records):
        key = (_absolute(record.name), dns.rdatatype.from_text(record.kind))
        if record.alias:
            aliases[key] = _absolute(record.alias)
        else:
            sets[key] = _rrset(record)
    for name, address in aws_names.items():
        record = Record(name, "A", (address,), AWS_TTL)
        sets[_absolute(name), dns.rdatatype.A] = _rrset(record)
    for suffix in suffixes:
        start = f"ns-1.{suffix} hostmaster.{suffix} 1 7200 900 1209600 60"
        sets[_absolute(suffix), dns.rdatatype.SOA] = _rrset(Record(suffix, "SOA", (start,), AWS_TTL))
    apexes = (*(zone.name for zone in zones), *suffixes)
    owners = frozenset(owner for owner, _ in (*sets, *aliases))
    existing = frozenset(dns.name.Name(owner.labels[cut:]) for owner in owners for cut in range(len(owner)))
    return Names(tuple(_absolute(apex) for apex in apexes), sets, aliases, owners, existing)


def _absolute(name: str) -> dns.name.Name:
    return dns.name.from_text(name.lower())


def _rrset(record: Record) -> dns.rrset.RRset:
    # Route 53 keeps names as they were written, with or without the dot at their end.
    return dns.rrset.from_text_list(
        _absolute(record.name), record.ttl, dns.rdataclass.IN, record.kind, record.values,
        origin=dns.name.root, relativize=False,
    )  # fmt: skip


def _renamed(rrset: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    if rrset.name == name:
        return rrset
    return dns.rrset.from_rdata_list(name, rrset.ttl, list(rrset))
