"""Hosted zones and their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# Route 53 writes an alias to a dual-stack load balancer with this in front of its name.
_DUAL_STACK: Final = "dualstack."


class Zone(Evidence):
    """A hosted zone. `name` has no last dot, `id` no `/hostedzone/`."""

    found: bool = True
    id: str = ""
    name: str
    is_private: bool = False


class Zones(Evidence):
    """Every hosted zone of the account."""

    items: tuple[Zone, ...]

    def of(self, name: str, identifier: str | None) -> Zone:
        """Return the public zone of this domain (and id, where one is declared)."""
        found = (
            zone
            for zone in self.items
            if zone.name == domain(name) and not zone.is_private and identifier in (None, zone.id)
        )
        return next(found, Zone(found=False, name=name, id=identifier or ""))


class Record(Evidence):
    """A record set: its values, or the name that it is an alias of.

    `weight`, `is_secondary` and `region` are of routing policies, which choose among several for one name and
    type; `region` is the one that it is for when the nearest is chosen (by latency).
    """

    name: str
    type: str
    values: tuple[str, ...] = ()
    alias: str = ""
    weight: int | None = None
    is_secondary: bool = False
    region: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """Names that it leads to: the alias target, or a CNAME's values."""
        if self.alias:
            return (self.alias,)
        return tuple(domain(value) for value in self.values) if self.type == "CNAME" else ()


class Records(Evidence):
    """Every record set of one zone."""

    found: bool = True
    zone: str
    items: tuple[Record, ...] = ()

    def addressing(self, host: str) -> tuple[Record, ...]:
        """Return the records that give a host its address: A, AAAA and CNAME, its own or a wildcard's."""
        kinds = ("A", "AAAA", "CNAME")
        name = self._answering(domain(host))
        return tuple(item for item in self.items if item.name == name and item.type in kinds)

    def _answering(self, host: str) -> str:
        """Return the name whose records answer for a host: its own, else its closest encloser's wildcard.

        A name exists if it has records, or if a name below it has: then no wildcard stands for it (RFC 4592).
        """
        if any(item.name == host for item in self.items):
            return host
        existing = {
            ".".join(labels[cut:])
            for labels in (item.name.split(".") for item in self.items)
            for cut in range(len(labels))
        }
        above = host
        while above and above not in existing:
            above = above.partition(".")[2]
        return host if above == host else f"*.{above}"

    def name_servers(self) -> tuple[str, ...]:
        """Return the zone's own name servers."""
        own = (item for item in self.items if item.type == "NS" and item.name == self.zone)
        return tuple(domain(value) for item in own for value in item.values)


def domain(name: str) -> str:
    """Return a name as it compares: lower case, no last dot, Route 53's octal escapes undone."""
    plain = name.rstrip(".").lower().replace("\\052", "*")
    return plain.removeprefix(_DUAL_STACK)


@reads("route53:ListHostedZones")
def zones(connections: Connections) -> Zones:
    """List the hosted zones."""
    found = connections.aws.listing("route53", "ListHostedZones", "HostedZones") or []
    return Zones(
        items=tuple(
            Zone(
                id=item["Id"].rpartition("/")[2],
                name=domain(item["Name"]),
                is_private=bool(item.get("Config", {}).get("PrivateZone")),
            )
            for item in found
        )
    )


@reads("route53:ListResourceRecordSets")
def records(connections: Connections, zone: str, identifier: str) -> Records:
    """List the record sets of the zone with this id; `zone` is its domain name."""
    found = connections.aws.listing(
        "route53",
        "ListResourceRecordSets",
        "ResourceRecordSets",
        HostedZoneId=identifier,
        absent=("NoSuchHostedZone",),
    )
    return Records(found=found is not None, zone=zone, items=tuple(_record(item) for item in found or ()))


def _record(item: Mapping[str, Any]) -> Record:
    return Record(
        name=domain(item["Name"]),
        type=item["Type"],
        values=tuple(value["Value"] for value in item.get("ResourceRecords", ())),
        alias=domain(item.get("AliasTarget", {}).get("DNSName", "")),
        weight=item.get("Weight"),
        is_secondary=item.get("Failover") == "SECONDARY",
        region=item.get("Region", ""),
    )
