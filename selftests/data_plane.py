"""The databases, the network and a container runtime, without AWS and Kubernetes around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from sandbox.apps.container import Container
from sandbox.apps.containers import Containers
from sandbox.apps.saleor_runtime import SaleorRuntime
from sandbox.apps.surroundings import Behaviour, Surroundings
from sandbox.databases.postgres import SALEOR_SCHEMA, Plan, Postgres, start_postgres, stop_postgres
from sandbox.databases.redis import Redis
from sandbox.network.certificates import Authority
from sandbox.network.dns import DnsServer
from sandbox.network.gateway import Gateway
from sandbox.network.records import names_from

DATABASE_HOST = "db.rds.amazonaws.com"
CACHE_HOST = "master.cache.amazonaws.com"
SHOP_ORIGIN = "https://sandbox-kyeol.click"


@dataclass
class DataPlane:
    """Everything a container needs, and the switch of the security group before DOA's database."""

    doa: Postgres
    kyeol: Postgres
    cache: Redis
    gateways: dict[str, Gateway]
    containers: Containers
    database_admitted: bool = True

    async def start(
        self,
        program: str,
        environment: Mapping[str, str],
        behaviour: Behaviour = Behaviour(),  # noqa: B008  frozen
    ) -> Container:
        """Start a container on a read-only root, and wait until it serves or has ended."""
        container = await self.containers.start(
            program, environment, read_only_root=True, behaviour=behaviour
        )
        await container.settled()
        return container

    def service(self, name: str, **changes: str) -> dict[str, str]:
        """Return the environment of a DOA Market service."""
        return {
            "DB_HOST": DATABASE_HOST,
            "DB_PORT": str(self.gateways["doa"].port),
            "DB_NAME": name.replace("-", "_"),
            "DB_USER": "doaadmin",
            "DB_PASSWORD": self.doa.plan.password,
            "DB_SSL": "false",
            "LOG_DIR": "/tmp/logs",  # noqa: S108  a path in a container
            "UPLOAD_DIR": "/tmp/uploads",  # noqa: S108
            "RABBITMQ_ENABLED": "false",
            "OPENSEARCH_ENABLED": "false",
            **changes,
        }

    def gateway(self, **changes: str) -> dict[str, str]:
        """Return the environment of DOA Market's API gateway."""
        return {
            "REDIS_HOST": CACHE_HOST,
            "REDIS_PORT": str(self.gateways["cache"].port),
            "REDIS_PASSWORD": self.cache.password,
            "REDIS_TLS": "true",
            "LOG_DIR": "/tmp/logs",  # noqa: S108
            **changes,
        }

    def api(self, **changes: str) -> dict[str, str]:
        """Return the environment of KYEOL's Saleor API."""
        user, port = self.kyeol.plan, self.gateways["kyeol"].port
        return {
            "DATABASE_URL": f"postgresql://{user.master_user}:{user.password}@{DATABASE_HOST}:{port}/saleordb",
            "SECRET_KEY": "not-empty",
            "ALLOWED_HOSTS": "*",
            "ALLOWED_CLIENT_HOSTS": f"{SHOP_ORIGIN},https://dashboard-sandbox.kyeol.click",
            "AWS_MEDIA_BUCKET_NAME": "media",
            **changes,
        }


@asynccontextmanager
async def data_plane(folder: Path) -> AsyncIterator[DataPlane]:
    """Start it all; `folder` gets the data."""
    authority = Authority("Test database authority")
    certificate = authority.issue(DATABASE_HOST, CACHE_HOST)
    schemas = {"saleordb": SALEOR_SCHEMA.read_text()}
    doa_databases = ("cart_service", "payment_service", "search_service", "file_service", "banner_service")
    plans = (
        Plan("doa", "doaadmin", doa_databases, certificate, force_ssl=False),
        Plan("kyeol", "saleor_admin", ("saleordb",), certificate, force_ssl=True, schemas=schemas),
    )
    async with AsyncExitStack() as stack:
        saleor = SaleorRuntime(folder / "saleor.log")
        stack.push_async_callback(saleor.stop)
        doa, kyeol = await start_postgres(folder, plans)
        stack.push_async_callback(stop_postgres, (doa, kyeol))
        cache = Redis("cache")
        await cache.start(folder)
        stack.push_async_callback(cache.stop)
        own_names = dict.fromkeys((DATABASE_HOST, CACHE_HOST), "127.0.0.1")
        nameserver = DnsServer(names_from((), own_names).answer)
        await nameserver.start()
        stack.push_async_callback(nameserver.stop)
        surroundings = Surroundings(own_names.get, f"127.0.0.1:{nameserver.port}", authority.pem, 0.2)
        containers = Containers(surroundings, saleor)
        stack.push_async_callback(containers.stop)
        plane = DataPlane(doa, kyeol, cache, {}, containers)
        plane.gateways["doa"] = Gateway(
            "doa", ("127.0.0.1", doa.port), admits=lambda: plane.database_admitted
        )
        plane.gateways["kyeol"] = Gateway("kyeol", ("127.0.0.1", kyeol.port))
        plane.gateways["cache"] = Gateway(
            "cache", ("127.0.0.1", cache.port), tls=certificate.server_context()
        )
        for gateway in plane.gateways.values():
            await gateway.start()
            stack.push_async_callback(gateway.stop)
        yield plane


def ask(container: Container, path: str, method: str = "GET", **options: Any) -> requests.Response:
    """Send a request straight to a container."""
    assert container.address is not None, container.lines
    host, port = container.address
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"http://{host}:{port}{path}", timeout=10, **options)


async def ends(container: Container, limit: float = 5.0) -> int:
    """Wait for a container's end; returns its exit code."""
    return await asyncio.wait_for(asyncio.shield(container.exited), limit)
