"""The `postflight` command: what can be said without a run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from postflight import runbook
from postflight.environment import EnvironmentFileError, available, find, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 0
    try:
        status: int = options.run(options)
    except (EnvironmentFileError, runbook.RunbookError) as error:
        print(f"postflight: {error}", file=sys.stderr)
        return 2
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="postflight",
        description="Verify a live environment after a deployment. The verification itself is a pytest run: "
        "pytest --env NAME.",
    )
    parser.set_defaults(run=None)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout (default: this folder)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    explain = commands.add_parser("explain", help="print the runbook entry of a check, or of all that match")
    explain.add_argument("word", help="a check's name, or a word to look for in the runbook")
    explain.set_defaults(run=_explain)

    check = commands.add_parser("check-environment", help="say whether an environment file is right")
    check.add_argument("name", help="an environment's name, or a path to its file")
    check.set_defaults(run=_check_environment)

    schema = commands.add_parser("schema", help="print the JSON Schema of environment files, for editors")
    schema.set_defaults(run=_schema)
    return parser


def _explain(options: argparse.Namespace) -> int:
    entries = runbook.load(options.root / "runbook")
    word = options.word.lower()
    exact = [entry for entry in entries.values() if entry.check.split("::")[1] == word or entry.check == word]
    found = exact or [
        entry
        for entry in entries.values()
        if word.replace("-", " ") in f"{entry.check} {entry.symptom} {entry.cause}".lower().replace("_", " ")
    ]
    if not found:
        print(f"postflight: the runbook has nothing about {options.word!r}.", file=sys.stderr)
        return 1
    print("\n\n".join(entry.as_text() for entry in found))
    return 0


def _check_environment(options: argparse.Namespace) -> int:
    folder = options.root / "environments"
    environment = load(find(options.name, folder), os.environ)
    print(f"{environment.name} is a right environment. Environments here: {', '.join(available(folder))}.")
    return 0


def _schema(options: argparse.Namespace) -> int:
    from postflight.environment.schema import schema

    del options
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
