"""Finds secrets in plain text. Environment files are kept in Git."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from postflight.environment.document import Document, Location
from postflight.environment.variables import VARIABLE, unfilled
from postflight.environment_files import EnvironmentFileError

_SECRET_NAME = re.compile(
    r"(?i)(password|passwd|secret_?key|token|api_?key|access_?key|private_?key|credential)"
)
_URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:(?!\$\{)[^/\s@]+@")


def refuse_plaintext_secrets(document: Document) -> None:
    """Raise EnvironmentFileError, which does not repeat the secret, for the first one in `document`."""
    variables = document.value.get("variables")
    texts = variables if isinstance(variables, dict) else {}
    for location in _secrets(document.value, (), texts):
        raise EnvironmentFileError(
            f"{document.place(location)}: `{location[-1]}` holds a secret in plain text. Environment files "
            "are kept in Git: name the Kubernetes Secret and key that holds it, or write ${VARIABLE}."
        )


def secrets_in(value: Any) -> tuple[Location, ...]:
    """Return where `value` holds secrets in plain text, as an environment file would be refused for."""
    return tuple(_secrets(value, (), {}))


def is_secret_name(name: str | int) -> bool:
    """Tell whether a key of this name holds a secret."""
    return bool(_SECRET_NAME.search(str(name)))


def _secrets(value: Any, location: Location, variables: Mapping[str, Any]) -> Iterator[Location]:
    if isinstance(value, dict):
        for key, item in value.items():
            literal = item.get("value") if isinstance(item, dict) else item
            if is_secret_name(key) and _is_plaintext(literal, variables):
                yield (*location, key)
            yield from _secrets(item, (*location, key), variables)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, (*location, index), variables)
    elif isinstance(value, str) and _URL_WITH_PASSWORD.search(unfilled(value)):
        yield location


def _is_plaintext(literal: Any, variables: Mapping[str, Any]) -> bool:
    """Tell whether a secret's value stands in the file, directly or through one of its variables."""
    if isinstance(literal, bool) or not isinstance(literal, str | int | float):
        return False
    text = str(literal)
    if not text or "${" not in unfilled(text):
        return bool(text) and bool(unfilled(text))
    used = [found["name"] for found in VARIABLE.finditer(text) if found["default"] is None]
    return any(
        name in variables and variables[name] != literal and _is_plaintext(variables[name], {})
        for name in used
    )
