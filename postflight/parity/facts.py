"""Facts of an environment, made comparable: section, entry and field to a value; and how two sets differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postflight.environment import Environment
from postflight.parity.naming import Names

Key = tuple[str, str, str]
Facts = Mapping[Key, Any]

# Every environment has its own of these, and nothing follows from it.
_OWN = frozenset(
    {"description", "bring_up", "resolver", "authoritative", "ca", "waivers", "name", "production"}
)
_OWN_FIELDS = frozenset(
    {
        ("aws", "account"),
        ("cluster", "context"),
        ("certificates", "arn"),
        ("distributions", "id"),
        ("hosted_zones", "id"),
    }
)
_PROSE = frozenset({"cause"})
IS_THERE = "declared"


@dataclass(frozen=True)
class Difference:
    """One field that differs. `left` and `right` are as each environment has them; None: not there."""

    section: str
    entry: str
    field: str
    left: Any
    right: Any

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return {
            "section": self.section, "entry": self.entry, "field": self.field,
            "left": self.left, "right": self.right,
        }  # fmt: skip


def declared(environment: Environment) -> dict[Key, Any]:
    """Return what an environment declares."""
    facts: dict[Key, Any] = {}
    for section, value in environment.model_dump(mode="json").items():
        if section in _OWN or value in (None, {}, []):
            continue
        is_entries = isinstance(value, dict) and all(isinstance(item, dict) for item in value.values())
        if not isinstance(value, dict):
            facts["environment", "", section] = value
        elif is_entries and section not in ("vpc", "cluster", "aws"):
            for entry, fields in value.items():
                facts[section, entry, ""] = IS_THERE
                facts |= {(section, entry, field): item for field, item in _flat(section, fields, "")}
        else:
            facts |= {(section, "", field): item for field, item in _flat(section, value, "")}
    return facts


def _flat(section: str, fields: Mapping[str, Any], stem: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        path = f"{stem}{name}"
        if (section, path) in _OWN_FIELDS or name in _PROSE or name == "ca" or value in (None, {}, []):
            continue
        if path == "required":
            for variable, wanted in value.items():
                text = wanted.get("value")
                yield f"required.{variable}", "any value" if text is None else text
        elif isinstance(value, dict):
            yield from _flat(section, value, f"{path}.")
        else:
            yield path, value


def differences(left: Facts, right: Facts, names: tuple[Names, Names]) -> tuple[Difference, ...]:
    """Return what differs beyond names. Where an entry is on one side only, its fields are not listed."""
    ours, theirs = _by_entry(left), _by_entry(right)
    found: list[Difference] = []
    for one, other in _aligned(ours, theirs, names):
        section, entry = one or other or ("", "")
        mine, yours = ours.get(one, {}) if one else {}, theirs.get(other, {}) if other else {}
        if entry and not (one and other):
            found.append(Difference(section, entry, "", mine.get(""), yours.get("")))
            continue
        for field, twin in _aligned(
            {("", name): name for name in mine}, {("", name): name for name in yours}, names
        ):
            values = _apart(
                mine.get(field[1]) if field else None, yours.get(twin[1]) if twin else None, names
            )
            if values is not None:
                found.append(Difference(section, entry, (field or twin or ("", ""))[1], *values))
    return tuple(sorted(found, key=lambda one: (one.section, one.entry, one.field)))


def _by_entry(facts: Facts) -> dict[tuple[str, str], dict[str, Any]]:
    entries: dict[tuple[str, str], dict[str, Any]] = {}
    for (section, entry, field), value in facts.items():
        entries.setdefault((section, entry), {})[field] = value
    return entries


def _aligned(
    left: Mapping[tuple[str, str], Any], right: Mapping[tuple[str, str], Any], names: tuple[Names, Names]
) -> Iterator[tuple[tuple[str, str] | None, tuple[str, str] | None]]:
    """Yield what is called the same on both sides; then the same but for names; then what is alone."""
    both = [key for key in left if key in right]
    yield from ((key, key) for key in both)
    rest = {(key[0], names[1].neutral(key[1])): key for key in right if key not in both}
    for key in left:
        if key not in both:
            yield key, rest.pop((key[0], names[0].neutral(key[1])), None)
    yield from ((None, key) for key in rest.values())


def _apart(left: Any, right: Any, names: tuple[Names, Names]) -> tuple[Any, Any] | None:
    """Return two values that differ, None where they do not; of two lists, what only the one has."""
    if isinstance(left, list) and isinstance(right, list):
        ours = _lacking(left, right, names)
        theirs = _lacking(right, left, (names[1], names[0]))
        return (ours, theirs) if ours or theirs else None
    return None if _is_same(left, right, names) else (left, right)


def _lacking(left: list[Any], right: list[Any], names: tuple[Names, Names]) -> list[Any]:
    return [one for one in left if not any(_is_same(one, other, names) for other in right)]


def _is_same(left: Any, right: Any, names: tuple[Names, Names]) -> bool:
    """Whether two values are equal as they stand, or but for each environment's own names."""
    if left == right:
        return True
    is_text = isinstance(left, str) and isinstance(right, str)
    return is_text and names[0].neutral(left) == names[1].neutral(right)
