"""`postflight explain`: a check, the word of a fault, or any other word."""

from __future__ import annotations

import json
import os

import pytest

from postflight import runbook
from postflight.report.text import columns
from selftests.commands import paragraph, postflight
from selftests.proofs.harness import ROOT
from selftests.proofs.words import FILE, words

FAULTS = json.loads(FILE.read_text(encoding="utf-8"))


def test_the_words_of_faults_are_current() -> None:
    """The command reads them from this file, for it may know nothing of the sandbox."""
    assert FILE.read_text(encoding="utf-8") == words(), "run `make generated`"


def test_every_fault_is_told_by_an_entry_or_in_words() -> None:
    """A word that docs/faults.md lists must lead somewhere."""
    entries = runbook.load(ROOT / "runbook")

    assert [word for word, one in FAULTS.items() if not one["checks"] and not one["told"]] == []
    assert {check for one in FAULTS.values() for check in one["checks"]} <= entries.keys()


def test_a_check_is_explained_by_its_entry_alone() -> None:
    """Other entries that mention it would hide it."""
    said = postflight("explain", "test_database_exists", "--lang", "en").stdout

    assert said.startswith("tests_app/test_databases.py::test_database_exists\n\nSymptom: ")
    assert said.count("::test_") == 1


@pytest.mark.parametrize(
    ("word", "first", "checks"),
    [
        (
            "db-missing",
            "db-missing (DOA 3.3): One of the services' databases does not exist.",
            ["tests_app/test_databases.py::test_database_exists"],
        ),
        (
            "externaldns-irsa",
            "externaldns-irsa (KYEOL 2.3): ExternalDNS has no role",
            [
                "tests_platform/test_controllers.py::test_controller_service_account_names_its_role",
                "tests_infra/test_controller_roles.py::test_controller_role_trusts_its_service_account",
                "tests_infra/test_controller_roles.py::test_controller_role_has_its_policy",
            ],
        ),
        ("wrong-account", "wrong-account: The credentials are another account's. No check runs: ", []),
    ],
)
def test_a_fault_is_explained_by_the_checks_that_tell_it(word: str, first: str, checks: list[str]) -> None:
    """Whoever comes from the table of faults knows its word, and no check's name."""
    said = postflight("explain", word, "--lang", "en").stdout

    assert said.startswith(first)
    assert [line for line in said.splitlines() if line.startswith("tests_") and "::test_" in line] == checks


def test_what_a_run_names_a_check_by_is_understood() -> None:
    """`where` in a run's output ends with the subject, and people paste what they see."""
    check = "tests_app/test_databases.py::test_database_exists"
    said = postflight("explain", f"{check}[cart_service]", "--lang", "en").stdout

    assert said == postflight("explain", check, "--lang", "en").stdout
    assert said.startswith(check)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "check", ["test_database_server_answers_in_time", "test_default_route_leads_to_a_nat_gateway"]
)
def test_an_entry_is_told_as_a_run_tells_it(check: str, language: str) -> None:
    """Raw Markdown is for editors. Only a command may be longer than the terminal."""
    said = postflight("explain", check, "--lang", language, variables={**os.environ, "COLUMNS": "80"}).stdout

    assert "```" not in said
    assert "**" not in said
    long = [line for line in said.splitlines() if columns(line) > 80]
    assert [line for line in long if "`" not in line and not line.startswith("    ")] == []


@pytest.mark.parametrize("word", ["nosuch", "vailable"])
def test_a_part_of_a_word_is_not_the_word(word: str) -> None:
    """NoSuchBucket is no answer to `nosuch`."""
    assert f"the runbook has nothing about '{word}'" in paragraph(postflight("explain", word))


def test_a_permission_that_is_missing_leads_to_those_that_are_needed() -> None:
    """No check tells it, so there is no entry to say what to do."""
    said = " ".join(postflight("explain", "access-denied", "--lang", "en").stdout.split())

    assert said.startswith("access-denied: The suite may not make one call")
    assert "`postflight permissions --env NAME`" in said


def test_a_part_of_a_faults_word_finds_its_checks() -> None:
    """Nobody remembers whether it was `cors-wide-open` or `cors-open-wide`."""
    said = postflight("explain", "wide-open", "--lang", "ko").stdout

    assert said.startswith("tests_network/test_cors.py::test_foreign_origin_is_refused\n\n증상: ")


def test_a_word_that_nothing_speaks_of_is_an_error() -> None:
    """An empty answer would look like an empty entry."""
    assert "the runbook has nothing about 'no-such-thing'" in paragraph(
        postflight("explain", "no-such-thing")
    )
