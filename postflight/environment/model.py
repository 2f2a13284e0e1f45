"""An environment as a whole: the typed, frozen model behind every file in `environments/`."""

from __future__ import annotations

from pydantic import Field

from postflight.environment.data import Bucket, Cache, DatabaseServer
from postflight.environment.declaration import Declaration, Name
from postflight.environment.infrastructure import Account, Cluster, NatGateway, Subnet, TerraformState, Vpc
from postflight.environment.network import Api, Certificate, Distribution, Host, HostedZone, Superuser
from postflight.environment.platform import Application, Controller, Ingress, Job, Service
from postflight.environment.waiver import Waiver


class BringUp(Declaration):
    """The command that brings a throw-away environment up, and where it says how to reach it.

    The command prints one JSON line `{"variables": {...}}` when all is up, and takes it down again
    when its standard input ends.
    """

    command: tuple[Name, ...]
    timeout_s: float = Field(default=60.0, gt=0)


class Environment(Declaration):
    """One environment: everything that a run verifies, and nothing that it does not."""

    name: Name = Field(default="", exclude=True)
    description: str = ""
    production: bool = Field(default=False, description="Only ever verified when asked for by name.")
    patience: str = Field(
        default="0s",
        description="How long what fails may be looked at again, if --patience does not say: 5m.",
    )
    aws: Account
    cluster: Cluster | None = None
    resolver: Name | None = Field(default=None, description="DNS resolver, host:port; default: the system's.")
    authoritative: Name | None = Field(
        default=None, description="host:port that stands for the zones' own name servers."
    )
    ca: Name | None = Field(default=None, description="PEM file of the CA of hosts and APIs, if private.")
    bring_up: BringUp | None = None
    waivers: tuple[Waiver, ...] = Field(
        default=(),
        description="Failures that are lived with; NAME.waivers.yaml beside this file may add more.",
    )
    vpc: Vpc | None = None
    subnets: dict[Name, Subnet] = Field(default_factory=dict)
    nat_gateways: dict[Name, NatGateway] = Field(default_factory=dict)
    database_servers: dict[Name, DatabaseServer] = Field(default_factory=dict)
    caches: dict[Name, Cache] = Field(default_factory=dict)
    services: dict[Name, Service] = Field(default_factory=dict)
    ingresses: dict[Name, Ingress] = Field(default_factory=dict)
    controllers: dict[Name, Controller] = Field(default_factory=dict)
    hosted_zones: dict[Name, HostedZone] = Field(default_factory=dict)
    certificates: dict[Name, Certificate] = Field(default_factory=dict)
    hosts: dict[Name, Host] = Field(default_factory=dict)
    distributions: dict[Name, Distribution] = Field(default_factory=dict)
    apis: dict[Name, Api] = Field(default_factory=dict)
    buckets: dict[Name, Bucket] = Field(default_factory=dict)
    superusers: dict[Name, Superuser] = Field(default_factory=dict)
    terraform: dict[Name, TerraformState] = Field(default_factory=dict)
    applications: dict[Name, Application] = Field(default_factory=dict)
    jobs: dict[Name, Job] = Field(default_factory=dict)

    def __hash__(self) -> int:
        """Return a hash of what tells environments apart, so that what follows from one may be kept."""
        return hash((self.name, self.description, self.aws))
