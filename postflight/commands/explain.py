"""`postflight explain`: print runbook entries."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postflight import runbook
from postflight.commands.paragraphs import CommandError, command
from postflight.environment_files import nearest
from postflight.runbook import Entry

EPILOG = """\
  postflight explain test_nat_gateway_is_available
  postflight explain db-missing
  postflight explain nat --lang ko
"""
_FIELDS = ("symptom", "cause", "confirm", "fix", "prevent", "guide")
_WIDEST = 110
_NO_GUIDE = "—"


@dataclass(frozen=True)
class Fault:
    """A known way in which an environment breaks, and the checks that tell it as the cause."""

    word: str
    summary: str
    guide: str
    checks: tuple[str, ...]
    told: str

    def as_text(self) -> str:
        """Return the fault in one line, and how it is told where no check tells it."""
        guide = f" ({self.guide})" if self.guide != _NO_GUIDE else ""
        return " ".join(part for part in (f"{self.word}{guide}: {self.summary}", self.told) if part)


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(
        commands,
        "explain",
        "print the runbook entry of a check or a fault, or of all that match",
        "Print what a check's failure means: symptom, cause, how to confirm, fix and prevent it. The word "
        "of a fault (docs/faults.md lists them) stands for the checks that tell it as the cause.",
        EPILOG,
    )
    parser.add_argument("word", help="a check's name, a fault's, or a word to look for in the runbook")
    parser.add_argument("--lang", choices=runbook.LANGUAGES, help="language (default: the locale's)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the entries that match. Raises CommandError where none does."""
    language = runbook.language_of(options.lang, os.environ)
    folder = options.root / "runbook"
    if not folder.is_dir():
        raise CommandError(f"{folder} is not there: run this in a checkout of Postflight, or say --root.")
    entries = runbook.load(folder, language)
    # What a run names its checks by ends with the subject, in brackets.
    word = runbook.check_key(options.word).lower()
    faults = _faults(folder)
    told = tuple(_told(word, entries, faults))
    if not told:
        known = (*(key.rpartition("::")[2] for key in entries), *faults)
        raise CommandError(f"the runbook has nothing about {options.word!r}.{nearest(word, known)}")
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    print("\n\n".join("\n".join(_lines(one, language, width)) for one in told))
    return 0


def _lines(one: Fault | Entry, language: str, width: int) -> Iterator[str]:
    """Yield the lines of a fault, or of an entry: its check, then field by field, as a run tells them."""
    from postflight.report.text import wrapped

    if isinstance(one, Fault):
        yield from wrapped(one.as_text(), width)
        return
    yield one.check
    for field in (name for name in _FIELDS if getattr(one, name) != _NO_GUIDE):
        yield ""
        yield from _field(runbook.label(field, language).capitalize(), getattr(one, field), width)


def _field(name: str, text: str, width: int) -> Iterator[str]:
    """Prose is wrapped; a command keeps a line of its own, however long, so that it can be pasted."""
    from postflight.report.text import wrapped
    from postflight.report.told import steps

    margin = f"{name}: "
    for step, is_command in steps(text):
        if is_command:
            if margin.strip():
                yield margin.rstrip()
            yield f"    {step}"
        else:
            yield from wrapped(f"{margin}{step.replace('**', '')}", width, "  ")
        margin = "  "


def _told(word: str, entries: Mapping[str, Entry], faults: Mapping[str, Fault]) -> Iterator[Fault | Entry]:
    """Yield what a word stands for: a check, else a fault and its checks, else all that speaks of it."""
    exact = [entry for entry in entries.values() if word in (entry.check, entry.check.split("::")[1])]
    if exact:
        yield from exact
    elif word in faults:
        yield faults[word]
        yield from (entries[check] for check in faults[word].checks if check in entries)
    else:
        named = {check for fault in faults.values() if word in fault.word for check in fault.checks}
        yield from (entry for entry in entries.values() if entry.check in named or _speaks_of(entry, word))


def _speaks_of(entry: Entry, word: str) -> bool:
    """Whether a word stands in an entry as a word, or as two or more: `nosuch` is not in NoSuchBucket.

    Korean words are followed by their particles without a space.
    """
    text = f"{entry.check} {entry.symptom} {entry.cause}".lower().replace("_", " ").replace("-", " ")
    wanted = re.escape(word.replace("-", " ").replace("_", " "))
    return bool(re.search(rf"(?<![a-z0-9]){wanted}(?:e?s)?(?![a-z0-9])", text))


def _faults(folder: Path) -> Mapping[str, Fault]:
    """Read which faults the checks are known to tell; a runbook of one's own may have no such file."""
    file = folder / "faults.json"
    if not file.exists():
        return {}
    written = json.loads(file.read_text(encoding="utf-8"))
    return {
        word: Fault(word, one["summary"], one["guide"], tuple(one["checks"]), one.get("told", ""))
        for word, one in written.items()
    }
