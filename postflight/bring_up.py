"""Runs the command that brings a throw-away environment up, and takes it down again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from postflight.environment.model import BringUp


class BringUpError(Exception):
    """The environment did not come up: which command, and its last words."""


class BroughtUp:
    """A running command; the environment lives as long as its standard input is open.

    Whatever ends this process ends that input, so nothing is left behind.
    """

    def __init__(self, process: subprocess.Popen[bytes], variables: Mapping[str, str]) -> None:
        self._process = process
        self.variables = variables

    def take_down(self, timeout_s: float = 15.0) -> None:
        """End the command's input and wait until it has cleaned up."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._kill(timeout_s)
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _kill(self, timeout_s: float) -> None:
        """Ask the command to end, and kill it with its children where it does not."""
        self._process.terminate()
        try:
            self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def bring_up(command: BringUp, folder: Path, extra: tuple[str, ...] = ()) -> BroughtUp:
    """Run the command in `folder` until it says that all is up. Raises BringUpError.

    `python` in the command is this interpreter, so that its packages are this one's.
    """
    arguments = [sys.executable if part == "python" else part for part in command.command]
    try:
        process = subprocess.Popen(
            [*arguments, *extra],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    except OSError as error:
        raise BringUpError(f"`{' '.join(command.command)}` cannot be run: {error.strerror}.") from None
    try:
        line = _first_line(process, command.timeout_s)
        said = json.loads(line)
        refusal = said.get("error")
        variables = {str(name): str(value) for name, value in said.get("variables", {}).items()}
    except (TimeoutError, ValueError, KeyError, AttributeError, TypeError) as error:
        BroughtUp(process, {}).take_down()
        raise BringUpError(
            f"`{' '.join(command.command)}` did not bring the environment up ({error}; exit status "
            f"{process.returncode}). Run it by hand to see why."
        ) from error
    except BaseException:
        BroughtUp(process, {}).take_down()
        raise
    if refusal is not None or "variables" not in said:
        BroughtUp(process, {}).take_down()
        raise BringUpError(f"`{' '.join(command.command)}`: {refusal or 'it told no variables.'}")
    return BroughtUp(process, variables)


def _first_line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    output: IO[bytes] | None = process.stdout
    if output is None:
        raise ValueError("its standard output is not a pipe")
    deadline = time.monotonic() + timeout_s
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([output], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise TimeoutError(f"nothing was heard within {timeout_s:g} s")
        part = os.read(output.fileno(), 65536)
        if not part:
            raise ValueError("it ended without saying that all is up")
        line += part
    return line.splitlines()[0]
