"""What should exist: the typed, frozen model behind every file in `environments/`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1)]
Arn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:")]
AccountId = Annotated[str, StringConstraints(pattern=r"^\d{12}$")]
HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^/\s]+")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/")]
Port = Annotated[int, Field(ge=1, le=65535)]
Vantage = Literal["inside", "outside"]


class Declaration(BaseModel):
    """A frozen piece of an environment; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Subject(Declaration):
    """One named entry of a section: what a check is about. `name` is its key in the file."""

    name: Name = Field(default="", exclude=True)


class Account(Declaration):
    """The AWS account and region that the credentials must belong to."""

    account: AccountId
    region: Name
    assume_role: Arn | None = Field(default=None, description="Role that a run assumes before it looks.")


class Cluster(Declaration):
    """The EKS cluster, and the kubeconfig context that must lead to it."""

    name: Name
    context: Name | None = Field(
        default=None, description="Kubeconfig context; without it the cluster is reached by its EKS name."
    )
    node_security_group: Name = Field(description="Name or id of the nodes' security group.")


class Vpc(Declaration):
    """The VPC that cluster, databases and caches share, by Name tag or id."""

    vpc: Name
    nat_gateway_per_zone: bool = Field(
        default=False, description="Whether every zone with a private subnet has a NAT gateway of its own."
    )


class Subnet(Subject):
    """A subnet by its Name tag."""

    subnet: Name = Field(description="Name tag, or subnet-… id.")
    tier: Literal["public", "private"]
    zone: Name


class NatGateway(Subject):
    """A NAT gateway by its Name tag."""

    gateway: Name
    zone: Name | None = None


class Zone(Subject):
    """An availability zone with private subnets. Derived from `subnets`, never written."""


class SecretKey(Declaration):
    """Where a credential lies: one key of a Kubernetes Secret, or of a Secrets Manager secret."""

    secret: Name
    key: Name
    namespace: Name | None = Field(default=None, description="Kubernetes; absent means Secrets Manager.")


class DatabaseLogin(Declaration):
    """How the applications log in: one DATABASE_URL, or a user name and a password."""

    url: SecretKey | None = None
    user: SecretKey | None = None
    password: SecretKey | None = None


class DatabaseServer(Subject):
    """An RDS instance or Aurora cluster running PostgreSQL."""

    kind: Literal["instance", "cluster"]
    identifier: Name
    engine_version: Name | None = None
    port: Port = 5432
    user: Name = Field(description="The role that the applications log in as. Never a password.")
    login: DatabaseLogin
    login_database: Name = Field(description="The database that the login is tried on.")
    tls: Literal["required", "optional", "refused"] = Field(
        default="required",
        description="required: rds.force_ssl is 1 and TLS verifies; optional: applications connect without "
        "TLS, which is offered; refused: the server speaks no TLS.",
    )
    ca: Name | None = Field(default=None, description="PEM file of the CA; default: the Amazon RDS bundle.")
    security_group: Name | None = None
    subnet_group: Name | None = None
    parameter_group: Name | None = None
    databases: tuple[Name, ...] = ()
    reachable_from: tuple[Vantage, ...] = ("inside",)


class Database(Subject):
    """One database on a server. Derived from `database_servers.*.databases`."""

    database: Name
    database_server: Name


class Cache(Subject):
    """An ElastiCache replication group (Redis OSS or Valkey)."""

    replication_group: Name
    port: Port = 6379
    tls: bool = True
    ca: Name | None = None
    auth: SecretKey | None = Field(default=None, description="AUTH token, or a rediss:// URL that holds it.")
    security_group: Name | None = None
    subnet_group: Name | None = None
    reachable_from: tuple[Vantage, ...] = ("inside",)


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
    role: Name | None = Field(default=None, description="IAM role of the ServiceAccount (IRSA).")
    image_repository: Name | None = None
    tag_policy: Literal["fixed", "any"] = "any"
    required: dict[Name, ConfigurationValue] = Field(
        default_factory=dict, description="Environment variables of the container."
    )

    @property
    def workload(self) -> str:
        """Name of the Deployment."""
        return self.deployment or self.name


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
    """A controller in the cluster, with the IAM role that its ServiceAccount assumes."""

    kind: Literal["aws-load-balancer-controller", "external-dns"]
    namespace: Name = "kube-system"
    deployment: Name
    service_account: Name
    role: Name
    policy: Name
    owner_id: Name | None = Field(default=None, description="ExternalDNS --txt-owner-id.")
    domain_filters: tuple[Name, ...] = ()


