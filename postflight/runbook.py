"""Reads the runbook: one page a module of checks, one entry a check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FIELDS = ("Symptom", "Cause", "Confirm", "Fix", "Prevent", "Leads to", "Guide")

_ENTRY = re.compile(r"^## (?P<test>test_\w+)[ \t]*$", re.MULTILINE)
_FIELD = re.compile(rf"^\*\*(?P<field>{'|'.join(FIELDS)})\*\*[ \t]*", re.MULTILINE)
_LINK = re.compile(
    r"\[(?P<test>test_\w+)\]\((?P<page>[^)\s]*)\)\s+of\s+(?P<scope>the\s+same|every)\s+"
    r"(?P<kind>[a-z_ ]+?)\s*(?=[,.;\n]|$)"
)
_PLACEHOLDER = re.compile(r"<(?P<kind>[a-z_]+)\.(?P<field>[a-z_]+)>")

EVERYTHING = "cluster"


class RunbookError(Exception):
    """A page that cannot be read as entries: where, and what is wrong."""


@dataclass(frozen=True)
class Link:
    """One `Leads to`: the check that fails in turn, and for which subjects.

    `same` names the kind that both subjects must share; None means every subject.
    """

    check: str
    same: str | None


@dataclass(frozen=True)
class Entry:
    """What to know about one check when it fails."""

    check: str
    symptom: str
    cause: str
    confirm: str
    fix: str
    prevent: str
    guide: str
    leads_to: tuple[Link, ...]

    def as_text(self) -> str:
        """Return the entry for a terminal: its check, then field by field."""
        fields = {
            "Symptom": self.symptom,
            "Cause": self.cause,
            "Confirm": self.confirm,
            "Fix": self.fix,
            "Prevent": self.prevent,
            "Guide": self.guide,
        }
        return "\n\n".join((self.check, *(f"{name}: {text}" for name, text in fields.items())))


def check_key(node_id: str) -> str:
    """Return the key of a check, `tests_infra/test_nat.py::test_…`, from a pytest node id."""
    return node_id.split("[", 1)[0]


def load(folder: Path) -> dict[str, Entry]:
    """Read every English page below `folder`, by check. Raises RunbookError."""
    entries: dict[str, Entry] = {}
    for page in sorted(folder.glob("*/test_*.md")):
        if not page.name.endswith(".ko.md"):
            entries.update({entry.check: entry for entry in _page(page, folder)})
    return entries


def filled(text: str, lookup: Callable[[str, str], str | None]) -> str:
    """Fill `<kind.field>` placeholders with `lookup(kind, field)`; one that has no value stays."""
    return _PLACEHOLDER.sub(lambda found: lookup(found["kind"], found["field"]) or found[0], text)


def placeholders(entry: Entry) -> tuple[tuple[str, str], ...]:
    """Return the (kind, field) pairs that an entry's text uses."""
    text = f"{entry.symptom}\n{entry.cause}\n{entry.confirm}\n{entry.fix}\n{entry.prevent}"
    return tuple(dict.fromkeys((found["kind"], found["field"]) for found in _PLACEHOLDER.finditer(text)))


def _page(page: Path, folder: Path) -> Iterator[Entry]:
    module = page.relative_to(folder).with_suffix(".py").as_posix()
    text = page.read_text(encoding="utf-8")
    starts = list(_ENTRY.finditer(text))
    for start, following in zip(starts, [*starts[1:], None], strict=True):
        body = text[start.end() : following.start() if following else len(text)]
        yield _entry(page, f"{module}::{start['test']}", body, folder)


def _entry(page: Path, check: str, body: str, folder: Path) -> Entry:
    marks = list(_FIELD.finditer(body))
    fields = {
        mark["field"]: body[mark.end() : following.start() if following else len(body)].strip()
        for mark, following in zip(marks, [*marks[1:], None], strict=True)
    }
    missing = [name for name in FIELDS if not fields.get(name)]
    if missing:
        raise RunbookError(f"{page}: {check.split('::')[1]} has no **{missing[0]}**.")
    return Entry(
        check=check,
        symptom=fields["Symptom"],
        cause=fields["Cause"],
        confirm=fields["Confirm"],
        fix=fields["Fix"],
        prevent=fields["Prevent"],
        guide=fields["Guide"],
        leads_to=tuple(_links(page, check, fields["Leads to"], folder)),
    )


def _links(page: Path, check: str, text: str, folder: Path) -> Iterator[Link]:
    found = list(_LINK.finditer(text))
    if len(found) != text.count("["):
        raise RunbookError(
            f"{page}: **Leads to** of {check.split('::')[1]} cannot be read; write "
            "`[test_name](../layer/page.md) of the same <kind>` or `of every <kind>`, with commas between."
        )
    for link in found:
        target = (page.parent / link["page"]).resolve() if link["page"] else page.resolve()
        module = target.relative_to(folder.resolve()).with_suffix(".py").as_posix()
        kind = link["kind"].strip().replace(" ", "_")
        everywhere = link["scope"] == "every" or kind == EVERYTHING
        yield Link(f"{module}::{link['test']}", None if everywhere else kind)
