"""Finds what answers from outside: certificates, zones, hosts, distributions, GraphQL APIs, buckets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from postflight.discovery import looks
from postflight.discovery.found import Entry, Findings, Section, section, without_empty
from postflight.discovery.place import Place
from postflight.discovery.platform import is_ours
from postflight.discovery.workloads import Cluster, Workload
from postflight.evidence import Unverified
from postflight.probes.aws import acm, cloudfront, route53, s3
from postflight.probes.kubernetes.ingresses import Ingress

_HTTPS = 443
_STATES = re.compile(r"(tf-?state|terraform)")


@dataclass(frozen=True)
class Host:
    """A host name that leads to an Ingress or a distribution of this environment."""

    name: str
    zone: str
    ingress: str | None = None
    distribution: str | None = None


def found_hosts(place: Place, cluster: Cluster) -> tuple[Host, ...]:
    """Follow the records of the public zones to our load balancers, then to the CDN in front of them.

    Raises Unverified.
    """
    zones = [zone for zone in place.ask(route53.zones).items if not zone.is_private]
    balancers = {
        route53.domain(address): cluster.ingress_name(one)
        for one in cluster.ingresses
        if is_ours(one)
        for address in one.addresses
    }
    hosts = []
    for zone, record in _records(place, zones):
        ingress = next((balancers[one] for one in record.targets if one in balancers), None)
        if ingress is not None:
            hosts.append(Host(record.name, zone, ingress=ingress))
    ours = {host.name for host in hosts}
    domains = {
        route53.domain(one.domain): one.id
        for one in place.ask(cloudfront.distributions).items
        if ours.intersection(one.origins)
    }
    for zone, record in _records(place, zones):
        identifier = next((domains[one] for one in record.targets if one in domains), None)
        if identifier is not None:
            hosts.append(Host(record.name, zone, distribution=identifier))
    return tuple({host.name: host for host in hosts}.values())


def _records(place: Place, zones: list[route53.Zone]) -> Iterator[tuple[str, route53.Record]]:
    for zone in zones:
        for record in place.ask(route53.records, zone.name, zone.id).items:
            if record.type in ("A", "AAAA", "CNAME") and not record.name.startswith("*"):
                yield zone.name, record


def hosted_zones(place: Place, hosts: tuple[Host, ...]) -> Section:
    """Find the public zones that hold our hosts."""

    def find() -> Findings:
        used = {host.zone for host in hosts}
        others = [zone.name for zone in place.ask(route53.zones).items if zone.name not in used]
        remark = f"not declared, since no host in them leads here: {', '.join(others)}" if others else ""
        ours = tuple(Entry(name, {"zone": name}) for name in dict.fromkeys(host.zone for host in hosts))
        return Findings(ours, (remark,) if remark else ())

    return section("hosted_zones", "Public zones in Route 53.", find)


def certificate_names(place: Place, cluster: Cluster, hosts: tuple[Host, ...]) -> dict[str, str]:
    """Return an entry name for the ARN of each certificate that an Ingress or a distribution names."""
    names: dict[str, str] = {}
    for ingress in filter(is_ours, cluster.ingresses):
        own = cluster.ingress_name(ingress)
        for number, arn in enumerate(ingress.certificates):
            names.setdefault(arn, own if number == 0 else f"{own}-{number + 1}")
    for found in _distributions(place, hosts):
        if found.certificate:
            names.setdefault(found.certificate, f"cdn-{(found.aliases or (found.id,))[0]}")
    return names


def certificates(place: Place, names: dict[str, str], hosts: tuple[Host, ...]) -> Section:
    """Find these certificates, and which of our hosts each has to cover."""

    def find() -> Iterator[Entry]:
        for arn, name in names.items():
            found = place.ask(acm.certificate, arn, arn.split(":")[3])
            covered = [host.name for host in hosts if found.found and not found.uncovered((host.name,))]
            lack = "" if found.found else "it is named, and does not exist"
            yield Entry(name, without_empty(arn=arn, covers=covered), left_out=lack)

    return section("certificates", "ACM; those of CloudFront are in us-east-1.", find)


def host_section(place: Place, hosts: tuple[Host, ...]) -> Section:
    """Return the section of the hosts."""

    def find() -> Iterator[Entry]:
        aliases = distribution_names(place, hosts)
        for host in hosts:
            fields = without_empty(
                hosted_zone=host.zone,
                ingress=host.ingress,
                distribution=aliases.get(host.distribution or ""),
                port=place.wanted.https_port if place.wanted.https_port != _HTTPS else None,
            )
            yield Entry(host.name, fields)

    return section("hosts", "Public names: their records, their TLS, their answers.", find)


def distribution_names(place: Place, hosts: tuple[Host, ...]) -> dict[str, str]:
    """Return an entry name for the id of each of our distributions: its first alias."""
    return {one.id: (one.aliases or (one.id,))[0] for one in _distributions(place, hosts)}


def distributions(place: Place, hosts: tuple[Host, ...]) -> Section:
    """Find the distributions that fetch from our hosts."""

    def find() -> Iterator[Entry]:
        names = {host.name for host in hosts}
        for found in _distributions(place, hosts):
            origin = next(one for one in found.origins if one in names)
            fields = without_empty(id=found.id, origin=origin, aliases=list(found.aliases))
            yield Entry((found.aliases or (found.id,))[0], fields)

    return section("distributions", "CloudFront in front of a load balancer.", find)


def _distributions(place: Place, hosts: tuple[Host, ...]) -> Iterator[cloudfront.Distribution]:
    names = {host.name for host in hosts}
    for found in place.ask(cloudfront.distributions).items:
        if found.enabled and names.intersection(found.origins):
            yield found


def apis(cluster: Cluster, declared: Section, hosts: tuple[Host, ...]) -> Section:
    """Find GraphQL APIs: addresses that workloads are told, and that an Ingress leads to a service."""

    def find() -> Iterator[Entry]:
        names = {host.name for host in hosts}
        urls = dict.fromkeys(
            variable.value
            for workload in cluster.workloads
            for variable in workload.configuration.variables
            if variable.value and "graphql" in variable.value and variable.value.startswith("https://")
        )
        for url in urls:
            workload = _behind(url, cluster)
            if (
                workload is None
                or declared.named(workload.name) is None
                or urlsplit(url).hostname not in names
            ):
                continue
            allowed = workload.value("ALLOWED_CLIENT_HOSTS") or workload.value("ALLOWED_ORIGINS") or ""
            origins = [one.strip() for one in allowed.split(",") if one.strip().startswith("https://")]
            fields = without_empty(
                url=url,
                service=workload.name,
                origins={urlsplit(one).hostname: one.rstrip("/") for one in origins},
            )
            yield Entry(workload.name, fields, guess="the origins are those that the API is told to let in")

    return section("apis", "GraphQL, and the browser origins that may call it.", find)


def _behind(url: str, cluster: Cluster) -> Workload | None:
    """Return the workload that an Ingress sends a URL to: the longest path wins."""
    parts = urlsplit(url)
    found: list[tuple[int, Ingress, str]] = [
        (len(path.path), ingress, path.service)
        for ingress in cluster.ingresses
        for path in ingress.paths
        if path.host == parts.hostname and parts.path.startswith(path.path)
    ]
    if not found:
        return None
    _, ingress, service = max(found, key=lambda one: one[0])
    return cluster.workload(ingress.namespace, service)


def buckets(place: Place, cluster: Cluster, declared: Section) -> Section:
    """Find the buckets that a service's environment variables name."""

    def find() -> Findings:
        entries, used = [], set()
        known = place.ask(looks.buckets).items
        for workload in cluster.workloads:
            for variable in workload.configuration.variables:
                if variable.value in known and variable.value not in used:
                    used.add(variable.value)
                    entries.append(_bucket(place, str(variable.value), workload, declared))
        others = [name for name in known if name not in used and not _STATES.search(name)]
        remark = f"not declared, since no service names them: {', '.join(others)}" if others else ""
        return Findings(tuple(entries), (remark,) if remark else ())

    return section(
        "buckets",
        "Where services upload to. `canary: true` lets a run put, read and delete one object.",
        find,
    )


