"""Starts every server of the sandbox, as many at a time as do not need each other."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sandbox import names
from sandbox.aws.client import Aws
from sandbox.children import start_child, stop_child
from sandbox.databases.postgres import SALEOR_SCHEMA, Plan, Postgres, start_postgres, stop_postgres
from sandbox.databases.redis import Redis
from sandbox.network.certificates import Authority, Certificate
from sandbox.network.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Authorities:
    """Who signs what: one authority for the public and the cluster, one for databases and caches."""

    public: Authority
    stores: Authority


@dataclass(frozen=True)
class Stores:
    """The databases and caches, and the gateways before them by AWS's identifiers."""

    kyeol: Postgres
    doa: Postgres
    valkey: Redis
    redis: Redis
    gateways: dict[str, Gateway]


async def start_aws(stack: AsyncExitStack, log: Path) -> Aws:
    """Start moto's server in a process of its own."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MOTO_")) and name not in {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
    }
    with log.open("ab") as errors:
        process = await start_child(
            [sys.executable, "-m", "sandbox.aws.server", "--port", "0"],
            environment={**environment, "PYTHONPATH": str(ROOT)},
            stderr=errors.fileno(),
        )
    stack.push_async_callback(stop_child, process)
    if process.stdout is None:
        raise RuntimeError("moto's server was started without a pipe for its port")
    line = await process.stdout.readline()
    if not line:
        words = await asyncio.to_thread(log.read_text)
        raise RuntimeError(f"moto's server does not start: {words}")
    return Aws(f"http://127.0.0.1:{json.loads(line)['port']}")


def database_certificate(authority: Authority, identifier: str, days: float = 90) -> Certificate:
    """Issue the certificate of a database: for its own name and those of its endpoints."""
    domain = names.RDS_DOMAIN
    return authority.issue(f"*.{domain}", f"*.cluster-{domain}", f"{identifier}.{domain}", days=days)


async def start_stores(
    stack: AsyncExitStack,
    home: Path,
    authority: Authority,
    admits: Callable[[str], Callable[[], bool]],
    latency: float,
) -> Stores:
    """Start PostgreSQL, Redis, and the gateways by which everybody else reaches them."""
    (kyeol, doa), valkey, redis = await asyncio.gather(
        _start_postgres(stack, home / "postgres", authority),
        _start_redis(stack, home, names.KYEOL_CACHE),
        _start_redis(stack, home, names.DOA_CACHE),
    )
    targets = {
        names.KYEOL_DATABASE: (kyeol.port, False),
        names.DOA_DATABASE: (doa.port, False),
        names.KYEOL_CACHE: (valkey.port, True),
        names.DOA_CACHE: (redis.port, True),
    }
    gateways = {}
    for name, (port, encrypts) in targets.items():
        certificate = authority.issue(f"*.{name}.{names.CACHE_DOMAIN}") if encrypts else None
        gateway = Gateway(
            name,
            ("127.0.0.1", port),
            admits=admits(name),
            tls=certificate.server_context() if certificate else None,
            latency=latency,
        )
        await gateway.start()
        stack.push_async_callback(gateway.stop)
        gateways[name] = gateway
    return Stores(kyeol, doa, valkey, redis, gateways)


async def _start_postgres(stack: AsyncExitStack, home: Path, authority: Authority) -> tuple[Postgres, ...]:
    kyeol = Plan(
        "kyeol",
        names.KYEOL_DATABASE_USER,
        (names.KYEOL_DATABASE_NAME,),
        database_certificate(authority, names.KYEOL_DATABASE),
        force_ssl=True,
        schemas={names.KYEOL_DATABASE_NAME: SALEOR_SCHEMA.read_text()},
    )
    doa = Plan(
        "doa",
        names.DOA_DATABASE_USER,
        names.DATABASES,
        database_certificate(authority, names.DOA_DATABASE),
        force_ssl=False,
    )
    servers = await start_postgres(home, (kyeol, doa))
    stack.push_async_callback(stop_postgres, servers)
    return servers


async def _start_redis(stack: AsyncExitStack, home: Path, name: str) -> Redis:
    redis = Redis(name)
    stack.push_async_callback(redis.stop)
    await redis.start(home / "redis")
    return redis
