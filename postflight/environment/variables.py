"""Fills in the `${variables}` of an environment file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postflight.environment.document import Document, Location, Place
from postflight.environment_files import EnvironmentFileError, nearest

# What all variables of a file may be filled in with, in characters.
_MOST_CHARACTERS = 4 << 20
_SHORTEST_VALUE = 4

VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


def interpolated(document: Document, process: Mapping[str, str], sections: Collection[str]) -> Document:
    """Fill in each `${name}` from the file's `variables`, `${NAME}` else from the process environment.

    `${name:-default}` is `default` where neither has it, or where it is empty. Variables may use each other.
    In an entry of one of `sections`, `${name}` is the entry's name, and `${snake_name}` the same with
    underscores for hyphens.
    Raises EnvironmentFileError for a variable that has no value.
    """
    value = dict(document.value)
    variables = value.pop("variables", None) or {}
    if not isinstance(variables, dict):
        place = document.place(("variables",))
        raise EnvironmentFileError(f"{place}: `variables` is a mapping of names to text.")
    texts = {name: _variable_text(document, name, text) for name, text in variables.items()}
    filler = _Filler(document, texts, process, sections, {}, {}, _Room(_MOST_CHARACTERS))
    return Document(filler.fill(value, (), ()), filler.places, document.file)


def _variable_text(document: Document, name: str, value: Any) -> str:
    if isinstance(value, str) or type(value) is int:
        return str(value)
    place = document.place(("variables", name))
    raise EnvironmentFileError(f'{place}: the variable `{name}` must be text; write it in quotes: "…".')


@dataclass
class _Room:
    """How many characters may still be filled in."""

    left: int


@dataclass(frozen=True)
class _Filler:
    document: Document
    variables: Mapping[str, str]
    process: Mapping[str, str]
    sections: Collection[str]
    places: dict[Location, Place]
    # A variable that names others is filled in once for each entry, not once for each time it is named.
    known: dict[tuple[str, str | None], str]
    room: _Room

    def fill(self, value: Any, location: Location, filled: Location) -> Any:
        """Fill in a value; `location` is where it was written, `filled` the same with its keys filled in."""
        if location in self.document.places:
            self.places[filled] = self.document.places[location]
        if isinstance(value, dict):
            return self._mapping(value, location, filled)
        if isinstance(value, list):
            return [self.fill(item, (*location, index), (*filled, index)) for index, item in enumerate(value)]
        return self._text(value, location, self._entry(filled), ()) if isinstance(value, str) else value

    def _mapping(self, value: dict[str, Any], location: Location, filled: Location) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for written, item in value.items():
            here = (*location, written)
            key = self._text(written, here, self._entry(filled), ())
            if key in mapping:
                raise EnvironmentFileError(
                    f"{self.document.place(here)}: `{written}` is `{key}`, which is there already "
                    f"({self.places[(*filled, key)]}); keep one of the two."
                )
            self.places[(*filled, key)] = self.document.place(here)
            mapping[key] = self.fill(item, here, (*filled, key))
        return mapping

    def _entry(self, filled: Location) -> Mapping[str, str]:
        """Return the variables that hold within one entry of a section."""
        match filled:
            case (section, str() as name, *_) if section in self.sections:
                return {"name": name, "snake_name": name.replace("-", "_")}
            case _:
                return {}

    def _text(self, text: str, location: Location, entry: Mapping[str, str], within: tuple[str, ...]) -> str:
        if "${" in VARIABLE.sub("", text):
            raise EnvironmentFileError(
                f"{self.document.place(location)}: `{text}` holds a `${{` that is no variable. Variables are "
                "written ${NAME} or ${NAME:-default}; a name is letters, digits and underscores."
            )
        return VARIABLE.sub(lambda found: self._counted(found, location, entry, within), text)

    def _counted(
        self, found: re.Match[str], location: Location, entry: Mapping[str, str], within: tuple[str, ...]
    ) -> str:
        """Return the value of a variable. Raises EnvironmentFileError where the file becomes too large."""
        value = self._variable(found, location, entry, within)
        self.room.left -= len(value)
        if self.room.left < 0:
            raise EnvironmentFileError(
                f"{self.document.place(location)}: the variables of this file expand to more than "
                f"{_MOST_CHARACTERS >> 20} MiB of text."
            )
        return value

    def _variable(
        self, found: re.Match[str], location: Location, entry: Mapping[str, str], within: tuple[str, ...]
    ) -> str:
        name, default = found["name"], found["default"]
        if name in within:
            chain = " -> ".join(f"${{{link}}}" for link in (*within[within.index(name) :], name))
            place = self.document.place(("variables", name))
            raise EnvironmentFileError(f"{place}: the variable `{name}` is made of itself: {chain}.")
        if name in entry:
            return entry[name]
        if name in self.variables:
            key = (name, entry.get("name"))
            if key not in self.known:
                text = self.variables[name]
                self.known[key] = self._text(text, ("variables", name), entry, (*within, name))
            return self.known[key]
        is_of_process = name != name.lower()
        if is_of_process and (self.process.get(name) or (name in self.process and default is None)):
            return self.process[name]
        if default is not None:
            return default
        outside = f"in the process environment (export {name}=…), " if is_of_process else ""
        hint = nearest(name, [*self.variables, *entry])
        raise EnvironmentFileError(
            f"{self.document.place(location)}: ${{{name}}} has no value.{hint} Set it {outside}"
            f"under `variables:` in this file, or write ${{{name}:-default}}."
        )


def without_values(message: str, document: Document, process: Mapping[str, str]) -> str:
    """Return a message in which what the process environment filled in is named and not shown.

    Any variable may hold a secret, whatever it is called. Values of up to three characters are shown.
    """
    values = {
        process[name]: name
        for name in _names(document.value)
        if name != name.lower() and len(process.get(name, "")) >= _SHORTEST_VALUE
    }
    for value in sorted(values, key=len, reverse=True):
        message = message.replace(value, f"${{{values[value]}}}")
    return message


def _names(value: object) -> Iterator[str]:
    """Yield the name of each variable that a value of a file names."""
    if isinstance(value, str):
        yield from (found["name"] for found in VARIABLE.finditer(value))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _names(key)
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def unfilled(text: str) -> str:
    """Return `text` with the defaults of its variables in their places, and `${}` for those without."""
    return VARIABLE.sub(lambda found: found["default"] or "${}", text)
