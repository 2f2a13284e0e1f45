"""The `postflight` command: what can be said without a run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO, cast

from postflight import runbook, standard_streams
from postflight.commands import allowed, completion, diff, explain, files, init, publish
from postflight.commands.paragraphs import CommandError
from postflight.environment_files import EnvironmentFileError
from postflight.redaction import Secrets
from postflight.redaction.process import secrets_of
from postflight.redaction.streams import Guarded

_DESCRIPTION = """\
Verify a live environment after a deployment. The verification itself is a pytest run:

  pytest --env sandbox      what it is like; needs no cloud
  pytest --env NAME         one of environments/NAME.yaml

This command is for what stands around a run.
"""
_EPILOG = """\
From nothing to the first run:

  postflight init --name stage --region ap-northeast-2 --context stage
  postflight permissions --env stage --iam > policy.json
  pytest --env stage

`postflight COMMAND --help` has an example of each.
"""
_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status, which is not green where its output is lost.

    That `| head` has read enough is no loss.
    """
    outlet = standard_streams.protect()
    try:
        status = _status(arguments)
    except SystemExit as end:
        # argparse ends so: after --help, and after a usage error.
        status = end.code if isinstance(end.code, int) else 0
    if standard_streams.is_loss(outlet):
        return _complain(f"{standard_streams.loss(outlet)}.", status or 1)
    return status


def _status(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 0
    known = Secrets(secrets_of(os.environ))
    options.secrets = known
    with redirect_stdout(_guarded(sys.stdout, known)), redirect_stderr(_guarded(sys.stderr, known)):
        return _run_guarded(options)


def _guarded(stream: TextIO, known: Secrets) -> TextIO:
    """Return a stream that lets out no secret; all that a command prints goes through it."""
    return cast("TextIO", Guarded(stream, known))


def _run_guarded(options: argparse.Namespace) -> int:
    try:
        status: int = options.run(options)
    except (EnvironmentFileError, runbook.RunbookError) as error:
        return _complain(str(error), 2)
    except CommandError as error:
        return _complain(str(error), error.status)
    except KeyboardInterrupt:
        return _complain("interrupted.", _INTERRUPTED)
    except OSError as error:
        return _complain(f"{error.filename or 'a file'}: {error.strerror or error}.", 1)
    return status


def _complain(text: str, status: int) -> int:
    print(f"postflight: {text}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="postflight",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=None)
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout (default: this folder)")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (init, explain, files, diff, allowed, publish, completion):
        module.add(commands)
    return parser
