"""The Korean runbook says what the English one does, with the same commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from postflight import runbook
from postflight.runbook import Entry
from selftests.proofs.harness import Sandbox

RUNBOOK = Path(__file__).resolve().parent.parent / "runbook"
ENGLISH = runbook.load(RUNBOOK)
KOREAN = runbook.load(RUNBOOK, "ko")
PAGES = sorted(page for page in RUNBOOK.glob("*/test_*.md") if not page.name.endswith(".ko.md"))

HANGUL = re.compile(r"[가-힣]")
HEADING = re.compile(r"^## (test_\w+)[ \t]*$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"(argocd|aws|curl|dig|kubectl|nc|openssl|psql|python|terraform|time) ")


def text_of(entry: Entry) -> str:
    """What the entry tells in its language."""
    return f"{entry.symptom}\n\n{entry.cause}\n\n{entry.confirm}\n\n{entry.fix}\n\n{entry.prevent}"


def inline_commands(entry: Entry) -> list[str]:
    """The commands within sentences, sorted: the order of words is the language's."""
    prose = FENCED.sub("", text_of(entry))
    return sorted(" ".join(code.split()) for code in INLINE.findall(prose) if COMMAND.match(code))


def korean_of(page: Path) -> Path:
    return page.with_suffix(".ko.md")


def test_there_are_entries() -> None:
    """The rest of this module proves nothing about an empty list."""
    assert len(ENGLISH) > 60
    assert any(FENCED.search(text_of(entry)) for entry in ENGLISH.values())
    assert any(inline_commands(entry) for entry in ENGLISH.values())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_a_page_has_the_same_entries_in_the_same_order(page: Path) -> None:
    """Who works with a colleague of the other language finds the same place on the same page."""
    korean = HEADING.findall(korean_of(page).read_text(encoding="utf-8"))

    assert korean == HEADING.findall(page.read_text(encoding="utf-8"))


def test_no_korean_page_lacks_its_english_one() -> None:
    """A page of checks that are gone would be kept up to date by nobody."""
    assert sorted(RUNBOOK.glob("*/*.ko.md")) == sorted(map(korean_of, PAGES))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.stem}")
def test_links_and_guide_stand_on_the_english_page_only(page: Path) -> None:
    """Causes are computed from them: a second copy could only go wrong."""
    korean = korean_of(page).read_text(encoding="utf-8")

    assert [name for name in ("Leads to", "Guide") if f"**{name}**" in korean] == []


@pytest.mark.parametrize("check", ENGLISH)
def test_an_entry_is_written_in_korean(check: str) -> None:
    """An entry that nobody translated would be shown in English, and nobody would notice."""
    entry = KOREAN[check]

    assert HANGUL.search(entry.symptom)
    assert HANGUL.search(entry.cause)
    assert HANGUL.search(entry.prevent)


@pytest.mark.parametrize("check", ENGLISH)
def test_an_entry_has_the_same_placeholders(check: str) -> None:
    """A command with a name of its own missing would look at something else."""
    assert set(runbook.placeholders(KOREAN[check])) == set(runbook.placeholders(ENGLISH[check]))


@pytest.mark.parametrize("check", ENGLISH)
def test_an_entry_has_the_same_blocks_of_commands(check: str) -> None:
    """What is pasted must not depend on the language of who pastes it."""
    assert FENCED.findall(text_of(KOREAN[check])) == FENCED.findall(text_of(ENGLISH[check]))


@pytest.mark.parametrize("check", ENGLISH)
def test_an_entry_has_the_same_commands_within_its_sentences(check: str) -> None:
    """Most entries have one command, and write it within a sentence."""
    assert inline_commands(KOREAN[check]) == inline_commands(ENGLISH[check])


@pytest.mark.parametrize("check", ENGLISH)
def test_an_entry_warns_as_often(check: str) -> None:
    """A warning that is lost in translation costs somebody their data."""
    warnings = re.findall(r"\*\*warning\b", text_of(ENGLISH[check]), re.IGNORECASE)

    assert text_of(KOREAN[check]).count("**주의:**") == len(warnings)


def test_a_korean_entry_is_told_with_the_names_of_its_fields_in_korean(sandbox: Sandbox) -> None:
    """Half of a page in each language is read by neither colleague."""
    sandbox.break_("superuser-missing")
    try:
        run = sandbox.run_suite("tests_app/test_superuser.py", "--lang", "ko")
    finally:
        sandbox.mend("superuser-missing")
    told = run.output.partition("WHAT BROKE FIRST")[2]
    summary = (run.folder / "summary.md").read_text(encoding="utf-8")

    for field in ("원인", "확인", "해결", "예방", "가이드"):
        assert f"\n  {field} " in told
        assert f"**{field}**" in summary
    assert "\n    해결   " in told, "under the cause, as wide as `where`"
    assert not re.search(r"(?m)^ +(cause|fix|prevent) ", told)
