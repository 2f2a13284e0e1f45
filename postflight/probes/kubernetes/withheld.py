"""Which parts of a Secret's values are never to be written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from postflight.environment import Environment, SecretKey
from postflight.probes.connections import Connections

# Withholding such words everywhere would garble reports, and would protect nothing.
_WORDS: Final = frozenset({"true", "false", "null", "none", "http", "https"})
_SHORTEST: Final = 6
_SHORTEST_NUMBER: Final = 8
_NAME_OF_A_SECRET: Final = re.compile(
    r"(?i)pass|pwd|secret|token|key|auth|cred|private|signature|salt|cookie|dsn|\bpin\b"
)
# No password: what AWS and clusters call their endpoints.
_ENDPOINT: Final = re.compile(r"(?i)[a-z0-9.-]+\.(?:amazonaws\.com|svc(?:\.cluster\.local)?)")


def remember(connections: Connections, source: SecretKey, value: str, encoded: str) -> None:
    """Remember one value of a Secret, its base64 form, and the password in it if it is a URL.

    A declared password is always remembered. What the environment's file tells anyhow (names of users,
    databases, hosts) and what is too short to be a secret are not, unless the key is called like one:
    their every mention would be withheld.
    """
    if not _is_withheld(connections.environment, source, value):
        return
    connections.secrets.update((value, encoded, *_passwords_of_url(value)))


def user_names(environment: Environment) -> frozenset[SecretKey]:
    """Return the keys that hold the names of database users, which messages may tell."""
    logins = (server.login for server in environment.database_servers.values())
    return frozenset(login.user for login in logins if login.user)


def _is_withheld(environment: Environment, source: SecretKey, value: str) -> bool:
    if source in set(_passwords(environment)):
        return True
    if source in user_names(environment):
        return False
    if value.lower() in _WORDS or (value.isdigit() and len(value) < _SHORTEST_NUMBER):
        return False
    if _NAME_OF_A_SECRET.search(source.key):
        return True
    is_public = value in set(_told(environment)) or _ENDPOINT.fullmatch(value) is not None
    return len(value) >= _SHORTEST and not is_public


def _passwords(environment: Environment) -> Iterator[SecretKey]:
    for server in environment.database_servers.values():
        yield from (source for source in (server.login.url, server.login.password) if source)
    yield from (cache.auth for cache in environment.caches.values() if cache.auth)


def _told(environment: Environment) -> Iterator[str]:
    """Yield the names in the file that Secrets hold as well. Not all its texts: a variable may fill one."""
    for server in environment.database_servers.values():
        yield from (server.user, server.login_database, server.identifier, *server.databases)
    yield from (cache.replication_group for cache in environment.caches.values())
    yield from environment.hosts


def _passwords_of_url(value: str) -> Iterator[str]:
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)
