"""What a subject matters to though neither entry names the other: known from how the pieces work."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from postflight.environment.declaration import Subject
from postflight.environment.infrastructure import NatGateway, Subnet
from postflight.environment.model import Environment
from postflight.environment.network import Api, Distribution, Host, Origin
from postflight.environment.platform import Controller

_SCHEME = {"public": "internet-facing", "private": "internal"}


def served(environment: Environment, subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of what a subject belongs to beyond its references.

    Subnets carry the load balancers of the Ingresses of their tier; the load balancer controller makes all
    of these, ExternalDNS the records of their hosts; one NAT gateway for all serves every zone; a
    distribution fetches from its origin's Ingress, and an API is answered by its host's.
    """
    match subject:
        case Subnet(tier=tier):
            found = environment.ingresses.values()
            yield from (("ingress", one.name) for one in found if one.scheme == _SCHEME[tier])
        case Controller(kind="aws-load-balancer-controller"):
            yield from (("ingress", name) for name in environment.ingresses)
        case Controller(kind="external-dns"):
            hosts = environment.hosts.values()
            yield from (("host", host.name) for host in hosts if host.ingress is not None)
        case NatGateway():
            yield from _zones(environment)
        case _:
            yield from _behind(environment, _origin(environment, subject))


def _zones(environment: Environment) -> Iterator[tuple[str, str]]:
    if environment.vpc is not None and not environment.vpc.nat_gateway_per_zone:
        yield from (("zone", subnet.zone) for subnet in environment.subnets.values())


def _origin(environment: Environment, subject: Subject) -> str:
    """Return the host that answers for a subject, empty where there is none."""
    match subject:
        case Distribution(origin=origin):
            return origin
        case Host(distribution=str(name)) if name in environment.distributions:
            return environment.distributions[name].origin
        case Api(url=url) | Origin(url=url):
            return urlsplit(url).hostname or ""
        case _:
            return ""


def _behind(environment: Environment, host_name: str) -> Iterator[tuple[str, str]]:
    host = environment.hosts.get(host_name)
    if host is None:
        return
    yield "host", host.name
    if host.ingress is not None:
        yield "ingress", host.ingress
