"""What should hold the data: database servers, databases, caches, buckets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from postflight.environment.declaration import Declaration, HttpsUrl, Name, Port, SecretKey, Subject, Vantage


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

    @property
    def password_source(self) -> SecretKey | None:
        """Where the applications' password lies."""
        return self.login.url or self.login.password

    @property
    def secret(self) -> str | None:
        """Name of the Secret that holds the password."""
        return self.password_source.secret if self.password_source else None

    @property
    def secret_namespace(self) -> str | None:
        """Namespace of that Secret."""
        return self.password_source.namespace if self.password_source else None

    @property
    def user_source(self) -> SecretKey | None:
        """Where the applications' user name lies."""
        return self.login.url or self.login.user

    @property
    def user_secret(self) -> str | None:
        """Name of the Secret that holds the user name."""
        return self.user_source.secret if self.user_source else None

    @property
    def user_key(self) -> str | None:
        """Key of the user name in that Secret; of a whole DATABASE_URL where the login is one."""
        return self.user_source.key if self.user_source else None

    @property
    def ca_file(self) -> str:
        """The CA as a file: the declared one, else Amazon's bundle under the name that it is fetched as."""
        return self.ca or "global-bundle.pem"


class Database(Subject):
    """One database on a server. Derived from `database_servers.*.databases`."""

    database: Name
    database_server: Name
    reachable_from: tuple[Vantage, ...] = ("inside",)


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

    @property
    def secret(self) -> str | None:
        """Name of the Secret that holds the AUTH token."""
        return self.auth.secret if self.auth else None

    @property
    def secret_namespace(self) -> str | None:
        """Namespace of that Secret."""
        return self.auth.namespace if self.auth else None


class Bucket(Subject):
    """An S3 bucket that an application uploads to."""

    bucket: Name
    service: Name | None = None
    role: Name | None = Field(default=None, description="The application's role, that must be let in.")
    role_policy: Name | None = Field(default=None, description="The role's policy, inline or attached.")
    bucket_policy: bool = Field(
        default=False,
        description="Whether the bucket's policy must let `role` in; in one account `role_policy` may do.",
    )
    origins: tuple[HttpsUrl, ...] = ()
    methods: tuple[Name, ...] = ("GET", "PUT", "POST", "DELETE")
    public_access_block: bool = True
    canary: bool = Field(default=False, description="Whether a run may put and delete a canary object.")
    canary_prefix: Name = "postflight/canary/"
    assume_role: bool = Field(default=False, description="Whether the canary is written as `role`.")


class BucketOrigin(Subject):
    """One browser origin of a bucket. Derived from `buckets.*.origins`."""

    bucket: Name
    origin: HttpsUrl
    methods: tuple[Name, ...]
