"""Reads one environment file as YAML, remembering the file and line of every key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from postflight.environment_files import EnvironmentFileError

Location = tuple[str | int, ...]

_UNQUOTED = re.compile(r"[\[{][^\"']*\$\{")
_UNCLOSED = {"flow mapping": "{", "flow sequence": "[", "quoted scalar": "quote"}
_MERGE_TAG = "tag:yaml.org,2002:merge"
_LARGEST_FILE = 2 << 20
# With its aliases written out. A file of the largest size has some 100,000 values.
_MOST_VALUES = 250_000


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


def parse(file: Path) -> Document:
    """Read one file, without what it extends. Raises EnvironmentFileError."""
    try:
        # A pipe would be waited for, and a device read without end.
        if file.exists() and not file.is_file():
            raise EnvironmentFileError(f"{file}: is not a regular file.")
        if file.stat().st_size > _LARGEST_FILE:
            raise EnvironmentFileError(f"{file}: is larger than {_LARGEST_FILE >> 20} MiB.")
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise EnvironmentFileError(f"{file}:{line}: is not UTF-8 text; save the file as UTF-8.") from error
    except OSError as error:
        raise EnvironmentFileError(f"{file}: cannot be read: {error.strerror}.") from error
    try:
        return _document(yaml.compose(text, Loader=yaml.SafeLoader), file)
    except yaml.MarkedYAMLError as error:
        raise EnvironmentFileError(_not_yaml(file, text, error)) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise EnvironmentFileError(f"{file}:{line}: is not YAML: {error.reason}.") from error
    except RecursionError as error:
        raise EnvironmentFileError(f"{file}:1: is nested too deeply.") from error


def _not_yaml(file: Path, text: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    written = text.splitlines()[line - 1 : line]
    hint = (
        " Within { } and [ ], a ${variable} needs quotes."
        if any(_UNQUOTED.search(each) for each in written)
        else ""
    )
    return f"{file}:{line}: is not YAML: {error.problem or error.context}.{_opened(error, line)}{hint}"


def _opened(error: yaml.MarkedYAMLError, line: int) -> str:
    """Return where the bracket or the quote begins that a line further down is told for."""
    begun = error.context_mark.line + 1 if error.context_mark else line
    kind = next((word for mark, word in _UNCLOSED.items() if mark in (error.context or "")), None)
    return f" The {kind} that line {begun} opens is not closed." if kind and begun != line else ""


def _document(node: yaml.Node | None, file: Path) -> Document:
    if node is None:
        raise EnvironmentFileError(f"{file}:1: is empty; an environment is a mapping of sections.")
    if not isinstance(node, yaml.MappingNode):
        raise EnvironmentFileError(f"{file}:1: an environment is a mapping of sections; this file is not.")
    reading = _Reading(file, {}, yaml.SafeLoader(""))
    return Document(reading.mapping(node, ()), reading.places, file)


@dataclass(frozen=True)
class _Reading:
    file: Path
    places: dict[Location, Place]
    constructor: yaml.SafeLoader

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def value(self, node: yaml.Node, location: Location) -> Any:
        if len(self.places) > _MOST_VALUES:
            raise EnvironmentFileError(
                f"{self.place(node)}: the file holds more than {_MOST_VALUES:,} values once its aliases "
                "(`*name`) are written out; write it without aliases of aliases."
            )
        self.places.setdefault(location, self.place(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]
        try:
            return self.constructor.construct_object(node)
        except ValueError as error:
            raise EnvironmentFileError(
                f"{self.place(node)}: `{node.value}` is not a value: {error}."
            ) from error

    def mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node)
            place = self.place(key_node)
            if key in mapping:
                first = self.places[(*location, key)]
                raise EnvironmentFileError(
                    f"{place}: `{key}` is there twice (first in line {first.line}); keep one of the two."
                )
            self.places[(*location, key)] = place
            mapping[key] = self.value(value_node, (*location, key))
        return mapping

    def key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise EnvironmentFileError(f"{self.place(node)}: a key is one word, not a list or a mapping.")
        if node.tag == _MERGE_TAG:
            raise EnvironmentFileError(
                f"{self.place(node)}: YAML's merge key `<<` is not read here; use the section's `defaults`, "
                "or `extends`."
            )
        return str(node.value)