class HostedZone(Subject):
    """A public Route 53 hosted zone."""

    zone: Name = Field(description="Domain name, without the last dot.")
    id: Name | None = None


class Certificate(Subject):
    """An ACM certificate."""

    arn: Arn
    region: Name | None = Field(default=None, description="Default: the region in the ARN.")
    covers: tuple[Name, ...] = ()


class Host(Subject):
    """A public HTTPS host name; the entry's name is the host name."""

    hosted_zone: Name
    ingress: Name | None = None
    distribution: Name | None = None
    port: Port = 443
    ca: Name | None = Field(default=None, description="PEM file of a private CA; default: the public roots.")
    days_left: int = Field(default=21, ge=0, description="The served certificate must last this many days.")


class Distribution(Subject):
    """A CloudFront distribution."""

    id: Name
    origin: Name = Field(description="Host name of its origin.")
    aliases: tuple[Name, ...] = ()


class Api(Subject):
    """A GraphQL API and the browser origins that may call it."""

    url: HttpsUrl
    service: Name
    ca: Name | None = None
    origins: dict[Name, HttpsUrl] = Field(default_factory=dict)
    methods: tuple[Name, ...] = ("POST",)
    headers: tuple[Name, ...] = ("content-type", "authorization")
    foreign_origin: HttpsUrl = "https://not-declared.example"
    error_path: UrlPath = Field(default="/graphql/no-such-path", description="A path that answers an error.")
    limit_s: float = Field(default=10.0, gt=0, description="Seconds within which products must answer.")


class Origin(Subject):
    """One browser origin of an API. Derived from `apis.*.origins`."""

    api: Name
    service: Name
    origin: HttpsUrl
    url: HttpsUrl
    error_url: HttpsUrl
    methods: tuple[Name, ...]
    headers: tuple[Name, ...]
    ca: Name | None


class Bucket(Subject):
    """An S3 bucket that an application uploads to."""

    bucket: Name
    service: Name | None = None
    role: Name | None = Field(default=None, description="The application's role, that must be let in.")
    role_policy: Name | None = None
    origins: tuple[HttpsUrl, ...] = ()
    methods: tuple[Name, ...] = ("GET", "PUT", "POST", "DELETE")
    public_access_block: bool = True
    canary: bool = Field(default=True, description="Whether a run may put and delete a canary object.")
    canary_prefix: Name = "postflight/canary/"
    assume_role: bool = Field(default=False, description="Whether the canary is written as `role`.")


class BucketOrigin(Subject):
    """One browser origin of a bucket. Derived from `buckets.*.origins`."""

    bucket: Name
    origin: HttpsUrl
    methods: tuple[Name, ...]


class Superuser(Subject):
    """A Saleor installation that must have an active superuser."""

    service: Name
    database: Name
    table: Name = "account_user"
    exec: bool = Field(
        default=True, description="Whether `manage.py shell` may be run in an API pod where SQL cannot reach."
    )


class TerraformState(Subject):
    """A Terraform state in S3 and its DynamoDB lock table."""

    bucket: Name
    key: Name
    lock_table: Name
    resources: tuple[Name, ...] = Field(default=(), description="Addresses that the state must hold.")


class Application(Subject):
    """An Argo CD Application."""

    namespace: Name = "argocd"
    operation_limit_s: float = Field(default=900.0, gt=0)


class Job(Subject):
    """A Kubernetes Job that must have completed."""

    namespace: Name


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
    aws: Account
    cluster: Cluster | None = None
    resolver: Name | None = Field(default=None, description="DNS resolver, host:port; default: the system's.")
    authoritative: Name | None = Field(
        default=None, description="host:port that stands for the zones' own name servers."
    )
    ca: Name | None = Field(default=None, description="PEM file of the CA of hosts and APIs, if private.")
    bring_up: BringUp | None = None
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
