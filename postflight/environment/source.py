"""Reads environment files as YAML, remembering the file and line of every key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Location = tuple[str | int, ...]

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class EnvironmentFileError(Exception):
    """What is wrong with an environment file, where, and what to do: one paragraph."""


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Document:
    """A YAML mapping and the place of each of its keys and values, by location."""

    value: dict[str, Any]
    places: Mapping[Location, Place]
    file: Path

    def place(self, location: Location) -> Place:
        """Return where `location`, or the nearest thing that holds it, was written."""
        while location and location not in self.places:
            location = location[:-1]
        return self.places.get(location, Place(self.file, 1))


def read(file: Path) -> Document:
    """Read one file with what it extends. Raises EnvironmentFileError."""
    return _read(file, ())


def _read(file: Path, extended_by: tuple[Path, ...]) -> Document:
    if file in extended_by:
        chain = " -> ".join(str(link) for link in (*extended_by, file))
        raise EnvironmentFileError(f"{file}: `extends` leads back to itself: {chain}.")
    document = _parse(file)
    base_name = document.value.pop("extends", None)
    if base_name is None:
        return document
    place = document.place(("extends",))
    if not isinstance(base_name, str):
        raise EnvironmentFileError(f"{place}: `extends` takes one file name, beside this file.")
    base_file = file.parent / base_name
    if not base_file.is_file():
        raise EnvironmentFileError(f"{place}: `extends` names {base_name}, and there is no {base_file}.")
    base = _read(base_file, (*extended_by, file))
    places = dict(base.places) | dict(document.places)
    return Document(_merge(base.value, document.value), places, file)


def _parse(file: Path) -> Document:
    try:
        text = file.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"{file}: cannot be read: {error}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise EnvironmentFileError(f"{file}:{line}: is not YAML: {error.problem}.") from error
    if not isinstance(node, yaml.MappingNode):
        raise EnvironmentFileError(f"{file}:1: an environment is a mapping of sections; this file is not.")
    places: dict[Location, Place] = {}
    value = _construct(node, (), file, places)
    return Document(value, places, file)


def _construct(node: yaml.Node, location: Location, file: Path, places: dict[Location, Place]) -> Any:
    places.setdefault(location, Place(file, node.start_mark.line + 1))
    if isinstance(node, yaml.MappingNode):
        return _construct_mapping(node, location, file, places)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*location, index), file, places) for index, item in enumerate(node.value)]
    return yaml.SafeLoader("").construct_object(node)


def _construct_mapping(
    node: yaml.MappingNode, location: Location, file: Path, places: dict[Location, Place]
) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        place = Place(file, key_node.start_mark.line + 1)
        if key in mapping:
            first = places[(*location, key)]
            raise EnvironmentFileError(
                f"{place}: `{key}` is there twice (first in line {first.line}); keep one of the two."
            )
        places[(*location, key)] = place
        mapping[key] = _construct(value_node, (*location, key), file, places)
    return mapping


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key; any other value replaces, and null removes."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def with_defaults(document: Document) -> Document:
    """Give every entry of a section what the section's `defaults` say."""
    value = dict(document.value)
    for section, entries in value.items():
        if isinstance(entries, dict) and isinstance(entries.get("defaults"), dict):
            defaults = entries["defaults"]
            value[section] = {
                name: _merge(defaults, entry or {}) if isinstance(entry or {}, dict) else entry
                for name, entry in entries.items()
                if name != "defaults"
            }
    return Document(value, document.places, document.file)


def interpolated(document: Document, process: Mapping[str, str]) -> Document:
    """Fill in `${lower_case}` from the file's `variables` and `${UPPER_CASE}` from `process`.

    Variables may use each other. Raises EnvironmentFileError for one that has no value.
    """
    value = dict(document.value)
    variables = value.pop("variables", {})
    if not isinstance(variables, dict):
        place = document.place(("variables",))
        raise EnvironmentFileError(f"{place}: `variables` is a mapping of names to text.")
    filler = _Filler(document, {key: str(text) for key, text in variables.items()}, process)
    return Document(filler.fill(value, ()), document.places, document.file)


@dataclass(frozen=True)
class _Filler:
    document: Document
    variables: Mapping[str, str]
    process: Mapping[str, str]

    def fill(self, value: Any, location: Location) -> Any:
        if isinstance(value, dict):
            return {
                self._text(key, (*location, key)): self.fill(item, (*location, key))
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.fill(item, (*location, index)) for index, item in enumerate(value)]
        return self._text(value, location) if isinstance(value, str) else value

    def _text(self, text: str, location: Location, within: tuple[str, ...] = ()) -> str:
        return _VARIABLE.sub(lambda found: self._variable(found, location, within), text)

    def _variable(self, found: re.Match[str], location: Location, within: tuple[str, ...]) -> str:
        name, default = found["name"], found["default"]
        place = self.document.place(location)
        if name in within:
            raise EnvironmentFileError(f"{place}: the variable ${{{name}}} is made of itself.")
        if name in self.variables:
            return self._text(self.variables[name], ("variables", name), (*within, name))
        if name in self.process:
            return self.process[name]
        if default is not None:
            return default
        raise EnvironmentFileError(
            f"{place}: ${{{name}}} has no value. Set it in the process environment (export {name}=…), "
            f"under `variables:` in this file, or write ${{{name}:-default}}."
        )
