"""What a permission is needed for: the narrowest resources that AWS and Kubernetes can tell apart.

A scope gives nothing for a permission that an entry rules out (an Aurora cluster is not looked for where
only instances are declared), so that it is left out of what is granted.
Source: AWS Service Authorization Reference; Kubernetes, "Using RBAC Authorization".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase

from postflight.environment import (
    Bucket,
    BucketOrigin,
    Cache,
    Certificate,
    Database,
    DatabaseServer,
    Environment,
    HostedZone,
    SecretKey,
    Service,
    Subject,
    Superuser,
    TerraformState,
    subjects,
)
from postflight.environment.network import Host
from postflight.permissions.collected import Need

EVERYTHING = "*"


class UnknownPermissionError(Exception):
    """A probe declares a permission of which nobody has said what it is needed for."""


def arns(environment: Environment, need: Need) -> tuple[str, ...]:
    """Return the ARNs (or patterns) that a need is about; none where it does not arise.

    Raises UnknownPermissionError.
    """
    for pattern, scope in _SCOPES.items():
        if fnmatchcase(need.permission, pattern):
            return tuple(scope(environment, need.subject))
    raise UnknownPermissionError(
        f"Nobody has said what {need.permission} is needed for: add it to postflight/permissions/scopes.py."
    )


def arn(environment: Environment, service: str, rest: str, *, region: str | None = None) -> str:
    """Return an ARN in the environment's account; `region` empty for what belongs to none."""
    where = environment.aws.region if region is None else region
    return f"arn:{environment.aws.partition}:{service}:{where}:{environment.aws.account}:{rest}"


def database_server(environment: Environment, subject: Subject | None) -> DatabaseServer | None:
    """Return the database server that a subject is, or is on."""
    match subject:
        case DatabaseServer():
            return subject
        case Database(database_server=name):
            return environment.database_servers[name]
        case Superuser(database=str(database)) | Service(database=str(database)):
            servers = environment.database_servers.values()
            return next((server for server in servers if database in server.databases), None)
        case _:
            return None


def services_on(environment: Environment, server: DatabaseServer) -> Iterator[Service]:
    """Yield the services that have a database on a server."""
    for service in subjects(environment, "service"):
        if isinstance(service, Service) and service.database in server.databases:
            yield service


def credentials(environment: Environment, subject: Subject | None) -> Iterator[SecretKey]:
    """Yield where the credentials lie that a look at a subject uses."""
    if isinstance(subject, Cache):
        found: tuple[SecretKey | None, ...] = (subject.auth,)
    else:
        server = database_server(environment, subject)
        login = server.login if server is not None else None
        found = (login.url, login.user, login.password) if login is not None else ()
    yield from (one for one in found if one is not None)


def secrets(environment: Environment, subject: Subject | None) -> Iterator[tuple[str, str]]:
    """Yield the Kubernetes Secrets, as (namespace, name), that a look at a subject may read."""
    for one in credentials(environment, subject):
        if one.namespace is not None:
            yield one.namespace, one.secret
    match subject:
        case Service():
            yield from _secrets_of_service(environment, subject)
        case DatabaseServer():
            for service in services_on(environment, subject):
                yield from _secrets_of_service(environment, service)
        case _:
            return


def _secrets_of_service(environment: Environment, service: Service) -> Iterator[tuple[str, str]]:
    cache = environment.caches.get(service.cache or "")
    for about in (database_server(environment, service), cache):
        for one in credentials(environment, about):
            if one.namespace == service.namespace:
                yield one.namespace, one.secret
    yield from ((service.namespace, name) for name in service.secrets)


def _everything(_environment: Environment, _subject: Subject | None) -> Iterator[str]:
    yield EVERYTHING


def _all_of(service: str, kind: str) -> _Scope:
    """Say that a listing is allowed over all of a kind, or not at all."""

    def scope(environment: Environment, _subject: Subject | None) -> Iterator[str]:
        yield arn(environment, service, f"{kind}:*")

    return scope


def _of_server(server_kind: str, resource: str) -> _Scope:
    def scope(environment: Environment, subject: Subject | None) -> Iterator[str]:
        server = database_server(environment, subject)
        if server is not None and server.kind == server_kind:
            yield arn(environment, "rds", f"{resource}:*")

    return scope


def _cluster(environment: Environment, _subject: Subject | None) -> Iterator[str]:
    if environment.cluster is not None:
        yield arn(environment, "eks", f"cluster/{environment.cluster.name}")


def _node_groups(environment: Environment, _subject: Subject | None) -> Iterator[str]:
    if environment.cluster is not None:
        yield arn(environment, "eks", f"nodegroup/{environment.cluster.name}/*/*")


