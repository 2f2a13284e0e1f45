"""What should answer from outside: zones, certificates, hosts, distributions, APIs."""

from __future__ import annotations

from pydantic import Field

from postflight.environment.declaration import Arn, HttpsUrl, Name, Port, Subject, UrlPath


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


class Superuser(Subject):
    """A Saleor installation that must have an active superuser."""

    service: Name
    database: Name
    table: Name = "account_user"
    exec: bool = Field(
        default=False,
        description="Whether `manage.py shell` may be run in an API pod where SQL cannot reach.",
    )
