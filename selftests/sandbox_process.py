"""Starts sandboxes as a user does, and tells what is left of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT = 120.0


@dataclass(frozen=True)
class Running:
    """A sandbox that is up."""

    folder: Path
    state: dict[str, Any]

    @property
    def variables(self) -> dict[str, str]:
        """What an outsider exports."""
        found: dict[str, str] = self.state["variables"]
        return found

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of the sandbox's commands."""
        return sandbox_command(self.folder, *words)

    @contextmanager
    def broken(self, fault: str, *parameters: str) -> Iterator[None]:
        """Break the sandbox for a while."""
        answer = self.command("break", fault, *parameters)
        assert answer.returncode == 0, answer.stderr
        try:
            yield
        finally:
            answer = self.command("mend", fault)
        assert answer.returncode == 0, answer.stderr


def sandbox_command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m sandbox`."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *words, "--run-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@contextmanager
def attached(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run `up --attach`; whatever the test does, nothing stays."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "up", "--attach", "--run-dir", str(folder), *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Read the line that `up --attach` prints when the sandbox has settled."""
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


def family(process: int) -> dict[int, str]:
    """Give the command lines of a process and all that descend from it, by process id."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            status = (place / "stat").read_text().rpartition(")")[2].split()
            words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(place.name)] = (int(status[1]), words)
    found = {process: parents[process][1]} if process in parents else {}
    grown = True
    while grown:
        more = {
            pid: words for pid, (parent, words) in parents.items() if parent in found and pid not in found
        }
        found |= more
        grown = bool(more)
    return found


def temporary_folder(processes: dict[int, str]) -> Path:
    """Find the folder that a sandbox's servers work in: its janitor knows it."""
    words = next(words for words in processes.values() if "sandbox-janitor" in words)
    return Path(words.split()[-1])


def remaining(processes: dict[int, str], patience: float = 10.0) -> dict[int, str]:
    """Give those that are still alive after a while; a zombie that init has not yet reaped is not."""
    deadline = time.monotonic() + patience
    while (left := _alive(processes)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def _alive(processes: dict[int, str]) -> dict[int, str]:
    left = {}
    for process, words in processes.items():
        try:
            stat = Path(f"/proc/{process}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat.rpartition(")")[2].split()[0] != "Z":
            left[process] = words
    return left


def vanishes(path: Path, patience: float = 5.0) -> bool:
    """Whether a folder is gone after a while."""
    deadline = time.monotonic() + patience
    while path.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not path.exists()


def interrupt(process: int) -> None:
    """Press Ctrl-C."""
    os.kill(process, signal.SIGINT)
