"""Database servers, caches, buckets and Terraform's state: as AWS tells, and as applications meet them."""

import json
import socket
import ssl
import uuid
from typing import Any

import psycopg
import pytest

from bench.plain.expected import (
    ACCOUNT,
    API_ROLE,
    LOCK_TABLE,
    MEDIA_BUCKET,
    ORIGINS,
    SERVERS,
    SERVICES,
    STATE_BUCKET,
    STATE_KEY,
    STORES_CA,
    Cache,
    Server,
    Service,
)  # fmt: skip
from bench.plain.reach import Reach
from bench.plain.stores import cache_group, connect, login_of, redis_of, server_of

WITH_DATABASE = tuple(service for service in SERVICES if service.database)


def test_database_server_exists(aws: Any, server: Server) -> None:
    assert server_of(aws("rds"), server.name)["Host"]


def test_database_server_is_available(aws: Any, server: Server) -> None:
    assert server_of(aws("rds"), server.name)["Status"] == "available"


def test_database_server_runs_its_version(aws: Any, server: Server) -> None:
    assert server_of(aws("rds"), server.name)["Version"] == server.version


def test_secret_names_the_endpoint(aws: Any, core: Any, apps: Any, server: Server) -> None:
    host = server_of(aws("rds"), server.name)["Host"]
    told = login_of(core, server)[2]
    if told is not None:
        assert told == host
        return
    for deployment in apps.list_namespaced_deployment(server.namespace).items:
        for container in deployment.spec.template.spec.containers:
            for variable in container.env or []:
                assert variable.name != "DB_HOST" or variable.value == host, deployment.metadata.name


def test_force_ssl_agrees_with_the_applications(aws: Any, server: Server) -> None:
    rds = aws("rds")
    group = server_of(rds, server.name)["ParameterGroup"]
    try:
        pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group)
        parameters = [item for page in pages for item in page["Parameters"]]
    except rds.exceptions.DBParameterGroupNotFoundFault:
        pages = rds.get_paginator("describe_db_cluster_parameters").paginate(
            DBClusterParameterGroupName=group
        )
        parameters = [item for page in pages for item in page["Parameters"]]
    value = next(item["ParameterValue"] for item in parameters if item["ParameterName"] == "rds.force_ssl")
    assert (value == "1") == server.tls_is_required


def open_socket(aws: Any, reach: Reach, server: Server) -> tuple[socket.socket, str]:
    found = server_of(aws("rds"), server.name)
    return socket.create_connection((reach.address(found["Host"]), found["Port"]), timeout=10), found["Host"]


def test_database_server_is_reachable(aws: Any, reach: Reach, server: Server) -> None:
    opened, _ = open_socket(aws, reach, server)
    opened.close()


def asked_for_tls(opened: socket.socket) -> bytes:
    opened.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
    return opened.recv(1)


def test_database_server_answers_in_time(aws: Any, reach: Reach, server: Server) -> None:
    with open_socket(aws, reach, server)[0] as opened:
        assert asked_for_tls(opened) in (b"S", b"N")


def test_database_server_speaks_tls(aws: Any, reach: Reach, server: Server) -> None:
    with open_socket(aws, reach, server)[0] as opened:
        assert asked_for_tls(opened) == b"S"


@pytest.mark.parametrize("server", SERVERS[:1], ids=lambda server: server.name)
def test_certificate_of_the_database_server_verifies(aws: Any, reach: Reach, server: Server) -> None:
    opened, host = open_socket(aws, reach, server)
    assert asked_for_tls(opened) == b"S"
    context = ssl.create_default_context(cafile=STORES_CA)
    with context.wrap_socket(opened, server_hostname=host) as wrapped:
        assert wrapped.version()


def test_secret_names_the_user(core: Any, server: Server) -> None:
    assert login_of(core, server)[0] == server.user


def test_password_is_accepted(aws: Any, core: Any, reach: Reach, server: Server) -> None:
    with connect(aws, core, reach, server) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_server_version(aws: Any, core: Any, reach: Reach, server: Server) -> None:
    with connect(aws, core, reach, server) as connection:
        assert connection.info.server_version // 10000 == int(server.version.split(".")[0])


@pytest.mark.parametrize("service", WITH_DATABASE, ids=lambda service: service.name)
def test_database_exists(aws: Any, core: Any, reach: Reach, service: Service) -> None:
    server = next(server for server in SERVERS if server.namespace == service.namespace)
    with connect(aws, core, reach, server) as connection:
        names = {row[0] for row in connection.execute("select datname from pg_database")}
    assert service.database in names


def test_superuser_is_there(aws: Any, core: Any, reach: Reach) -> None:
    with connect(aws, core, reach, SERVERS[0]) as connection:
        query = "select count(*) from account_user where is_superuser and is_active"
        row = connection.execute(psycopg.sql.SQL(query)).fetchone()
    assert row is not None
    assert row[0] > 0


