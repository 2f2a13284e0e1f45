"""`postflight explain`: print runbook entries."""

from __future__ import annotations

import argparse
import os
from typing import Any

from postflight import runbook
from postflight.commands.paragraphs import CommandError, command

EPILOG = """\
  postflight explain test_nat_gateway_is_available
  postflight explain nat --lang ko
"""


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(
        commands,
        "explain",
        "print the runbook entry of a check, or of all that match",
        "Print what a check's failure means: symptom, cause, how to confirm, fix and prevent it.",
        EPILOG,
    )
    parser.add_argument("word", help="a check's name, or a word to look for in the runbook")
    parser.add_argument("--lang", choices=runbook.LANGUAGES, help="language (default: the locale's)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the entries that match. Raises CommandError where none does."""
    language = runbook.language_of(options.lang, os.environ)
    entries = runbook.load(options.root / "runbook", language)
    word = options.word.lower()
    exact = [entry for entry in entries.values() if entry.check.split("::")[1] == word or entry.check == word]
    found = exact or [
        entry
        for entry in entries.values()
        if word.replace("-", " ") in f"{entry.check} {entry.symptom} {entry.cause}".lower().replace("_", " ")
    ]
    if not found:
        raise CommandError(f"the runbook has nothing about {options.word!r}.")
    print("\n\n".join(entry.as_text(language) for entry in found))
    return 0
