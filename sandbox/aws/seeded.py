"""What seeding needs to know, and what it finds out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Ports:
    """Where the real servers listen on 127.0.0.1, as AWS has to tell it."""

    kube_api: int
    kube_ca: str
    postgres_kyeol: int
    postgres_doa: int
    valkey_kyeol: int
    redis_doa: int
    https: int = 443


@dataclass(frozen=True)
class Pem:
    """A certificate as ACM imports it: certificate, private key, chain; each PEM."""

    certificate: str
    key: str = field(repr=False)
    chain: str


@dataclass(frozen=True)
class Certificates:
    """One certificate a system, and the distribution's own in us-east-1."""

    kyeol: Pem
    doa: Pem
    distribution: Pem


@dataclass(frozen=True)
class Endpoint:
    """Host and port of a database or cache."""

    host: str
    port: int


@dataclass(frozen=True)
class AccessKey:
    """Credentials of the user the suite runs as."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True)
class Network:
    """Ids of the network's parts, by their Name tags."""

    vpc: str
    internet_gateway: str
    subnets: Mapping[str, str]
    security_groups: Mapping[str, str]
    nat_gateways: Mapping[str, str]
    route_tables: Mapping[str, str]
    prefix_list: str
    instances: tuple[str, ...]


@dataclass(frozen=True)
class Seeded:
    """The pretend world as AWS knows it after seeding."""

    network: Network
    kyeol_database: Endpoint
    doa_database: Endpoint
    kyeol_cache: Endpoint
    doa_cache: Endpoint
    kyeol_certificate: str
    doa_certificate: str
    distribution_certificate: str
    zones: Mapping[str, str]
    distribution_id: str
    distribution_domain: str
    roles: Mapping[str, str]
    image_digests: Mapping[str, str]
    oidc_issuer: str
    reader: AccessKey
