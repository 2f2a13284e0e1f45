"""From a file to an Environment, or to one clear paragraph about what is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from postflight.environment.model import Environment, Subject
from postflight.environment.references import missing_references
from postflight.environment.source import (
    Document,
    EnvironmentFileError,
    Location,
    interpolated,
    read,
    with_defaults,
)

_SECRET_NAME = re.compile(r"(?i)(password|passwd|secret_?key|token|api_?key|access_?key|credential)")
_URL_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:(?!\$\{)[^/\s@]+@")


def load(file: Path, process: Mapping[str, str]) -> Environment:
    """Load and validate one environment file.

    `process` is the process environment that `${VAR}` reads. Raises EnvironmentFileError.
    """
    document = with_defaults(read(file))
    _refuse_passwords(document, document.value, ())
    document = interpolated(document, process)
    named = _with_names(document.value)
    try:
        environment = Environment.model_validate({**named, "name": file.stem})
    except ValidationError as error:
        raise EnvironmentFileError(_describe(document, error.errors())) from error
    for location, message in missing_references(environment):
        raise EnvironmentFileError(f"{document.place(location)}: {message}")
    return environment


def available(folder: Path) -> tuple[str, ...]:
    """Names of the environments in `folder`; shared bases and waivers are not environments."""
    names = (file.name.removesuffix(".yaml") for file in sorted(folder.glob("*.yaml")))
    return tuple(name for name in names if "." not in name)


def find(name_or_path: str, folder: Path) -> Path:
    """Return the file of an environment given by name or path. Raises EnvironmentFileError."""
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.parent != Path():
        if path.is_file():
            return path
        raise EnvironmentFileError(f"--env {name_or_path}: there is no such file.")
    file = folder / f"{name_or_path}.yaml"
    if file.is_file():
        return file
    names = available(folder)
    raise EnvironmentFileError(
        f"--env {name_or_path}: there is no {file}.{_nearest(name_or_path, names)} "
        f"Environments here: {', '.join(names) or 'none'}."
    )


def sections() -> dict[str, type[Subject]]:
    """Return the sections of an environment that map names to subjects."""
    found: dict[str, type[Subject]] = {}
    for name, field in Environment.model_fields.items():
        match get_args(field.annotation):
            case (_, type() as entry) if issubclass(entry, Subject):
                found[name] = entry
    return found


def _with_names(value: dict[str, Any]) -> dict[str, Any]:
    named = dict(value)
    for section in sections():
        entries = named.get(section)
        if isinstance(entries, dict):
            named[section] = {name: _with_name(name, entry) for name, entry in entries.items()}
    return named


def _with_name(name: str, entry: Any) -> Any:
    """Tell an entry its own name, unless the file (wrongly) did so already."""
    if entry is None:
        return {"name": name}
    return {**entry, "name": name} if isinstance(entry, dict) and "name" not in entry else entry


def _refuse_passwords(document: Document, value: Any, location: Location) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            literal = item.get("value") if isinstance(item, dict) else item
            if _SECRET_NAME.search(str(key)) and isinstance(literal, str) and "${" not in literal:
                raise EnvironmentFileError(_password_message(document, (*location, key)))
            _refuse_passwords(document, item, (*location, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_passwords(document, item, (*location, index))
    elif isinstance(value, str) and _URL_WITH_PASSWORD.search(value):
        raise EnvironmentFileError(_password_message(document, location))


def _password_message(document: Document, location: Location) -> str:
    return (
        f"{document.place(location)}: `{location[-1]}` holds a secret in plain text. Environment files are "
        "kept in Git: name the Kubernetes Secret and key that holds it, or write ${VARIABLE}."
    )


def _describe(document: Document, errors: Iterable[ErrorDetails]) -> str:
    first, *others = errors
    location = tuple(first["loc"])
    place = document.place(location)
    where = ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        keys = _keys_at(location[:-1])
        message = f"unknown key `{location[-1]}`{_inside(location[:-1])}.{_nearest(str(location[-1]), keys)}"
        message += f" Keys here: {', '.join(keys)}."
    elif first["type"] == "missing":
        message = f"`{location[-1]}` is missing{_inside(location[:-1])}."
    else:
        message = f"`{where}` is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}."
    rest = f" ({len(others)} more after this one.)" if others else ""
    return f"{place}: {message}{rest}"


def _inside(location: Location) -> str:
    return f" in `{'.'.join(str(part) for part in location)}`" if location else ""


def _keys_at(location: Location) -> tuple[str, ...]:
    """Keys that the model knows at a location."""
    model: type[BaseModel] | None = Environment
    parts = list(location)
    while parts and model is not None:
        field = model.model_fields.get(str(parts.pop(0)))
        candidates = _models_of(field.annotation) if field else ()
        is_mapping = field is not None and getattr(field.annotation, "__origin__", None) is dict
        if is_mapping and parts:
            parts.pop(0)
        model = candidates[0] if candidates else None
    if model is None:
        return ()
    names = tuple(name for name, field in model.model_fields.items() if not field.exclude)
    return (*names, "extends", "variables") if model is Environment else names


def _models_of(annotation: Any) -> tuple[type[BaseModel], ...]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return (annotation,)
    return tuple(model for argument in get_args(annotation) for model in _models_of(argument))


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean `{close[0]}`?" if close else ""
