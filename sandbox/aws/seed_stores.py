"""Makes what keeps data: databases, caches, buckets, the Terraform state and its lock table."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.aws.seeded import Endpoint, Network, Ports
from sandbox.aws.terraform import terraform_state

if TYPE_CHECKING:
    from sandbox.aws.client import Aws

STATE_BUCKET = f"min-kyeol-tfstate-{names.ACCOUNT}"
STATE_KEY = "sandbox/terraform.tfstate"
LOCK_TABLE = "min-kyeol-terraform-locks"
KYEOL_ENGINE_VERSION = "17.10"
DOA_ENGINE_VERSION = "17.4"
_DOA_SUBNET_GROUP = "doa-market-db-subnet-group"


def _private(network: Network) -> list[str]:
    return [identifier for name, identifier in network.subnets.items() if "-private-" in name]


def seed_kyeol_database(aws: Aws, network: Network, ports: Ports) -> Endpoint:
    """Make the RDS instance, which takes TLS connections only."""
    rds = aws.client("rds")
    group, parameters = f"{names.PREFIX}-db-subnet-group", f"{names.PREFIX}-postgres17"
    rds.create_db_subnet_group(
        DBSubnetGroupName=group, DBSubnetGroupDescription="private subnets", SubnetIds=_private(network)
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=parameters, DBParameterGroupFamily="postgres17", Description="TLS required"
    )
    rds.modify_db_parameter_group(DBParameterGroupName=parameters, Parameters=[_force_ssl("1")])
    rds.create_db_instance(
        DBInstanceIdentifier=names.KYEOL_DATABASE,
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        EngineVersion=KYEOL_ENGINE_VERSION,
        AllocatedStorage=20,
        DBName=names.KYEOL_DATABASE_NAME,
        MasterUsername=names.KYEOL_DATABASE_USER,
        MasterUserPassword=secrets.token_hex(16),
        DBSubnetGroupName=group,
        DBParameterGroupName=parameters,
        VpcSecurityGroupIds=[network.security_groups[names.KYEOL_DATABASE_GROUP]],
        PubliclyAccessible=False,
        StorageEncrypted=True,
        Port=ports.postgres_kyeol,
    )
    endpoint = Endpoint(f"{names.KYEOL_DATABASE}.{names.RDS_DOMAIN}", ports.postgres_kyeol)
    aws.set("db-instance", names.KYEOL_DATABASE, address=endpoint.host, port=endpoint.port)
    return endpoint


def seed_doa_database(aws: Aws, network: Network, ports: Ports) -> Endpoint:
    """Make the Aurora cluster and its one instance; TLS is offered, not forced."""
    rds = aws.client("rds")
    _create_doa_cluster(rds, network, ports)
    rds.create_db_instance(
        DBInstanceIdentifier=names.DOA_DATABASE_INSTANCE,
        DBClusterIdentifier=names.DOA_DATABASE,
        DBInstanceClass="db.t4g.medium",
        Engine="aurora-postgresql",
    )
    endpoint = Endpoint(f"{names.DOA_DATABASE}.cluster-{names.RDS_DOMAIN}", ports.postgres_doa)
    reader = endpoint.host.replace(".cluster-", ".cluster-ro-")
    cluster: dict[str, Any] = {
        "address": endpoint.host,
        "reader_address": reader,
        "port": endpoint.port,
        "subnet_group": _DOA_SUBNET_GROUP,
    }
    instance = {"address": f"{names.DOA_DATABASE_INSTANCE}.{names.RDS_DOMAIN}", "port": endpoint.port}
    aws.set_many(
        [
            ("db-cluster", names.DOA_DATABASE, cluster),
            ("db-instance", names.DOA_DATABASE_INSTANCE, instance),
        ]
    )
    return endpoint


def _create_doa_cluster(rds: Any, network: Network, ports: Ports) -> None:
    group, parameters = _DOA_SUBNET_GROUP, "doa-market-postgres17"
    rds.create_db_subnet_group(
        DBSubnetGroupName=group, DBSubnetGroupDescription="private subnets", SubnetIds=_private(network)
    )
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=parameters,
        DBParameterGroupFamily="aurora-postgresql17",
        Description="TLS optional",
    )
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName=parameters, Parameters=[_force_ssl("0")]
    )
    rds.create_db_cluster(
        DBClusterIdentifier=names.DOA_DATABASE,
        Engine="aurora-postgresql",
        EngineVersion=DOA_ENGINE_VERSION,
        MasterUsername=names.DOA_DATABASE_USER,
        MasterUserPassword=secrets.token_hex(16),
        DBSubnetGroupName=group,
        DBClusterParameterGroupName=parameters,
        VpcSecurityGroupIds=[network.security_groups[names.DOA_DATABASE_GROUP]],
        Port=ports.postgres_doa,
        StorageEncrypted=True,
    )


def _force_ssl(value: str) -> dict[str, str]:
    return {
        "ParameterName": "rds.force_ssl",
        "ParameterValue": value,
        "ApplyMethod": "immediate",
        "ApplyType": "dynamic",
        "Source": "user",
        "DataType": "boolean",
    }


def seed_cache(aws: Aws, network: Network, name: str, engine: str, port: int) -> Endpoint:
    """Make a replication group of one node with TLS and AUTH, and the node itself."""
    caches = aws.client("elasticache")
    group = f"{name}-subnet-group"
    member: dict[str, Any] = {
        "CacheNodeType": "cache.t4g.micro",
        "EngineVersion": "8.0" if engine == "valkey" else "7.1",
        "CacheSubnetGroupName": group,
        "SecurityGroupIds": [network.security_groups[f"{name}-sg"]],
        "Port": port,
        "TransitEncryptionEnabled": True,
    }
    caches.create_cache_subnet_group(
        CacheSubnetGroupName=group,
        CacheSubnetGroupDescription="private subnets",
        SubnetIds=_private(network),
    )
    caches.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription=f"{engine} of {name}",
        Engine=engine,
        NumCacheClusters=1,
        PreferredCacheClusterAZs=[names.ZONES[0]],
        AuthToken=secrets.token_hex(16),
        AtRestEncryptionEnabled=True,
        **member,
    )
    # moto takes a member for a node of its own only when the engine is called redis.
    caches.create_cache_cluster(
        CacheClusterId=f"{name}-001", ReplicationGroupId=name, Engine="redis", NumCacheNodes=1, **member
    )
    endpoint = Endpoint(f"master.{name}.{names.CACHE_DOMAIN}", port)
    aws.set("replication-group", name, address=endpoint.host, port=port, member_engine=engine)
    return endpoint


def seed_media_bucket(aws: Aws) -> None:
    """Make the media bucket: CORS for both origins, readable by the app's role, closed to the public.

    Writing is the role's own right (S3MediaAccess), so that either side alone can take uploads away.
    """
    s3 = aws.client("s3")
    _create_bucket(s3, names.MEDIA_BUCKET)
    s3.put_bucket_cors(
        Bucket=names.MEDIA_BUCKET,
        CORSConfiguration={
            "CORSRules": [
                {
                    "AllowedOrigins": [f"https://{names.STORE_HOST}", f"https://{names.DASHBOARD_HOST}"],
                    "AllowedMethods": ["GET", "PUT", "POST", "DELETE"],
                    "AllowedHeaders": ["*"],
                    "MaxAgeSeconds": 3000,
                }
            ]
        },
    )
    s3.put_bucket_policy(Bucket=names.MEDIA_BUCKET, Policy=json.dumps(media_bucket_policy()))


def media_bucket_policy() -> dict[str, Any]:
    """Give the media bucket's policy as it is when all is well."""
    arn = f"arn:aws:s3:::{names.MEDIA_BUCKET}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ApplicationReads",
                "Effect": "Allow",
                "Principal": {"AWS": names.role_arn(names.API_ROLE)},
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": [arn, f"{arn}/*"],
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }


def seed_terraform(aws: Aws, network: Network) -> None:
    """Make the state bucket with the state in it, and the lock table with nothing but the state's digest."""
    s3, dynamodb = aws.client("s3"), aws.client("dynamodb")
    _create_bucket(s3, STATE_BUCKET)
    s3.put_bucket_versioning(Bucket=STATE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    text = json.dumps(terraform_state(network), indent=2).encode()
    s3.put_object(Bucket=STATE_BUCKET, Key=STATE_KEY, Body=text, ContentType="application/json")
    dynamodb.create_table(
        TableName=LOCK_TABLE,
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
    item = {"LockID": {"S": f"{STATE_BUCKET}/{STATE_KEY}-md5"}, "Digest": {"S": digest}}
    dynamodb.put_item(TableName=LOCK_TABLE, Item=item)


def _create_bucket(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": names.REGION})
    s3.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
