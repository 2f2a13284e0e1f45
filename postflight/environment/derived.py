"""The subjects of an environment: those it declares, and those that follow from what it declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import urljoin

from postflight.environment.data import BucketOrigin, Database
from postflight.environment.declaration import Subject
from postflight.environment.infrastructure import Zone
from postflight.environment.model import Environment
from postflight.environment.network import Origin
from postflight.environment.platform import Backend

# kind of subject -> where the environment declares it (or what it is derived from)
SECTION_OF = {
    "subnet": "subnets",
    "nat_gateway": "nat_gateways",
    "database_server": "database_servers",
    "cache": "caches",
    "service": "services",
    "ingress": "ingresses",
    "controller": "controllers",
    "hosted_zone": "hosted_zones",
    "certificate": "certificates",
    "host": "hosts",
    "distribution": "distributions",
    "api": "apis",
    "bucket": "buckets",
    "superuser": "superusers",
    "terraform_state": "terraform",
    "application": "applications",
    "job": "jobs",
    "database": "database_servers.*.databases",
    "backend": "ingresses.*.services",
    "origin": "apis.*.origins",
    "bucket_origin": "buckets.*.origins",
    "zone": "vpc.nat_gateway_per_zone",
}


def subjects(environment: Environment, kind: str) -> tuple[Subject, ...]:
    """Return the declared or derived subjects of one kind, in file order."""
    if kind in _DERIVED:
        return _derived(environment, kind)
    declared: Mapping[str, Subject] = getattr(environment, SECTION_OF[kind])
    return tuple(declared.values())


def kind_of(subject: Subject) -> str:
    """Return a subject's kind: its class name in snake case."""
    name = type(subject).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@lru_cache(maxsize=64)
def _derived(environment: Environment, kind: str) -> tuple[Subject, ...]:
    return tuple(_DERIVED[kind](environment))


def _databases(environment: Environment) -> Iterator[Subject]:
    for server in environment.database_servers.values():
        for database in server.databases:
            yield Database(
                name=database,
                database=database,
                database_server=server.name,
                reachable_from=server.reachable_from,
            )


def _backends(environment: Environment) -> Iterator[Subject]:
    for ingress in environment.ingresses.values():
        for service in ingress.services:
            name = f"{ingress.name}-{service}" if service != ingress.name else service
            yield Backend(name=name, ingress=ingress.name, service=service, namespace=ingress.namespace)


def _origins(environment: Environment) -> Iterator[Subject]:
    for api in environment.apis.values():
        for name, origin in api.origins.items():
            yield Origin(
                name=f"{api.name}-{name}", api=api.name, service=api.service, origin=origin, url=api.url,
                error_url=urljoin(api.url, api.error_path), methods=api.methods, headers=api.headers,
                ca=api.ca or environment.ca,
            )  # fmt: skip


def _bucket_origins(environment: Environment) -> Iterator[Subject]:
    for bucket in environment.buckets.values():
        for origin in bucket.origins:
            host = origin.split("://", 1)[1]
            yield BucketOrigin(
                name=f"{bucket.name}-{host}", bucket=bucket.name, origin=origin, methods=bucket.methods
            )


def _zones(environment: Environment) -> Iterator[Subject]:
    if environment.vpc is None or not environment.vpc.nat_gateway_per_zone:
        return
    private = (subnet.zone for subnet in environment.subnets.values() if subnet.tier == "private")
    for zone in dict.fromkeys(private):
        yield Zone(name=zone)


_DERIVED: Mapping[str, Callable[[Environment], Iterator[Subject]]] = {
    "database": _databases,
    "backend": _backends,
    "origin": _origins,
    "bucket_origin": _bucket_origins,
    "zone": _zones,
}
