"""`postflight check-environment` and `postflight schema`: about environment files, without a run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from postflight.commands.paragraphs import command
from postflight.environment import EnvironmentFileError, available, find, load


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
    """Say that a file is right, or all that is wrong with it. Raises EnvironmentFileError."""
    folder = options.root / "environments"
    file = find(options.name, folder, "")
    try:
        environment = load(file, os.environ)
    except EnvironmentFileError as error:
        for mistake in error.mistakes:
            print(f"postflight: {mistake}", file=sys.stderr)
        return 2
    print(f"{environment.name} is a right environment. Environments here: {', '.join(available(folder))}.")
    return 0


def print_schema(options: argparse.Namespace) -> int:
    """Print the schema."""
    from postflight.environment.schema import schema

    del options
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
