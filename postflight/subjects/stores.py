"""How a run looks at what holds data: database servers, caches, buckets, and who may reach them."""

from __future__ import annotations

from postflight.environment import Bucket, BucketOrigin, Cache, DatabaseServer, Environment
from postflight.probes.aws import canary as s3_canary
from postflight.probes.aws import ec2, elasticache, iam, rds, s3, security_groups
from postflight.probes.aws.security_groups import Attachment
from postflight.subjects import infra
from postflight.subjects.registry import Ask, about


@about("database_server")
def database_server(ask: Ask, _environment: Environment, declared: DatabaseServer) -> rds.DatabaseServer:
    """Look at a database server as AWS tells of it."""
    if declared.kind == "instance":
        return ask(rds.instances).of(declared.identifier)
    found = ask(rds.clusters).of(declared.identifier)
    group = ask(rds.subnet_groups).of(found.subnet_group)
    return found.model_copy(update={"vpc": group.vpc})


@about("database_server")
def database_subnet_group(ask: Ask, environment: Environment, declared: DatabaseServer) -> rds.SubnetGroup:
    """Look at the subnet group that a database server uses."""
    used = database_server(ask, environment, declared).subnet_group
    return ask(rds.subnet_groups).of(used)


@about("database_server")
def database_parameters(ask: Ask, environment: Environment, declared: DatabaseServer) -> rds.Parameters:
    """Look at the parameter group that a database server uses."""
    group = database_server(ask, environment, declared).parameter_group
    if not group:
        return rds.Parameters(found=False, group=declared.parameter_group or "")
    if declared.kind == "instance":
        return ask(rds.instance_parameters, group)
    return ask(rds.cluster_parameters, group)


@about("database_server")
def database_passage(ask: Ask, environment: Environment, declared: DatabaseServer) -> security_groups.Passage:
    """Look whether the nodes' security group is let in by the database server's."""
    server = database_server(ask, environment, declared)
    return _from_nodes(ask, environment, server.security_groups, server.port)


@about("database_server")
def database_groups(ask: Ask, environment: Environment, declared: DatabaseServer) -> Attachment:
    """Compare the security groups of a database server with the declared one."""
    server = database_server(ask, environment, declared)
    return attachment(ask, declared.security_group, server.security_groups, server.vpc)


@about("cache")
def cache(ask: Ask, _environment: Environment, declared: Cache) -> elasticache.Cache:
    """Look at a cache as AWS tells of it."""
    found = ask(elasticache.replication_groups).of(declared.replication_group)
    nodes = ask(elasticache.nodes).of(declared.replication_group)
    subnet_group = next((node.subnet_group for node in nodes), "")
    groups = dict.fromkeys(group for node in nodes for group in node.security_groups)
    return found.model_copy(
        update={
            "subnet_group": subnet_group,
            "vpc": ask(elasticache.subnet_groups).of(subnet_group).vpc,
            "security_groups": tuple(groups),
        }
    )


@about("cache")
def cache_subnet_group(ask: Ask, environment: Environment, declared: Cache) -> rds.SubnetGroup:
    """Look at the subnet group that a cache uses."""
    return ask(elasticache.subnet_groups).of(cache(ask, environment, declared).subnet_group)


@about("cache")
def cache_passage(ask: Ask, environment: Environment, declared: Cache) -> security_groups.Passage:
    """Look whether the nodes' security group is let in by the cache's."""
    found = cache(ask, environment, declared)
    return _from_nodes(ask, environment, found.security_groups, found.port)


@about("cache")
def cache_groups(ask: Ask, environment: Environment, declared: Cache) -> Attachment:
    """Compare the security groups of a cache with the declared one."""
    found = cache(ask, environment, declared)
    return attachment(ask, declared.security_group, found.security_groups, found.vpc)


@about("bucket")
def bucket(ask: Ask, _environment: Environment, declared: Bucket) -> s3.Bucket:
    """Look whether a bucket exists."""
    return ask(s3.bucket, declared.bucket)


@about("bucket")
def bucket_policy(ask: Ask, _environment: Environment, declared: Bucket) -> s3.BucketPolicy:
    """Look at a bucket's policy."""
    return ask(s3.policy, declared.bucket)


@about("bucket")
def public_access_block(ask: Ask, _environment: Environment, declared: Bucket) -> s3.PublicAccessBlock:
    """Look at a bucket's public access block."""
    return ask(s3.public_access_block, declared.bucket)


@about("bucket")
def bucket_role_policy(ask: Ask, _environment: Environment, declared: Bucket) -> iam.RolePolicy:
    """Look at the policy by which the application's role may use the bucket, inline or attached."""
    role, policy = declared.role or "", declared.role_policy or ""
    inline = ask(iam.role_policy, role, policy)
    attached = inline if inline.found else infra.attached_policy(ask, role, policy)
    if not attached.arn:
        return attached
    version = ask(iam.default_version, attached.arn).version
    statements = ask(iam.managed_policy, attached.arn, version).statements
    return attached.model_copy(update={"statements": statements})


@about("bucket")
def canary(ask: Ask, _environment: Environment, declared: Bucket) -> s3_canary.Canary:
    """Upload a canary object as the application would, and remove it."""
    role = declared.role if declared.assume_role else None
    return ask(s3_canary.canary, declared.bucket, declared.canary_prefix, role)


@about("bucket_origin")
def bucket_cors(ask: Ask, environment: Environment, declared: BucketOrigin) -> s3.Cors:
    """Look at the CORS rules of an origin's bucket."""
    return ask(s3.cors, environment.buckets[declared.bucket].bucket)


def _from_nodes(
    ask: Ask, environment: Environment, targets: tuple[str, ...], port: int
) -> security_groups.Passage:
    groups = ask(security_groups.security_groups)
    cluster = environment.cluster
    name = cluster.node_security_group if cluster is not None else ""
    nodes = groups.of(name, infra.eks_cluster(ask, environment).vpc)
    return security_groups.passage(
        sources=(security_groups.source(nodes),),
        targets=groups.all_of(targets),
        ports=(port,) if port else (),
        networks=networks_of(ask, environment, "private"),
    )


def attachment(ask: Ask, declared: str | None, attached: tuple[str, ...], vpc: str) -> Attachment:
    """Compare the security groups that something in a VPC has with the declared one."""
    groups = ask(security_groups.security_groups)
    return Attachment(declared=groups.of(declared or "", vpc), attached=groups.all_of(attached))


def networks_of(ask: Ask, environment: Environment, tier: str) -> tuple[str, ...]:
    """Return the networks of the declared subnets of a tier: a rule may name these in a group's place."""
    own = infra.vpc(ask, environment).id
    known = ask(ec2.subnets)
    found = [known.of(item.subnet, own) for item in environment.subnets.values() if item.tier == tier]
    return tuple(item.network for item in found if item.network)