def _policies(environment: Environment, subject: Subject | None) -> Iterator[str]:
    """Yield the policies that the account has made itself; a bucket's role may have one of AWS's."""
    yield arn(environment, "iam", "policy/*", region="")
    if isinstance(subject, Bucket):
        yield f"arn:{environment.aws.partition}:iam::aws:policy/*"


def _certificate(environment: Environment, subject: Subject | None) -> Iterator[str]:
    found = [subject] if isinstance(subject, Certificate) else environment.certificates.values()
    yield from (one.arn for one in found)


def _zone(environment: Environment, subject: Subject | None) -> Iterator[str]:
    zone = environment.hosted_zones.get(subject.hosted_zone) if isinstance(subject, Host) else subject
    identifier = zone.id if isinstance(zone, HostedZone) and zone.id else "*"
    yield f"arn:{environment.aws.partition}:route53:::hostedzone/{identifier}"


def _role(environment: Environment, subject: Subject | None) -> Iterator[str]:
    """Yield the role of a subject; without a subject those of the nodes, whose names only AWS knows."""
    name: str | None = "*" if subject is None else getattr(subject, "role", None)
    if name:
        yield arn(environment, "iam", f"role/{name}", region="")


def _bucket(environment: Environment, subject: Subject | None) -> Iterator[str]:
    match subject:
        case BucketOrigin(bucket=entry):
            name = environment.buckets[entry].bucket
        case Bucket(bucket=name) | TerraformState(bucket=name):
            pass
        case _:
            return
    yield f"arn:{environment.aws.partition}:s3:::{name}"


def _object(environment: Environment, subject: Subject | None) -> Iterator[str]:
    """Yield the objects that a look touches: one Terraform state, or canaries unless a role writes them."""
    match subject:
        case TerraformState(key=key):
            yield f"{next(_bucket(environment, subject))}/{key}"
        case Bucket(assume_role=False, canary=True, canary_prefix=prefix):
            yield f"{next(_bucket(environment, subject))}/{prefix}*"
        case _:
            return


def _canary_role(environment: Environment, subject: Subject | None) -> Iterator[str]:
    if isinstance(subject, Bucket) and subject.canary and subject.assume_role:
        yield from _role(environment, subject)


def _secret(environment: Environment, subject: Subject | None) -> Iterator[str]:
    for one in credentials(environment, subject):
        if one.namespace is None:
            # Secrets Manager adds a hyphen and six characters to the name.
            yield arn(environment, "secretsmanager", f"secret:{one.secret}-??????")


def _repository(environment: Environment, subject: Subject | None) -> Iterator[str]:
    services = [subject] if isinstance(subject, Service) else subjects(environment, "service")
    for service in services:
        if isinstance(service, Service) and service.image_repository:
            yield arn(environment, "ecr", f"repository/{service.image_repository}")


def _lock_table(environment: Environment, subject: Subject | None) -> Iterator[str]:
    if isinstance(subject, TerraformState) and subject.lock_table:
        yield arn(environment, "dynamodb", f"table/{subject.lock_table}")


_Scope = Callable[[Environment, Subject | None], Iterator[str]]

# The first pattern that matches decides.
_SCOPES: Mapping[str, _Scope] = {
    "ec2:Describe*": _everything,
    "elasticloadbalancing:Describe*": _everything,
    "cloudfront:List*": _everything,
    "route53:ListHostedZones*": _everything,
    "route53:ListResourceRecordSets": _zone,
    "eks:DescribeCluster": _cluster,
    "eks:ListNodegroups": _cluster,
    "eks:DescribeNodegroup": _node_groups,
    "acm:DescribeCertificate": _certificate,
    "rds:DescribeDBInstances": _of_server("instance", "db"),
    "rds:DescribeDBParameters": _of_server("instance", "pg"),
    "rds:DescribeDBClusters": _of_server("cluster", "cluster"),
    "rds:DescribeDBClusterParameters": _of_server("cluster", "cluster-pg"),
    "rds:DescribeDBSubnetGroups": _all_of("rds", "subgrp"),
    "elasticache:DescribeReplicationGroups": _all_of("elasticache", "replicationgroup"),
    "elasticache:DescribeCacheClusters": _all_of("elasticache", "cluster"),
    "elasticache:DescribeCacheSubnetGroups": _all_of("elasticache", "subnetgroup"),
    "iam:GetPolicy*": _policies,
    "iam:Get*": _role,
    "iam:List*": _role,
    "s3:PutObject": _object,
    "s3:GetObject": _object,
    "s3:DeleteObject": _object,
    "s3:DeleteObjectVersion": _object,
    "s3:ListBucket": _bucket,
    "s3:GetBucket*": _bucket,
    "sts:AssumeRole": _canary_role,
    "secretsmanager:GetSecretValue": _secret,
    "ecr:*": _repository,
    "dynamodb:*": _lock_table,
}
