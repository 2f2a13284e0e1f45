"""What an environment's entries say of each other: references, derived subjects, and scopes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
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

_REFERENCES = ("database_server", "cache", "service", "ingress", "hosted_zone", "certificate", "distribution")


def subjects(environment: Environment, kind: str) -> tuple[Subject, ...]:
    """Return the declared or derived subjects of one kind, in file order."""
    if kind in _DERIVED:
        return tuple(_DERIVED[kind](environment))
    declared: Mapping[str, Subject] = getattr(environment, SECTION_OF[kind])
    return tuple(declared.values())


def _databases(environment: Environment) -> Iterator[Subject]:
    for server in environment.database_servers.values():
        for database in server.databases:
            yield Database(name=database, database=database, database_server=server.name)


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

_OWNERS = {"database": "database_server", "backend": "ingress", "origin": "api", "bucket_origin": "bucket"}


def missing_references(environment: Environment) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield where an entry names another that is not declared, and what to say of it."""
    for kind, section in SECTION_OF.items():
        if kind in _DERIVED:
            continue
        for subject in subjects(environment, kind):
            for field, referred_kind, names in _references(subject):
                known = [other.name for other in subjects(environment, referred_kind)]
                for name in names:
                    if name not in known:
                        yield (section, subject.name, field), _missing(name, referred_kind, known)


def ambiguous_names(environment: Environment) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield where two derived subjects would have one name, so that a report could not tell them apart."""
    for kind, owner_kind in _OWNERS.items():
        section, _, field = SECTION_OF[kind].partition(".*.")
        owners: dict[str, str] = {}
        for subject in subjects(environment, kind):
            owner = getattr(subject, owner_kind)
            if subject.name in owners:
                yield (section, owner, field), f"`{subject.name}` is there twice; keep one of the two."
            owners[subject.name] = owner


def _missing(name: str, kind: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    declared = ", ".join(known) or "none"
    return f"`{name}` is not declared under `{SECTION_OF[kind]}`.{hint} Declared: {declared}."


def _references(subject: Subject) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (field, kind, names) for each reference that a subject holds."""
    kind = kind_of(subject)
    for field in (*_REFERENCES, "database", "api", "bucket"):
        value = getattr(subject, field, None)
        names_itself = field == kind or (field == "database" and kind == "database")
        is_own_aws_name = field == "bucket" and kind != "bucket_origin"
        if isinstance(value, str) and not names_itself and not is_own_aws_name:
            yield field, field, (value,)
    services = getattr(subject, "services", ())
    if services:
        yield "services", "service", tuple(services)


def kind_of(subject: Subject) -> str:
    """Return a subject's kind: its class name in snake case."""
    name = type(subject).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def scopes(environment: Environment, subject: Subject) -> dict[str, frozenset[str]]:
    """Return what a subject belongs to: for each kind, the names of the related subjects.

    A subject is related to itself, to what it refers to (and what that refers to), and to what refers to
    it directly. What it says itself of a kind goes before what it would have by way of another subject: a
    backend belongs to its one service, not to every service of its ingress. `namespace` and `zone` are
    kinds here too.
    """
    related: dict[str, set[str]] = {}
    _follow(environment, subject, related, frozenset())
    own_kind = kind_of(subject)
    for kind in SECTION_OF:
        for other in subjects(environment, kind):
            if any(ref == own_kind and subject.name in names for _, ref, names in _references(other)):
                related.setdefault(kind, set()).add(other.name)
    return {kind: frozenset(names) for kind, names in related.items()}


def _follow(
    environment: Environment, subject: Subject, related: dict[str, set[str]], settled: frozenset[str]
) -> None:
    """Add a subject and what it refers to, but for kinds that the first subject has settled itself."""
    kind = kind_of(subject)
    known = related.setdefault(kind, set())
    if subject.name in known:
        return
    known.add(subject.name)
    for attribute in ("namespace", "zone"):
        value = getattr(subject, attribute, None)
        if isinstance(value, str) and kind != "hosted_zone":
            related.setdefault(attribute, set()).add(value)
    references = [(kind, names) for _, kind, names in _references(subject) if kind not in settled]
    below = settled or frozenset(kind for kind, _ in references)
    for referred_kind, names in references:
        for other in subjects(environment, referred_kind):
            if other.name in names:
                _follow(environment, other, related, below)
