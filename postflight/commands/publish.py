"""`postflight publish`: put the results of runs where they are kept."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from postflight.commands.paragraphs import CommandError, command


def add(commands: Any) -> None:
    """Add the command."""
    parser = command(
        commands,
        "publish",
        "put the results of runs into an S3 bucket",
        "Copy the results of runs into an S3 bucket.",
        "  postflight publish reports s3://results/stage\n",
    )
    parser.add_argument("reports", type=Path, help="the folder of the runs")
    parser.add_argument("address", metavar="s3://BUCKET/PREFIX", help="where to")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Copy them. Raises CommandError."""
    from postflight import publishing

    try:
        count = publishing.publish(options.reports, options.address)
    except publishing.PublishingError as error:
        raise CommandError(str(error)) from None
    print(f"{count} files put into {options.address}")
    return 0
