"""Security groups and the prefix lists that their rules name: who may connect to whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.aws.ec2 import name_tag
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

ORIGIN_FACING: Final = "com.amazonaws.global.cloudfront.origin-facing"


class Rule(Evidence):
    """One inbound rule. `first` and `last` are inclusive ports; None means all of them."""

    protocol: str
    first: int | None = None
    last: int | None = None
    groups: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def covers(self, port: int) -> bool:
        """Whether the rule speaks of this TCP port."""
        if self.protocol not in ("tcp", "6", "-1"):
            return False
        return self.first is None or self.last is None or self.first <= port <= self.last

    def names(self, sources: Iterable[str]) -> bool:
        """Whether it names one of `sources` (groups, prefix lists)."""
        return bool(set(sources) & {*self.groups, *self.prefix_lists})

    def contains(self, network: str) -> bool:
        """Whether it lets all of a network in."""
        return any(_contains(own, network) for own in self.networks)


class SecurityGroup(Evidence):
    """A security group with its inbound rules."""

    found: bool = True
    id: str = ""
    name: str
    vpc: str = ""
    tag: str = ""
    rules: tuple[Rule, ...] = ()

    @property
    def words(self) -> str:
        """Name and id, as a message has them."""
        return f"{self.name} ({self.id})" if self.found else f"{self.name} (which does not exist)"


class SecurityGroups(Evidence):
    """Every security group of the region."""

    items: tuple[SecurityGroup, ...]

    def of(self, name: str, vpc: str = "") -> SecurityGroup:
        """Return the group with this id, name or Name tag; of several, the one in `vpc`."""
        found = [group for group in self.items if name in (group.id, group.name, group.tag)]
        found.sort(key=lambda group: group.vpc != vpc)
        return found[0] if found else SecurityGroup(found=False, name=name)

    def all_of(self, identifiers: Iterable[str]) -> tuple[SecurityGroup, ...]:
        """Return the groups with these ids."""
        return tuple(self.of(identifier) for identifier in identifiers)


class PrefixLists(Evidence):
    """Managed prefix lists, name to id."""

    ids: Mapping[str, str]


class Source(Evidence):
    """Where connections come from: a security group or a prefix list, and what to call it."""

    id: str
    words: str


class Passage(Evidence):
    """Whether TCP connections may pass from any of `sources` into the `targets`, port by port."""

    sources: tuple[Source, ...]
    targets: tuple[SecurityGroup, ...]
    ports: tuple[int, ...]
    closed: tuple[int, ...]

    @property
    def is_open(self) -> bool:
        """Whether every port is open. Without a port or a target nothing is proved."""
        return bool(self.ports and self.targets) and not self.closed

    @property
    def source_id(self) -> str:
        """Id of the first source, for a command to be pasted."""
        return next((one.id for one in self.sources), "")

    @property
    def target_id(self) -> str:
        """Id of the first target, for a command to be pasted."""
        return next((group.id for group in self.targets), "")

    @property
    def group_ids(self) -> str:
        """Ids of the security groups on both sides, with spaces between, for a command to be pasted."""
        known = (*(group.id for group in self.targets), *(one.id for one in self.sources))
        return " ".join(dict.fromkeys(one for one in known if one.startswith("sg-")))

    @property
    def port(self) -> int:
        """The first port that is closed, for a command to be pasted."""
        return next(iter((*self.closed, *self.ports)), 0)

    @property
    def missing_ports(self) -> str:
        """The ports that are closed, with spaces between, for a loop to be pasted."""
        return " ".join(str(port) for port in self.closed or self.ports)

    @property
    def words(self) -> str:
        """Say what is closed, in one line that names both sides and the ports."""
        targets = ", ".join(group.words for group in self.targets) or "no security group"
        sources = ", ".join(source.words for source in self.sources) or "anybody (no source is known)"
        ports = ", ".join(str(port) for port in self.closed or self.ports) or "(none is known)"
        return f"{targets} does not let {sources} in on TCP port {ports}"


class Attachment(Evidence):
    """The security groups that something has, and the one that it is declared to have."""

    declared: SecurityGroup
    attached: tuple[SecurityGroup, ...]

    @property
    def is_right(self) -> bool:
        """Whether the declared group is among them."""
        return self.declared.found and self.declared.id in {group.id for group in self.attached}

    @property
    def declared_id(self) -> str:
        """Id of the declared group, for a command to be pasted."""
        return self.declared.id

    @property
    def words(self) -> str:
        """Say which groups there are, and which is missing."""
        attached = ", ".join(group.words for group in self.attached) or "none"
        return f"{attached}, not {self.declared.words}"


def source(group: SecurityGroup) -> Source:
    """Return a security group as a source."""
    return Source(id=group.id, words=group.words)


def passage(
    sources: tuple[Source, ...],
    targets: tuple[SecurityGroup, ...],
    ports: tuple[int, ...],
    networks: tuple[str, ...] = (),
) -> Passage:
    """Return which of `ports` the `targets` open to a source, or to all of `networks`, where it lives."""
    identifiers = tuple(one.id for one in sources if one.id)
    rules = tuple(rule for target in targets for rule in target.rules)
    closed = (port for port in ports if not _is_open(rules, port, identifiers, networks))
    return Passage(sources=sources, targets=targets, ports=ports, closed=tuple(closed))


def _is_open(rules: Iterable[Rule], port: int, sources: Sequence[str], networks: Sequence[str]) -> bool:
    """Whether a source is named, or each network let in, by whichever of the rules: AWS adds them up."""
    covering = tuple(rule for rule in rules if rule.covers(port))
    if any(rule.names(sources) for rule in covering):
        return True
    return bool(networks) and all(any(rule.contains(one) for rule in covering) for one in networks)


@reads("ec2:DescribeSecurityGroups")
def security_groups(connections: Connections) -> SecurityGroups:
    """List the security groups."""
    found = connections.aws.listing("ec2", "DescribeSecurityGroups", "SecurityGroups") or []
    return SecurityGroups(
        items=tuple(
            SecurityGroup(
                id=item["GroupId"],
                name=item["GroupName"],
                vpc=item.get("VpcId", ""),
                tag=name_tag(item),
                rules=tuple(_rule(rule) for rule in item.get("IpPermissions", ())),
            )
            for item in found
        )
    )


def _rule(item: Mapping[str, Any]) -> Rule:
    everything = item["IpProtocol"] == "-1"
    return Rule(
        protocol=str(item["IpProtocol"]),
        first=None if everything else item.get("FromPort"),
        last=None if everything else item.get("ToPort"),
        groups=tuple(pair["GroupId"] for pair in item.get("UserIdGroupPairs", ()) if "GroupId" in pair),
        prefix_lists=tuple(entry["PrefixListId"] for entry in item.get("PrefixListIds", ())),
        networks=(
            *(entry["CidrIp"] for entry in item.get("IpRanges", ())),
            *(entry["CidrIpv6"] for entry in item.get("Ipv6Ranges", ())),
        ),
    )


@reads("ec2:DescribeManagedPrefixLists")
def prefix_lists(connections: Connections) -> PrefixLists:
    """List the managed prefix lists."""
    found = connections.aws.listing("ec2", "DescribeManagedPrefixLists", "PrefixLists") or []
    return PrefixLists(ids={item["PrefixListName"]: item["PrefixListId"] for item in found})


def _contains(outer: str, inner: str) -> bool:
    """Whether a network contains another. AWS takes a rule whose address has more bits than its prefix."""
    match ipaddress.ip_network(outer, strict=False), ipaddress.ip_network(inner, strict=False):
        case (ipaddress.IPv4Network() as wide, ipaddress.IPv4Network() as narrow):
            return narrow.subnet_of(wide)
        case (ipaddress.IPv6Network() as wide, ipaddress.IPv6Network() as narrow):
            return narrow.subnet_of(wide)
    return False
