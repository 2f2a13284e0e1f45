"""From a file to an Environment, or to one clear paragraph about what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from postflight.environment.complaints import described, unknown_key
from postflight.environment.document import Document
from postflight.environment.model import Environment
from postflight.environment.plaintext import refuse_plaintext_secrets
from postflight.environment.references import ambiguous_names, missing_references
from postflight.environment.sections import sections
from postflight.environment.source import read, with_defaults, with_waivers
from postflight.environment.variables import interpolated, without_values
from postflight.environment_files import EnvironmentFileError

_VARIABLES = "variables"


def load(file: Path, process: Mapping[str, str]) -> Environment:
    """Load and validate one environment file.

    `process` is the process environment that `${VAR}` reads. Raises EnvironmentFileError.
    """
    document = with_waivers(with_defaults(read(file)))
    try:
        return _loaded(document, file.stem, process)
    except EnvironmentFileError as error:
        shown = (without_values(mistake, document, process) for mistake in error.mistakes)
        raise EnvironmentFileError(*shown) from None


def _loaded(document: Document, name: str, process: Mapping[str, str]) -> Environment:
    refuse_plaintext_secrets(document)
    try:
        document = interpolated(document, process, sections())
    except EnvironmentFileError:
        # Only in entries of known sections `${name}` has a value.
        _refuse_unknown_sections(document)
        raise
    _refuse_names(document)
    try:
        environment = Environment.model_validate({**_with_names(document.value), "name": name})
    except ValidationError as error:
        raise EnvironmentFileError(*described(document, error.errors())) from None
    wrong = [*missing_references(environment), *ambiguous_names(environment)]
    if wrong:
        told = dict.fromkeys(f"{document.place(location)}: {message}" for location, message in wrong)
        raise EnvironmentFileError(*told)
    return environment


def _refuse_unknown_sections(document: Document) -> None:
    """Raise EnvironmentFileError where there are sections that are none."""
    unknown = [key for key in document.value if key not in {*Environment.model_fields, _VARIABLES}]
    if unknown:
        raise EnvironmentFileError(*(unknown_key(document, (key,)) for key in unknown))


def _refuse_names(document: Document) -> None:
    """Refuse a `name` in the file: an entry's name is its key, an environment's its file's."""
    if "name" in document.value:
        raise EnvironmentFileError(unknown_key(document, ("name",)))
    for section in sections():
        entries = document.value.get(section)
        for key, entry in entries.items() if isinstance(entries, dict) else ():
            if isinstance(entry, dict) and "name" in entry:
                raise EnvironmentFileError(unknown_key(document, (section, key, "name")))


def _with_names(value: dict[str, Any]) -> dict[str, Any]:
    """Give every entry of a section its own name. A known section without entries counts as none."""
    known = Environment.model_fields
    named = {key: item for key, item in value.items() if item is not None or key not in known}
    for section in sections():
        entries = named.get(section)
        if isinstance(entries, dict):
            named[section] = {key: _with_name(key, entry) for key, entry in entries.items()}
    return named


def _with_name(name: str, entry: Any) -> Any:
    if entry is None:
        return {"name": name}
    return {**entry, "name": name} if isinstance(entry, dict) else entry
