"""Looks at everything, section by section, in the order in which one needs the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from postflight.discovery import edge, looks, network, platform, stores, terraform, workloads
from postflight.discovery.found import Entry, Redact, Section, redacted_section, section
from postflight.discovery.place import NotFoundError, Place
from postflight.evidence import Unverified
from postflight.probes.aws import security_groups
from postflight.probes.kubernetes import nodes


@dataclass(frozen=True)
class Survey:
    """What was found, in the order of an environment file; `where` names account, region and cluster."""

    place: Place
    cluster: Section
    sections: tuple[Section, ...]

    @property
    def troubles(self) -> tuple[str, ...]:
        """What could not be looked at: one paragraph a reason, with the sections that it keeps from us."""
        keys: dict[str, list[str]] = {}
        for one in (self.cluster, *self.sections):
            if one.trouble:
                keys.setdefault(one.trouble, []).append(one.key)
        return tuple(f"{', '.join(sections)}: {trouble}" for trouble, sections in keys.items())

    def redacted(self, redact: Redact) -> Survey:
        """Return the survey, redacted value by value: of text that is made of it no key may change."""
        sections = tuple(redacted_section(one, redact) for one in self.sections)
        return replace(self, cluster=redacted_section(self.cluster, redact), sections=sections)


def survey(place: Place) -> Survey:
    """Look at a place. Raises NotFoundError where there is nothing that a run could verify."""
    seen = workloads.look(place)
    hosts, trouble = _hosts(place, seen)
    databases, caches = stores.database_servers(place, seen), stores.caches(place, seen)
    services = platform.services_of(
        seen, stores.logged_in(place, databases, seen), stores.cached(place, caches, seen)
    )
    apis = edge.apis(seen, services, hosts)
    names = edge.certificate_names(place, seen, hosts) if not trouble else {}
    certificates = edge.certificates(place, names, hosts)
    known = {arn: name for arn, name in names.items() if certificates.named(name) is not None}
    sections = (
        network.vpc(place),
        network.subnets(place),
        network.nat_gateways(place),
        databases,
        caches,
        edge.buckets(place, seen, services),
        services,
        platform.ingresses(place, seen, services, known),
        platform.controllers(place),
        platform.jobs(place, seen),
        edge.hosted_zones(place, hosts) if not trouble else Section("hosted_zones", "", trouble=trouble),
        certificates,
        edge.host_section(place, hosts),
        edge.distributions(place, hosts),
        apis,
        _superusers(services, apis),
        platform.applications(place),
        terraform.states(place),
    )
    found = Survey(place, _cluster(place), sections)
    _require_something(found)
    return found


def _hosts(place: Place, seen: workloads.Cluster) -> tuple[tuple[edge.Host, ...], str]:
    try:
        return edge.found_hosts(place, seen), ""
    except Unverified as error:
        return (), str(error)


def _cluster(place: Place) -> Section:
    comment = "The EKS cluster, the kubeconfig context that leads to it, and the nodes' security group."
    if place.cluster is None:
        return Section("cluster", comment)
    fields: dict[str, Any] = {"name": place.cluster.name}
    if place.wanted.context:
        fields["context"] = place.wanted.context
    try:
        fields["node_security_group"] = _node_group(place)
    except Unverified as error:
        group = next(iter(place.cluster.security_groups), "unknown")
        return Section(
            "cluster", comment, fields={**fields, "node_security_group": group}, trouble=str(error)
        )
    return Section("cluster", comment, fields=fields)


def _node_group(place: Place) -> str:
    """Return the security group that the nodes have, by name; else the cluster's own."""
    instances = tuple(node.provider_id.rpartition("/")[2] for node in place.ask(nodes.nodes).items)
    used = place.ask(looks.node_groups, instances).items if instances else ()
    own = place.cluster.security_groups if place.cluster is not None else ()
    names = place.group_names((*used, *own))
    groups = place.ask(security_groups.security_groups).items
    is_unique = bool(names) and sum(group.name == names[0] for group in groups) == 1
    return names[0] if is_unique else next(iter((*used, *own)), "unknown")


def _superusers(services: Section, apis: Section) -> Section:
    def find() -> Iterator[Entry]:
        for api in apis.declared:
            service = services.named(str(api.fields["service"]))
            if service is None or "saleor" not in str(service.fields.get("image_repository", "")):
                continue
            if "database" in service.fields:
                fields = {"service": service.name, "database": service.fields["database"], "exec": False}
                yield Entry("saleor", fields, guess="Saleor, by the name of its image")

    comment = (
        "Installations that must have an active superuser. `exec: true` lets a run count them in an API pod."
    )
    return section("superusers", comment, find)


def _require_something(found: Survey) -> None:
    """Raise NotFoundError where nothing was found, and nothing kept us from finding it."""
    if found.cluster.fields or found.troubles or any(not one.is_empty for one in found.sections):
        return
    place = found.place
    raise NotFoundError(
        f"Account {place.account} has nothing in region {place.region} that a run could verify: no EKS "
        "cluster, no database or cache in a VPC, and so no host, certificate or distribution that belongs "
        "to one. Choose another --region, or other AWS credentials (AWS_PROFILE). Nothing was written."
    )
