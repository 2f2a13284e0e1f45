"""`postflight check-environment` and `postflight schema`: about environment files, without a run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from postflight.commands.paragraphs import command
from postflight.environment import Environment, EnvironmentFileError, available, find, load


def add(commands: Any) -> None:
    """Add the commands."""
    check = command(
        commands,
        "check-environment",
        "say whether an environment file is right",
        "Load an environment file as a run does, and say all that is wrong: file, line, nearest right word.",
        "  postflight check-environment stage\n",
    )
    check.add_argument("name", help="an environment's name, or a path to its file")
    check.set_defaults(run=check_environment)
    schema = command(
        commands,
        "schema",
        "print the JSON Schema of environment files, for editors",
        "Print the JSON Schema of environment files. Editors that know it complete and check while you type.",
        "  postflight schema > environments/schema.json\n",
    )
    schema.set_defaults(run=print_schema)


def check_environment(options: argparse.Namespace) -> int:
    """Say that a file is right, or all that is wrong with it. Raises EnvironmentFileError, RunbookError."""
    folder = options.root / "environments"
    file = find(options.name, folder, "")
    try:
        environment = load(file, os.environ)
    except EnvironmentFileError as error:
        for mistake in error.mistakes:
            print(f"postflight: {mistake}", file=sys.stderr)
        return 2
    wrong = _waivers_in_vain(environment, options.root)
    for note in wrong:
        print(f"postflight: {note}", file=sys.stderr)
    if wrong:
        return 2
    print(f"{environment.name} is a right environment. Environments here: {', '.join(available(folder))}.")
    return 0


def _waivers_in_vain(environment: Environment, root: Path) -> list[str]:
    """Say of each waiver that has expired, or names no check, that it waives nothing."""
    if not environment.waivers:
        return []
    from postflight import runbook
    from postflight.waivers import notes

    checks = runbook.load(root / "runbook", "en")
    return list(notes(environment.waivers, (), checks, lambda _check: None, datetime.now(UTC)))


def print_schema(options: argparse.Namespace) -> int:
    """Print the schema."""
    from postflight.environment.schema import schema

    del options
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
