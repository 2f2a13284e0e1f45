"""How the pretend programs reach their database and their cache."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import psycopg

from sandbox.apps.surroundings import StartError

if TYPE_CHECKING:
    from sandbox.apps.program import Life

DATABASE_LIMIT_SECONDS = 5.0
CACHE_LIMIT_SECONDS = 10.0
PREFIX = "Unable to connect to the database: SequelizeConnection"

Connection = psycopg.AsyncConnection[tuple[Any, ...]]


async def connect_database(life: Life) -> Connection:
    """Connect as DB_* say; raises StartError in the words of a Node.js service."""
    host, port = life.required("DB_HOST"), life.environment.get("DB_PORT", "5432")
    address = life.surroundings.resolve(host)
    if address is None:
        raise StartError(f"{PREFIX}Error: getaddrinfo ENOTFOUND {host}")
    try:
        async with asyncio.timeout(life.seconds(DATABASE_LIMIT_SECONDS)):
            return await psycopg.AsyncConnection.connect(
                host=host,
                hostaddr=address,
                port=port,
                dbname=life.required("DB_NAME"),
                user=life.environment.get("DB_USER", "postgres"),
                password=life.environment.get("DB_PASSWORD", "postgres"),
                sslmode="disable" if life.environment.get("DB_SSL") == "false" else "require",
                autocommit=True,
            )
    except TimeoutError:
        raise StartError(f"{PREFIX}TimedOutError: connect ETIMEDOUT {host}:{port}") from None
    except psycopg.OperationalError as error:
        raise StartError(f"{PREFIX}Error: {_in_their_words(str(error), host, port)}") from error


def _in_their_words(message: str, host: str, port: str) -> str:
    _, fatal, reason = message.strip().partition("FATAL:  ")
    if not fatal:
        refused = "refused" in message
        return f"connect ECONNREFUSED {host}:{port}" if refused else message.strip()
    reason = reason.splitlines()[0]
    if reason.startswith("database"):
        return f"{reason} (code: 3D000)"
    return f"{reason} (code: {'28P01' if 'password' in reason else '28000'})"


async def hold(connection: Connection) -> None:
    """Return when the server has cut the connection: an idle one in a pool ends a Node.js service."""
    try:
        async for _ in connection.notifies():
            pass
    except psycopg.OperationalError:
        return


async def connect_cache(life: Life) -> None:
    """Log in to Redis and get one answer; raises StartError when there is none in time."""
    try:
        async with asyncio.timeout(life.seconds(CACHE_LIMIT_SECONDS)):
            await _log_in(life)
    except TimeoutError:
        raise StartError("Error: Redis connection timeout after 10s") from None
    except (OSError, asyncio.IncompleteReadError) as error:
        raise StartError(f"Error: {error}") from error


async def _log_in(life: Life) -> None:
    host = life.required("REDIS_HOST")
    address = life.surroundings.resolve(host)
    if address is None:
        raise StartError(f"Error: getaddrinfo ENOTFOUND {host}")
    trusted = None
    if life.flag("REDIS_TLS"):
        trusted = ssl.create_default_context(cadata=life.surroundings.database_authority)
    port = int(life.environment.get("REDIS_PORT", "6379"))
    reader, writer = await asyncio.open_connection(
        address, port, ssl=trusted, server_hostname=host if trusted else None
    )
    life.container.log("Redis connected successfully")
    try:
        password = life.environment.get("REDIS_PASSWORD", "")
        for command in ((b"AUTH", password.encode()), (b"PING",)) if password else ((b"PING",),):
            words = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in command)
            writer.write(b"*%d\r\n%b" % (len(command), words))
            answer = await reader.readuntil(b"\r\n")
            if answer.startswith(b"-"):
                raise StartError(f"Error: {answer[1:].decode().strip()}")
    finally:
        writer.close()
