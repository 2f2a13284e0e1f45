"""A command of the runbook reaches the terminal whole: half of one can be another one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from postflight import runbook
from postflight.redaction import masked
from postflight.report import terminal, told
from postflight.runbook import LANGUAGES, Entry
from selftests.run_findings import findings, outcome

RUNBOOK = Path(__file__).resolve().parent.parent / "runbook"
ENTRIES = [
    pytest.param(entry, id=f"{entry.check}-{language}")
    for language in LANGUAGES
    for entry in runbook.load(RUNBOOK, language).values()
]
FENCED = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`((?:argocd|aws|curl|dig|helm|kubectl|nc|openssl|psql|python|terraform|time) [^`]+)`")
APART = re.compile(r"\b(?:deployment|statefulset|daemonset|job)s? (?![-|)\]])\S+")
CREATED = re.compile(r"\b(create|annotate) ")


def shown(entry: Entry) -> list[str]:
    """Return what a terminal of 80 columns shows of a failure with this entry."""
    told_of = {name: getattr(entry, name) for name in ("cause", "confirm", "fix", "prevent")}
    return [one.text for one in terminal.lines(findings([outcome("test_a", "a", runbook=told_of)]), 80)]


def commands(text: str) -> list[str]:
    """Return the commands within sentences."""
    return [" ".join(found.split()) for found in COMMAND.findall(FENCED.sub("", text))]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_command_within_a_sentence_is_not_wrapped(entry: Entry) -> None:
    """`kubectl rollout restart deployment`, torn before the name, restarts everything in the namespace."""
    lines = shown(entry)

    for text in (entry.cause, entry.confirm, entry.fix, entry.prevent):
        assert [one for one in commands(text) if not any(one in line for line in lines)] == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_long_command_has_a_line_of_its_own(entry: Entry) -> None:
    """Whoever copies a whole line copies a whole command, without backticks."""
    lines = [line.removeprefix("  fix").strip() for line in shown(entry)]

    assert [one for one in commands(entry.fix) if len(one) > 40 and one not in lines] == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_first_step_has_no_half_a_command(entry: Entry) -> None:
    """A sentence must not end within a command."""
    assert told.first_step(FENCED.sub("", entry.fix)).count("`") % 2 == 0
    assert not told.first_pieces(entry.fix)[-1][0].endswith("\\")


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_title_holds_nothing_that_looks_secret(entry: Entry) -> None:
    """After `token:` anything is taken for one: the subject of a check must not stand there."""
    title = told.title_of(replace(outcome("test_a", "some-subject"), check=entry.check))

    assert masked(title) == title


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_resource_is_named_in_one_word(entry: Entry) -> None:
    """`deployment NAME` is two words, and the first alone means all of them."""
    text = f"{entry.symptom}\n{entry.cause}\n{entry.confirm}\n{entry.fix}\n{entry.prevent}"
    given = [line for block in FENCED.findall(text) for line in block.splitlines()] + commands(text)

    told_apart = [one for one in given if "kubectl " in one and APART.search(one) and not CREATED.search(one)]
    assert told_apart == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_time_is_asked_for_as_every_system_can(entry: Entry) -> None:
    """`date -d '-1 hour'` is GNU's: on a Mac the whole command fails."""
    assert not re.search(r"\bdate (?:-u )?-[dv]", f"{entry.confirm}\n{entry.fix}")
