"""What a command says when it cannot go on: one paragraph, and an exit status."""

from __future__ import annotations

import argparse
from typing import Any


class CommandError(Exception):
    """What is wrong, and what to do: one paragraph."""

    status = 1


class UnverifiedError(CommandError):
    """Something kept us from looking: credentials, a permission, the network."""

    status = 6


def command(commands: Any, name: str, summary: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Add a command to the parser; `epilog` ends with an example that can be pasted."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser
