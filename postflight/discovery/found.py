"""What discovery found, on its way into an environment file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from postflight.environment.document import Location
from postflight.environment.plaintext import secrets_in
from postflight.evidence import Unverified

Redact = Callable[[str], str]
_FREE: Final = frozenset({"value", "values"})
_NAME: Final = re.compile(r"(?:arn:[\w:-]+[:/])?[\w.-]+(?:/[\w.-]+)*")


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


def redacted_section(section: Section, redact: Redact) -> Section:
    """Return a section without what `redact` replaces in its values and remarks; names stay."""
    return replace(
        section,
        entries=tuple(_redacted_entry(one, redact) for one in section.entries),
        fields=_without(section.fields, (), frozenset(_replaced(section.fields, (), redact))),
        trouble=redact(section.trouble),
        remarks=tuple(map(redact, section.remarks)),
    )


def _redacted_entry(entry: Entry, redact: Redact) -> Entry:
    told = replace(entry, guess=redact(entry.guess), left_out=redact(entry.left_out))
    return _without_values(told, tuple(_replaced(entry.fields, (), redact)))


def _replaced(value: Any, location: Location, redact: Redact) -> Iterator[Location]:
    """Yield where texts are that are not the same after the redaction."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _replaced(item, (*location, key), redact)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _replaced(item, (*location, index), redact)
    elif isinstance(value, str) and redact(value) != value and not _is_a_name(location, value):
        yield location


def _is_a_name(location: Location, text: str) -> bool:
    """Whether a text is what a thing is called, which other entries refer to; no variable's value is."""
    return not _FREE.intersection(location) and _NAME.fullmatch(text) is not None


def without_secrets(entry: Entry) -> Entry:
    """Return an entry without the values that are secrets in plain text; `guess` or `left_out` names them.

    A value that an entry cannot do without, which is one of its own fields, leaves the entry out.
    """
    return _without_values(entry, secrets_in(entry.fields))


def _without_values(entry: Entry, found: Sequence[Location]) -> Entry:
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
    if isinstance(value, list | tuple):
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