def _bucket(place: Place, name: str, workload: Workload, declared: Section) -> Entry:
    rules = place.ask(s3.cors, name).rules
    rule = next((one for one in rules if "*" not in "".join(one.origins)), None)
    policy, doubt = _upload_policy(place, workload.role)
    own = declared.named(workload.name)
    is_declared = own is not None and own.fields["namespace"] == workload.namespace
    fields = without_empty(
        bucket=name,
        service=workload.name if is_declared else None,
        role=workload.role if policy else None,
        role_policy=policy,
        origins=[one for one in dict.fromkeys(rule.origins) if one.startswith("https://")] if rule else [],
        methods=list(rule.methods) if rule else [],
    )
    blocks = place.ask(s3.public_access_block, name).is_complete
    more = {} if blocks else {"public_access_block": False}
    guesses = (doubt, "" if blocks else "it does not block public access; should it?")
    return Entry(name, {**fields, **more, "canary": False}, guess="; ".join(filter(None, guesses)))


def _upload_policy(place: Place, role: str | None) -> tuple[str | None, str]:
    """Return the policy of the role that uploads, and what is unsure of it."""
    if role is None:
        return None, "the workload has no role of its own, so who uploads is not known"
    try:
        policies = place.ask(looks.role_policies, role).items
    except Unverified as error:
        return None, f"its role {role} is not declared: {error}"
    if not policies:
        return None, f"its role {role} is not declared, since it has no policy"
    return policies[0], "of several policies of the role, the first" if len(policies) > 1 else ""
