"""The secrets that a process carries itself: in its variables and in its kubeconfig."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from postflight.redaction import kubeconfigs
from postflight.redaction.names import is_public, is_secret_name, is_secret_url_name

_WORDS: Final = frozenset(
    {"true", "false", "null", "none", "always", "never", "default", "disabled", "enabled"}
)
_SHORTEST: Final = 6
# A word of letters only is withheld from so many on: every mention of a shorter one would be lost.
_SHORTEST_WORD: Final = 10
_OPTION: Final = re.compile(r"--?(?P<name>[\w-]+)(?:=(?P<value>.*))?", re.DOTALL)
# Up to its path or its query.
_HOST_OF_URL: Final = re.compile(r"^[^/?#]*[/?#]*")


def secrets_of(process: Mapping[str, str]) -> Iterator[str]:
    """Yield the secret values in the variables of a process, and in its kubeconfig."""
    for name, value in process.items():
        if is_secret_name(name) and _is_withheld(value) and not is_public(name, value):
            yield value
            yield from _path_of_url(value)
        if is_secret_url_name(name):
            yield from _path_of_url(value)
        if "://" in value and "@" in value:
            yield from _password_of_url(value)
    for file in kubeconfigs.named_by(process) or (kubeconfigs.default_of(process),):
        yield from _of_kubeconfig(file)


def _is_withheld(value: str) -> bool:
    """Whether a value can be a secret: not a word, a small number, or a file."""
    plain = value.strip()
    if len(plain) < _SHORTEST or plain.lower() in _WORDS:
        return False
    if plain.isalpha() and plain.islower() and len(plain) < _SHORTEST_WORD:
        return False
    return not (plain.startswith(("/", "~/", "./")) and "\n" not in plain and os.path.lexists(plain))


def _password_of_url(value: str) -> Iterator[str]:
    try:
        password = urlsplit(value.strip()).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _path_of_url(value: str) -> Iterator[str]:
    """Yield what is secret of a webhook's URL: all but its host."""
    _, found, rest = value.strip().partition("://")
    path = _HOST_OF_URL.sub("", rest, count=1)
    if found and len(path) >= _SHORTEST_WORD:
        yield path


def _of_kubeconfig(file: Path) -> Iterator[str]:
    """Yield the secrets of all its users and proxies; what uses the file says what is wrong with it."""
    # A pipe can be read only once, and that is for what uses it.
    if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where a folder is not to be entered
        return
    try:
        content = kubeconfigs.read(file)
    except kubeconfigs.UnreadableError:
        return
    for user in _bodies(content, "users", "user"):
        yield from _of_user(user)
    for cluster in _bodies(content, "clusters", "cluster"):
        yield from _password_of_url(str(cluster.get("proxy-url") or ""))


def _bodies(content: object, section: str, key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a section, as far as they are mappings."""
    yield from (_mapping(_mapping(item).get(key)) for item in _list(_mapping(content).get(section)))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _of_user(user: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(user[key]) for key in ("token", "password", "client-key-data") if user.get(key))
    yield from _decoded(str(user.get("client-key-data") or ""))
    config = _mapping(_mapping(user.get("auth-provider")).get("config"))
    yield from (str(value) for key, value in config.items() if is_secret_name(str(key)))
    plugin = _mapping(user.get("exec"))
    for entry in map(_mapping, _list(plugin.get("env"))):
        if is_secret_name(str(entry.get("name"))):
            yield str(entry.get("value"))
    yield from secret_arguments([str(one) for one in _list(plugin.get("args"))])


def _decoded(encoded: str) -> Iterator[str]:
    try:
        yield base64.b64decode(encoded).decode()
    except ValueError:
        return


def secret_arguments(arguments: list[str]) -> Iterator[str]:
    """Yield the values of options that are named like secrets: `--client-secret X`, `--password=X`."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        option = _OPTION.fullmatch(argument)
        if option is None or not is_secret_name(option["name"]):
            continue
        value = option["value"] if option["value"] is not None else following
        if value and not value.startswith("--"):
            yield value
