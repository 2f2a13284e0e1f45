"""Reads the runbook: one page a module of checks, one entry a check."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

FIELDS = ("Symptom", "Cause", "Confirm", "Fix", "Prevent", "Leads to", "Guide")
# What a page in another language tells: the text. Links and guide are data of the English page.
TRANSLATED = {
    "ko": {"증상": "symptom", "원인": "cause", "확인": "confirm", "해결": "fix", "예방": "prevent"},
}
LANGUAGES = ("en", *TRANSLATED)
_GUIDE = {"ko": "가이드"}

_ENTRY = re.compile(r"^## (?P<test>test_\w+)[ \t]*$", re.MULTILINE)
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


def check_key(node_id: str) -> str:
    """Return the key of a check, `tests_infra/test_nat.py::test_…`, from a pytest node id."""
    return node_id.split("[", 1)[0]


def load(folder: Path, language: str = "en") -> dict[str, Entry]:
    """Read every page below `folder`, by check; in another language where there is such an entry.

    Raises RunbookError.
    """
    entries: dict[str, Entry] = {}
    for page in sorted(folder.glob("*/test_*.md")):
        if not page.name.endswith(".ko.md"):
            entries.update({entry.check: entry for entry in _page(page, folder)})
    if language in TRANSLATED:
        for page in sorted(folder.glob(f"*/test_*.{language}.md")):
            entries.update(_translated(page, folder, language, entries))
    return entries


def label(field: str, language: str) -> str:
    """Return what a field is called in a language: `fix`, `해결`."""
    names = {of: name for name, of in TRANSLATED.get(language, {}).items()}
    return names.get(field) or (_GUIDE.get(language, field) if field == "guide" else field)


def language_of(said: str | None, process: Mapping[str, str]) -> str:
    """Return the language that is asked for, else the locale's, else English.

    Source: POSIX.1 8.2, LC_ALL before LC_MESSAGES before LANG.
    """
    locale = next((process[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if process.get(name)), "")
    language = said or locale.split("_", 1)[0].split(".", 1)[0].lower()
    return language if language in LANGUAGES else "en"


def filled(text: str, lookup: Callable[[str, str], str | None]) -> str:
    """Fill `<kind.field>` placeholders with `lookup(kind, field)`; one that has no value stays."""
    return _PLACEHOLDER.sub(lambda found: lookup(found["kind"], found["field"]) or found[0], text)


def placeholders(entry: Entry) -> tuple[tuple[str, str], ...]:
    """Return the (kind, field) pairs that an entry's text uses."""
    text = f"{entry.symptom}\n{entry.cause}\n{entry.confirm}\n{entry.fix}\n{entry.prevent}"
    return tuple(dict.fromkeys((found["kind"], found["field"]) for found in _PLACEHOLDER.finditer(text)))


def _page(page: Path, folder: Path) -> Iterator[Entry]:
    module = page.relative_to(folder).with_suffix(".py").as_posix()
    for test, body in _bodies(page):
        yield _entry(page, f"{module}::{test}", body, folder)


def _bodies(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each entry's test and its text."""
    text = page.read_text(encoding="utf-8")
    starts = list(_ENTRY.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    yield from ((start["test"], text[start.end() : end]) for start, end in zip(starts, ends, strict=False))


def _fields(page: Path, test: str, body: str, names: Collection[str]) -> dict[str, str]:
    """Return the bold fields of an entry. Raises RunbookError for one that is missing or empty."""
    marks = list(re.finditer(rf"^\*\*(?P<field>{'|'.join(names)})\*\*[ \t]*", body, re.MULTILINE))
    ends = [*(mark.start() for mark in marks[1:]), len(body)]
    fields = {mark["field"]: body[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=False)}
    missing = [name for name in names if not fields.get(name)]
    if missing:
        raise RunbookError(f"{page}: {test} has no **{missing[0]}**.")
    return fields


def _translated(
    page: Path, folder: Path, language: str, entries: Mapping[str, Entry]
) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of a page in another language: its text, with the English entry's links and guide."""
    module = page.relative_to(folder).as_posix().removesuffix(f".{language}.md") + ".py"
    names = TRANSLATED[language]
    for test, body in _bodies(page):
        if f"{module}::{test}" not in entries:
            raise RunbookError(f"{page}: {test} has no English entry.")
        written = _fields(page, test, body, names)
        text = {field: written[name] for name, field in names.items()}
        yield (
            f"{module}::{test}",
            replace(
                entries[f"{module}::{test}"],
                symptom=text["symptom"],
                cause=text["cause"],
                confirm=text["confirm"],
                fix=text["fix"],
                prevent=text["prevent"],
            ),
        )


def _entry(page: Path, check: str, body: str, folder: Path) -> Entry:
    fields = _fields(page, check.split("::")[1], body, FIELDS)
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
