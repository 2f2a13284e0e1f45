"""The programs inside the sandbox's images, but for the Saleor API, which is a real Django."""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.apps.clients import connect_cache, connect_database, hold
from sandbox.apps.surroundings import StartError

if TYPE_CHECKING:
    from sandbox.apps.program import Answer, Life

Program = Callable[["Life"], Awaitable[int]]
API_HEALTH = "/api/v1/health"
BROKER_USERS = ("inventory-service", "payment-service", "search-service")
WRITABLE = "/tmp"  # noqa: S108  a path inside a container, where an emptyDir is mounted


async def run_service(life: Life) -> int:
    """Run a DOA Market service; it ends when its database does."""
    _open_folders(life)
    _join_brokers(life)
    connection = await connect_database(life)
    async with connection, life.serving(_health_answer(life)):
        life.container.log("Database connection has been established successfully.")
        await hold(connection)
    life.container.log("Error: Connection terminated unexpectedly")
    return 1


async def run_gateway(life: Life) -> int:
    """Run DOA Market's API gateway."""
    _open_folders(life)
    try:
        await connect_cache(life)
    except StartError as error:
        life.container.log(f"Failed to connect to Redis: {error}")
        if life.behaviour.cache_required:
            raise StartError("Failed to start server") from error
        life.container.log(f"Redis connection failed, continuing without cache: {error}")
    else:
        life.container.log("Redis connection established")
    async with life.serving(_health_answer(life)):
        await asyncio.get_running_loop().create_future()
    return 0


async def run_storefront(life: Life) -> int:
    """Run KYEOL's storefront: a page that tells browsers where the API is."""
    uri = life.required("NEXT_PUBLIC_API_URI")
    # In a script element `<` must not end it early.
    state = json.dumps({"runtimeConfig": {"NEXT_PUBLIC_API_URI": uri}}).replace("<", "\\u003c")
    script = f'<script id="__NEXT_DATA__" type="application/json">{state}</script>'
    page = _page("KYEOL", f'<main data-api-uri="{html.escape(uri)}"></main>{script}')
    async with life.serving(_page_answer(page, "Next.js")):
        await asyncio.get_running_loop().create_future()
    return 0


async def run_dashboard(life: Life) -> int:
    """Run Saleor's dashboard: static files behind nginx."""
    page = _page("Saleor Dashboard", '<div id="dashboard-app"></div>')
    async with life.serving(_page_answer(page, "nginx")):
        await asyncio.get_running_loop().create_future()
    return 0


async def run_idle(life: Life) -> int:
    """Run a program whose work somebody else does; it is alive and ready."""
    async with life.serving(_always_well):
        await asyncio.get_running_loop().create_future()
    return 0


def _open_folders(life: Life) -> None:
    for key, default in (("LOG_DIR", "logs"), ("UPLOAD_DIR", "uploads")):
        if key == "UPLOAD_DIR" and life.name != "file-service":
            continue
        folder = life.environment.get(key, default)
        if life.read_only_root and folder != WRITABLE and not folder.startswith(f"{WRITABLE}/"):
            path = folder if folder.startswith("/") else f"/app/{folder}"
            raise StartError(f"Error: EROFS: read-only file system, mkdir '{path}'")


def _join_brokers(life: Life) -> None:
    if life.name in BROKER_USERS:
        if life.flag("RABBITMQ_ENABLED"):
            life.container.log("[EventBus] Failed to connect: Error: getaddrinfo ENOTFOUND rabbitmq")
            raise StartError("Error: EventBus is not connected")
        life.container.log("[EventBus] RabbitMQ is disabled, running in standalone mode")
    if life.name == "search-service":
        if life.flag("OPENSEARCH_ENABLED"):
            life.container.log("Failed to create index: Connection Error")
            raise StartError("ConnectionError: Connection Error at http://localhost:9200/")
        life.container.log("OpenSearch is disabled")


def _health_answer(life: Life) -> Answer:
    path = life.environment.get("HEALTH_PATH", life.behaviour.health_path)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"X-Powered-By": "Express"}
        if request.path in (path, API_HEALTH):
            now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            health = {"status": "ok", "service": life.name, "timestamp": now}
            return web.json_response(health, headers=headers)
        message = {"error": f"Cannot {request.method} {request.path}"}
        return web.json_response(message, status=404, headers=headers)

    return answer


def _page(title: str, body: str) -> str:
    return f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"


def _page_answer(page: str, server: str) -> Answer:
    async def answer(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=page, content_type="text/html", headers={"Server": server})

    return answer


async def _always_well(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="ok")
