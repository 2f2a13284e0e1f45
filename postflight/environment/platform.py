"""What should run in the cluster: workloads, ingresses, controllers, Argo CD applications, Jobs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from postflight.environment.declaration import Declaration, Name, Port, Subject, UrlPath


class Health(Declaration):
    """What a healthy service answers."""

    path: UrlPath = "/health"
    status: int = 200
    body: Name | None = Field(default=None, description="Text that the body must contain.")
    limit_s: float = Field(default=2.0, gt=0, description="Seconds within which it must answer.")


class ConfigurationValue(Declaration):
    """A value that a workload's container must have in its environment."""

    value: str | None = Field(default=None, description="The exact value; absent: any, but not empty.")
    cause: Name | None = Field(default=None, description="Why, in a few words.")


class Service(Subject):
    """A Deployment and, where `health` is given, the Service in front of it."""

    namespace: Name
    deployment: Name | None = Field(default=None, description="Default: the entry's name.")
    replicas: int = Field(default=1, ge=1)
    port: Port | Name = Field(default="http", description="Service port, number or name.")
    health: Health | None = None
    database: Name | None = Field(default=None, description="Entry of `database_servers.*.databases`.")
    cache: Name | None = None
    service_account: Name | None = None
    role: Name | None = Field(
        default=None, description="IAM role of the ServiceAccount (IRSA). Left out with EKS Pod Identity."
    )
    image_repository: Name | None = Field(
        default=None, description="Repository in the account's own ECR registry, without the registry's host."
    )
    tag_policy: Literal["fixed", "any"] = "any"
    follows_release: bool = Field(
        default=True, description="Whether --release names its image's tag; false: it is released on its own."
    )
    required: dict[Name, ConfigurationValue] = Field(
        default_factory=dict, description="Environment variables of the container."
    )
    secrets: tuple[Name, ...] = Field(
        default=(),
        description="Secrets that its variables come from, besides those of its database and cache.",
    )

    @property
    def workload(self) -> str:
        """Name of the Deployment."""
        return self.deployment or self.name

    @property
    def health_path(self) -> str | None:
        """Path of its health, where it declares one."""
        return self.health.path if self.health else None

    @property
    def health_body(self) -> str | None:
        """Text that its health must contain, where it declares one."""
        return self.health.body if self.health else None


class Ingress(Subject):
    """An Ingress of the AWS Load Balancer Controller."""

    namespace: Name
    ingress: Name | None = Field(default=None, description="Default: the entry's name.")
    scheme: Literal["internet-facing", "internal"] = "internet-facing"
    target_type: Literal["ip", "instance"] = "ip"
    security_group: Name | None = None
    certificate: Name | None = Field(default=None, description="Entry of `certificates`.")
    services: tuple[Name, ...] = Field(default=(), description="Services behind it, entries of `services`.")

    @property
    def resource(self) -> str:
        """Name of the Ingress object."""
        return self.ingress or self.name


class Backend(Subject):
    """One service behind an Ingress: a target group. Derived from `ingresses.*.services`."""

    ingress: Name
    service: Name
    namespace: Name


class Controller(Subject):
    """A controller in the cluster, with the IAM role that its ServiceAccount assumes, if it assumes one."""

    kind: Literal["aws-load-balancer-controller", "external-dns"]
    namespace: Name = "kube-system"
    deployment: Name
    service_account: Name
    role: Name | None = Field(
        default=None, description="IAM role of the ServiceAccount (IRSA). Left out with EKS Pod Identity."
    )
    policy: Name | None = Field(default=None, description="The role's policy by name, inline or attached.")
    owner_id: Name | None = Field(default=None, description="ExternalDNS --txt-owner-id.")
    domain_filters: tuple[Name, ...] = ()


class Application(Subject):
    """An Argo CD Application."""

    namespace: Name = "argocd"
    destination: Name | None = Field(default=None, description="Namespace that it delivers to.")
    operation_limit_s: float = Field(default=900.0, gt=0)
    status_limit_s: float | None = Field(
        default=900.0,
        gt=0,
        description="Seconds within which Argo CD must have compared it with Git, which it does every three "
        "minutes unless `timeout.reconciliation` says otherwise; null: it does so only when told to.",
    )


class Job(Subject):
    """A Kubernetes Job that must have completed."""

    namespace: Name
