"""What an environment's entries say of each other: references that lead nowhere, and scopes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from postflight.environment.declaration import Subject
from postflight.environment.derived import SECTION_OF, kind_of, subjects
from postflight.environment.document import Location
from postflight.environment.model import Environment
from postflight.environment.serving import served
from postflight.environment_files import nearest

_FIELDS = (
    "database_server", "cache", "service", "ingress", "hosted_zone", "certificate", "distribution",
    "database", "api", "bucket",
)  # fmt: skip

# kind of a derived subject -> the field that names the entry it is derived from
_OWNERS = {"database": "database_server", "backend": "ingress", "origin": "api", "bucket_origin": "bucket"}


@dataclass(frozen=True)
class _Relations:
    """Every subject by kind and name, and who refers to whom."""

    known: Mapping[str, Mapping[str, Subject]]
    referrers: Mapping[tuple[str, str], tuple[Subject, ...]]


@lru_cache(maxsize=8)
def _relations(environment: Environment) -> _Relations:
    known = {kind: {each.name: each for each in subjects(environment, kind)} for kind in SECTION_OF}
    referrers: dict[tuple[str, str], list[Subject]] = {}
    for of_kind in known.values():
        for subject in of_kind.values():
            for _, kind, names in _references(subject):
                for name in names:
                    referrers.setdefault((kind, name), []).append(subject)
    return _Relations(known, {referred: tuple(found) for referred, found in referrers.items()})


def subject_named(environment: Environment, kind: str, name: str) -> Subject | None:
    """Return one declared or derived subject, None where there is none of that name."""
    return _relations(environment).known.get(kind, {}).get(name)


def missing_references(environment: Environment) -> Iterator[tuple[Location, str]]:
    """Yield where an entry names another that is not declared, and what to say of it."""
    known = _relations(environment).known
    for kind, section in SECTION_OF.items():
        if "." in section:
            continue
        for subject in known[kind].values():
            for field, referred_kind, names in _references(subject):
                for name in names:
                    if name not in known[referred_kind]:
                        message = _missing(name, referred_kind, known[referred_kind])
                        yield (section, subject.name, field), message


def ambiguous_names(environment: Environment) -> Iterator[tuple[Location, str]]:
    """Yield where two derived subjects would have one name, so that a report could not tell them apart."""
    for kind, owner_field in _OWNERS.items():
        section, _, field = SECTION_OF[kind].partition(".*.")
        seen: set[str] = set()
        for subject in subjects(environment, kind):
            if subject.name in seen:
                location = (section, getattr(subject, owner_field), field)
                yield location, f"`{subject.name}` is there twice; keep one of the two."
            seen.add(subject.name)


def _missing(name: str, kind: str, known: Mapping[str, Subject]) -> str:
    declared = ", ".join(known) or "none"
    return f"`{name}` is not declared under `{SECTION_OF[kind]}`.{nearest(name, known)} Declared: {declared}."


def _references(subject: Subject) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (field, kind, names) for each reference that a subject holds."""
    own = kind_of(subject)
    for field in _FIELDS:
        value = getattr(subject, field, None)
        is_own_aws_name = field == "bucket" and own != "bucket_origin"
        if isinstance(value, str) and field != own and not is_own_aws_name:
            yield field, field, (value,)
    services = getattr(subject, "services", ())
    if services:
        yield "services", "service", tuple(services)


# field of a subject -> the kind of place that it names
_PLACES = {"namespace": "namespace", "destination": "namespace", "zone": "zone"}


def scopes(environment: Environment, subject: Subject) -> dict[str, frozenset[str]]:
    """Return what a subject belongs to: for each kind, the names of the related subjects.

    A subject is related to itself, to what it refers to (and what that refers to), to what refers to it
    directly, and to what it serves. What it says itself of a kind goes before what it would have by way of
    another subject: a backend belongs to its one service, not to every service of its ingress. `namespace`
    and `zone` are kinds here too.
    """
    relations = _relations(environment)
    related: dict[str, set[str]] = {}
    _follow(relations, subject, related, frozenset())
    for other in relations.referrers.get((kind_of(subject), subject.name), ()):
        related.setdefault(kind_of(other), set()).add(other.name)
    for kind, name in served(environment, subject):
        related.setdefault(kind, set()).add(name)
    return {kind: frozenset(names) for kind, names in related.items()}


def _follow(
    relations: _Relations, subject: Subject, related: dict[str, set[str]], settled: frozenset[str]
) -> None:
    """Add a subject and what it refers to, but for kinds that the first subject has settled itself."""
    kind = kind_of(subject)
    names = related.setdefault(kind, set())
    if subject.name in names:
        return
    names.add(subject.name)
    for attribute, place in _PLACES.items():
        value = getattr(subject, attribute, None)
        if isinstance(value, str) and kind != "hosted_zone":
            related.setdefault(place, set()).add(value)
    references = [(referred, found) for _, referred, found in _references(subject) if referred not in settled]
    below = settled or frozenset(referred for referred, _ in references)
    for referred_kind, found in references:
        for name in found:
            if name in relations.known[referred_kind]:
                _follow(relations, relations.known[referred_kind][name], related, below)
