"""Puts an environment file together: what it extends, and the defaults of its sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from postflight.environment.document import Document, Location, Place, parse
from postflight.environment_files import EnvironmentFileError

_ALL = "*"
_MOST_DEFAULTS = 1_000_000


def read(file: Path) -> Document:
    """Read one file with what it extends. Raises EnvironmentFileError."""
    return _read(file, ())


def _read(file: Path, extended_by: tuple[Path, ...]) -> Document:
    document = parse(file)
    if "extends" not in document.value:
        return document
    base_name = document.value.pop("extends")
    place = document.place(("extends",))
    if not isinstance(base_name, str) or not base_name:
        raise EnvironmentFileError(f"{place}: `extends` takes one file name, beside this file.")
    base_file = file.parent / base_name
    if not _is_beside(base_file, file):
        raise EnvironmentFileError(
            f"{place}: `extends` names {base_name}; it takes a .yaml file in the folder of this file."
        )
    if not base_file.is_file():
        raise EnvironmentFileError(f"{place}: `extends` names {base_name}, and there is no {base_file}.")
    chain = (*extended_by, file)
    if base_file.resolve() in {link.resolve() for link in chain}:
        names = " -> ".join(link.name for link in (*chain, base_file))
        raise EnvironmentFileError(f"{place}: `extends` leads back to the file itself: {names}.")
    base = _read(base_file, chain)
    places = dict(base.places) | dict(document.places)
    return Document(_merge(base.value, document.value), places, file)


def _is_beside(base: Path, file: Path) -> bool:
    """Whether a base is a YAML file in the folder of the file that extends it, also where a link leads."""
    resolved = base.resolve()
    return resolved.suffix in {".yaml", ".yml"} and resolved.is_relative_to(file.parent.resolve())


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge mappings key by key; any other value replaces, and null takes back what the base has.

    The key `*` with null takes back all that the base has, so that `over` begins anew.
    """
    if over.get(_ALL, ...) is None:
        return over
    merged = dict(base)
    for key, value in over.items():
        if value is None and key in base:
            del merged[key]
        elif isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _merge(base[key], value)
        else:
            merged[key] = value
    return merged


def with_waivers(document: Document) -> Document:
    """Add the waivers of the file `<name>.waivers.yaml` beside the environment's, if there is one.

    Raises EnvironmentFileError.
    """
    file = document.file.with_name(f"{document.file.stem}.waivers.yaml")
    if not file.is_file():
        return document
    beside = parse(file)
    others = [key for key in beside.value if key != "waivers"]
    if others:
        place = beside.place((others[0],))
        raise EnvironmentFileError(
            f"{place}: this file holds `waivers:` and nothing else, not `{others[0]}`."
        )
    own, added = document.value.get("waivers") or [], beside.value.get("waivers") or []
    if not isinstance(own, list) or not isinstance(added, list):
        raise EnvironmentFileError(f"{beside.place(('waivers',))}: `waivers` is a list.")
    moved = {
        ("waivers", len(own) + index, *rest): place
        for (key, index, *rest), place in _entries(beside.places)
        if key == "waivers"
    }
    value = {**document.value, "waivers": [*own, *added]}
    return Document(value, {**document.places, **moved}, document.file)


def _entries(places: Mapping[Location, Place]) -> Iterator[tuple[tuple[Any, ...], Place]]:
    """Yield the places within the list entries of a document's keys."""
    for location, place in places.items():
        if len(location) > 1 and isinstance(location[1], int):
            yield location, place


def with_defaults(document: Document) -> Document:
    """Give every entry of a section what the section's `defaults` say."""
    value = dict(document.value)
    places = dict(document.places)
    for section, entries in value.items():
        if isinstance(entries, dict) and isinstance(entries.get("defaults"), dict):
            names = [name for name in entries if name != "defaults"]
            _refuse_too_many(document, section, len(names))
            value[section] = {name: _over(entries["defaults"], entries[name]) for name in names}
            places |= _places_of_defaults(document, section, names)
    return Document(_begun_anew(value), places, document.file)


def _refuse_too_many(document: Document, section: str, entries: int) -> None:
    """Raise EnvironmentFileError where defaults under each entry come to more than a computer can read."""
    values = sum(1 for location in document.places if location[:2] == (section, "defaults"))
    if entries * values > _MOST_DEFAULTS:
        raise EnvironmentFileError(
            f"{document.place((section, 'defaults'))}: the `defaults` of {entries:,} entries come to "
            f"{entries * values:,} values; the most are {_MOST_DEFAULTS:,}."
        )


def _begun_anew(value: Any) -> Any:
    """Return a value without the marks by which its mappings took back what they were merged over."""
    if isinstance(value, dict):
        return {key: _begun_anew(item) for key, item in value.items() if key != _ALL or item is not None}
    return [_begun_anew(item) for item in value] if isinstance(value, list) else value


def _over(defaults: dict[str, Any], entry: Any) -> Any:
    if entry is None:
        return defaults
    return _merge(defaults, entry) if isinstance(entry, dict) else entry


def _places_of_defaults(document: Document, section: str, names: list[str]) -> dict[Location, Place]:
    """Return the places of what entries have from their section's defaults: the lines of the defaults."""
    stem = (section, "defaults")
    return {
        (section, name, *location[2:]): place
        for location, place in document.places.items()
        if location[:2] == stem and len(location) > len(stem)
        for name in names
        if (section, name, *location[2:]) not in document.places
    }
