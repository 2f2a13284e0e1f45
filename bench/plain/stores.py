"""How the tests find database servers, caches and the logins to them."""

import base64
import socket
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis

from bench.plain.expected import STORES_CA, Cache, Server
from bench.plain.reach import Reach


def server_of(rds: Any, name: str) -> dict[str, Any]:
    """Return what RDS tells of an instance or, failing that, of a cluster: host, port, status, version."""
    instances = rds.describe_db_instances(Filters=[{"Name": "db-instance-id", "Values": [name]}])
    for one in instances["DBInstances"]:
        return {
            "Host": one["Endpoint"]["Address"],
            "Port": one["Endpoint"]["Port"],
            "Status": one["DBInstanceStatus"],
            "Version": one["EngineVersion"],
            "ParameterGroup": one["DBParameterGroups"][0]["DBParameterGroupName"],
            "Groups": [group["VpcSecurityGroupId"] for group in one["VpcSecurityGroups"]],
        }
    one = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
    return {
        "Host": one["Endpoint"],
        "Port": one["Port"],
        "Status": one["Status"],
        "Version": one["EngineVersion"],
        "ParameterGroup": one["DBClusterParameterGroup"],
        "Groups": [group["VpcSecurityGroupId"] for group in one["VpcSecurityGroups"]],
    }


def cache_group(elasticache: Any, name: str) -> Any:
    """Return what ElastiCache tells of a replication group."""
    return elasticache.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"][0]


def secret(core: Any, namespace: str, name: str) -> dict[str, str]:
    """Return the values of a Secret."""
    data = core.read_namespaced_secret(name, namespace).data or {}
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def login_of(core: Any, server: Server) -> tuple[str, str, str | None]:
    """Return user, password and host as the applications are told them."""
    values = secret(core, server.namespace, server.secret)
    if "DATABASE_URL" in values:
        url = urlsplit(values["DATABASE_URL"])
        return url.username or "", url.password or "", url.hostname
    return values["username"], values["password"], None


def connect(aws: Any, core: Any, reach: Reach, server: Server, database: str = "") -> psycopg.Connection:
    """Log in to a database server as the applications do."""
    found = server_of(aws("rds"), server.name)
    user, password, _ = login_of(core, server)
    return psycopg.connect(
        host=found["Host"],
        hostaddr=reach.address(found["Host"]),
        port=found["Port"],
        user=user,
        password=password,
        dbname=database or server.database,
        sslmode="verify-full" if server.tls_is_required else "prefer",
        sslrootcert=STORES_CA if server.tls_is_required else None,
        connect_timeout=10,
    )


def token_of(core: Any, cache: Cache) -> str:
    """Return the AUTH token of a cache as the applications are told it."""
    values = secret(core, cache.namespace, cache.secret)
    return values.get("password") or urlsplit(values["REDIS_URL"]).password or ""


class AddressConnection(redis.SSLConnection):
    """Connects to an address; SNI and the certificate stay the host's."""

    def __init__(self, *, address: str, **options: Any) -> None:
        super().__init__(**options)
        self._address = address

    def _connect(self) -> Any:
        opened = socket.create_connection((self._address, self.port), timeout=10)
        return self._wrap_socket_with_ssl(opened)  # type: ignore[no-untyped-call]


def redis_of(aws: Any, core: Any, reach: Reach, cache: Cache) -> redis.Redis:
    """Return a client of a cache, whose certificate is verified."""
    endpoint = cache_group(aws("elasticache"), cache.name)["NodeGroups"][0]["PrimaryEndpoint"]
    pool = redis.ConnectionPool(
        connection_class=AddressConnection,
        host=endpoint["Address"],
        address=reach.address(endpoint["Address"]),
        port=endpoint["Port"],
        password=token_of(core, cache),
        ssl_ca_certs=STORES_CA,
        socket_timeout=10,
    )
    return redis.Redis.from_pool(pool)