def test_cache_exists(aws: Any, cache: Cache) -> None:
    assert cache_group(aws("elasticache"), cache.name)


def test_cache_is_available(aws: Any, cache: Cache) -> None:
    assert cache_group(aws("elasticache"), cache.name)["Status"] == "available"


def test_cache_encrypts_in_transit(aws: Any, cache: Cache) -> None:
    assert cache_group(aws("elasticache"), cache.name)["TransitEncryptionEnabled"]


def cache_socket(aws: Any, reach: Reach, cache: Cache) -> tuple[socket.socket, str]:
    endpoint = cache_group(aws("elasticache"), cache.name)["NodeGroups"][0]["PrimaryEndpoint"]
    address = (reach.address(endpoint["Address"]), endpoint["Port"])
    return socket.create_connection(address, timeout=10), endpoint["Address"]


def test_cache_is_reachable(aws: Any, reach: Reach, cache: Cache) -> None:
    opened, _ = cache_socket(aws, reach, cache)
    opened.close()


def test_certificate_of_the_cache_verifies(aws: Any, reach: Reach, cache: Cache) -> None:
    opened, host = cache_socket(aws, reach, cache)
    context = ssl.create_default_context(cafile=STORES_CA)
    with context.wrap_socket(opened, server_hostname=host) as wrapped:
        assert wrapped.version()


@pytest.mark.parametrize("times", [1, 2], ids=["answers", "accepts its token"])
def test_cache_answers(aws: Any, core: Any, reach: Reach, cache: Cache, times: int) -> None:
    with redis_of(aws, core, reach, cache) as client:
        assert all(client.ping() for _ in range(times))


def test_bucket_exists(aws: Any) -> None:
    aws("s3").head_bucket(Bucket=MEDIA_BUCKET)


def test_bucket_blocks_public_access(aws: Any) -> None:
    found = aws("s3").get_public_access_block(Bucket=MEDIA_BUCKET)["PublicAccessBlockConfiguration"]
    assert all(found.values())


def test_bucket_policy_lets_the_application_in(aws: Any) -> None:
    policy = json.loads(aws("s3").get_bucket_policy(Bucket=MEDIA_BUCKET)["Policy"])
    role = f"arn:aws:iam::{ACCOUNT}:role/{API_ROLE}"
    allowed = [
        one for one in policy["Statement"] if one["Effect"] == "Allow" and role in str(one["Principal"])
    ]
    assert any("s3:GetObject" in one["Action"] for one in allowed)


def test_role_may_write_to_the_bucket(aws: Any) -> None:
    found = aws("iam").get_role_policy(RoleName=API_ROLE, PolicyName="S3MediaAccess")["PolicyDocument"]
    assert "s3:PutObject" in json.dumps(found)


@pytest.mark.parametrize("origin", ORIGINS)
def test_bucket_admits_the_origin(aws: Any, origin: str) -> None:
    rules = aws("s3").get_bucket_cors(Bucket=MEDIA_BUCKET)["CORSRules"]
    methods = {
        method for rule in rules if origin in rule["AllowedOrigins"] for method in rule["AllowedMethods"]
    }
    assert methods >= {"GET", "PUT", "POST", "DELETE"}


def test_object_can_be_uploaded(aws: Any) -> None:
    s3, key = aws("s3"), f"plain-canary/{uuid.uuid4()}"
    s3.put_object(Bucket=MEDIA_BUCKET, Key=key, Body=b"canary")
    try:
        assert s3.get_object(Bucket=MEDIA_BUCKET, Key=key)["Body"].read() == b"canary"
    finally:
        s3.delete_object(Bucket=MEDIA_BUCKET, Key=key)


def test_no_canary_is_left(aws: Any) -> None:
    assert not aws("s3").list_objects_v2(Bucket=MEDIA_BUCKET, Prefix="postflight-canary/").get("Contents")


def test_state_exists(aws: Any) -> None:
    aws("s3").head_object(Bucket=STATE_BUCKET, Key=STATE_KEY)


@pytest.mark.parametrize("address", ["module.eks.aws_eks_cluster.main", "module.vpc.aws_nat_gateway.main"])
def test_state_holds_its_resources(aws: Any, address: str) -> None:
    state = json.loads(aws("s3").get_object(Bucket=STATE_BUCKET, Key=STATE_KEY)["Body"].read())
    held = {f"{one.get('module', '')}.{one['type']}.{one['name']}".strip(".") for one in state["resources"]}
    assert address in held


def test_state_is_not_locked(aws: Any) -> None:
    key = {"LockID": {"S": f"{STATE_BUCKET}/{STATE_KEY}"}}
    assert "Item" not in aws("dynamodb").get_item(TableName=LOCK_TABLE, Key=key)
