"""What discovery found, on its way into an environment file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from postflight.environment.document import Location
from postflight.environment.plaintext import secrets_in
from postflight.evidence import Unverified


@dataclass(frozen=True)
class Entry:
    """One entry of a section. `guess` says what of it is unsure; one that is `left_out` is commented out."""

    name: str
    fields: Mapping[str, Any]
    guess: str = ""
    left_out: str = ""


@dataclass(frozen=True)
class Section:
    """One section: a mapping of entries, or what a single thing (`vpc`) says.

    `comment` is one line for the reader; `trouble` says why it could not be looked at; `remarks` are what
    else was seen.
    """

    key: str
    comment: str
    entries: tuple[Entry, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    trouble: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def declared(self) -> tuple[Entry, ...]:
        """The entries that stand in the file."""
        return tuple(entry for entry in self.entries if not entry.left_out)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not self.entries and not self.fields

    def named(self, name: str) -> Entry | None:
        """Return the entry of this name that stands in the file."""
        return next((entry for entry in self.declared if entry.name == name), None)


@dataclass(frozen=True)
class Findings:
    """Entries, and remarks about what was seen and not declared."""

    entries: tuple[Entry, ...] = ()
    remarks: tuple[str, ...] = ()


def section(key: str, comment: str, find: Callable[[], Findings | Iterable[Entry]]) -> Section:
    """Return a section of what `find` finds; that it could not look is kept as its trouble."""
    try:
        found = find()
        findings = found if isinstance(found, Findings) else Findings(tuple(found))
    except Unverified as error:
        return Section(key, comment, trouble=str(error))
    entries = unique(map(without_secrets, findings.entries))
    return Section(key, comment, entries=entries, remarks=findings.remarks)


def without_secrets(entry: Entry) -> Entry:
    """Return an entry without the values that are secrets in plain text; `guess` or `left_out` names them.

    A value that an entry cannot do without, which is one of its own fields, leaves the entry out.
    """
    found = secrets_in(entry.fields)
    if not found:
        return entry
    note = f"{', '.join('.'.join(map(str, one)) for one in found)}: not written, since it holds a secret"
    fields = _without(entry.fields, (), frozenset(found))
    is_needed = any(len(location) == 1 for location in found)
    left_out = "; ".join(filter(None, (entry.left_out, note if is_needed else "")))
    guess = "; ".join(filter(None, (entry.guess, note)))
    return Entry(entry.name, fields, guess=guess, left_out=left_out)


def _without(value: Any, location: Location, secrets: frozenset[Location]) -> Any:
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if (*location, key) not in secrets}
        return {key: _without(item, (*location, key), secrets) for key, item in kept.items()}
    if isinstance(value, list):
        places = enumerate(value)
        return [_without(one, (*location, i), secrets) for i, one in places if (*location, i) not in secrets]
    return value


def unique(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries with no name twice: of two, the second is left out."""
    seen: set[str] = set()
    kept: list[Entry] = []
    for entry in entries:
        if entry.name in seen and not entry.left_out:
            kept.append(Entry(entry.name, entry.fields, left_out=f"another entry is called {entry.name}"))
        else:
            kept.append(entry)
            seen.add(entry.name)
    return tuple(kept)


def without_empty(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "", (), [], {})}
