"""From a file to an Environment, or to one clear paragraph about what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from postflight.environment.complaints import describe, nearest, unknown_key
from postflight.environment.document import Document, EnvironmentFileError
from postflight.environment.model import Environment
from postflight.environment.plaintext import refuse_plaintext_secrets
from postflight.environment.references import ambiguous_names, missing_references
from postflight.environment.sections import sections
from postflight.environment.source import read, with_defaults, with_waivers
from postflight.environment.variables import interpolated


def load(file: Path, process: Mapping[str, str]) -> Environment:
    """Load and validate one environment file.

    `process` is the process environment that `${VAR}` reads. Raises EnvironmentFileError.
    """
    document = with_waivers(with_defaults(read(file)))
    refuse_plaintext_secrets(document)
    document = interpolated(document, process, sections())
    _refuse_names(document)
    try:
        environment = Environment.model_validate({**_with_names(document.value), "name": file.stem})
    except ValidationError as error:
        raise EnvironmentFileError(describe(document, error.errors())) from None
    for location, message in (*missing_references(environment), *ambiguous_names(environment)):
        raise EnvironmentFileError(f"{document.place(location)}: {message}")
    return environment


def available(folder: Path) -> tuple[str, ...]:
    """Names of the environments in `folder`; shared bases and waivers are not environments."""
    names = (file.name.removesuffix(".yaml") for file in sorted(folder.glob("*.yaml")))
    return tuple(name for name in names if "." not in name)


def find(name_or_path: str, folder: Path) -> Path:
    """Return the file of an environment given by name or path. Raises EnvironmentFileError."""
    path = Path(name_or_path)
    names = available(folder)
    is_path = path.suffix in {".yaml", ".yml"} or path.parent != Path()
    if is_path and path.is_file():
        return path
    if not is_path and name_or_path in names:
        return folder / f"{name_or_path}.yaml"
    file = path if is_path else folder / f"{name_or_path}.yaml"
    reason = f"{file} is a base of environments, not one" if file.is_file() else f"there is no file {file}"
    raise EnvironmentFileError(
        f"--env {name_or_path}: {reason}.{nearest(path.stem, names)} "
        f"Environments in {folder}: {', '.join(names) or 'none'}."
    )


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
    """Tell every entry of a section its own name. A section without entries is as good as none."""
    named = {key: item for key, item in value.items() if item is not None}
    for section in sections():
        entries = named.get(section)
        if isinstance(entries, dict):
            named[section] = {key: _with_name(key, entry) for key, entry in entries.items()}
    return named


def _with_name(name: str, entry: Any) -> Any:
    if entry is None:
        return {"name": name}
    return {**entry, "name": name} if isinstance(entry, dict) else entry
