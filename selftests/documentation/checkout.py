"""A copy of the checkout in which a reader works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from selftests.documentation.pages import ROOT, Block

# What is installed, what runs leave behind, and what tools keep.
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".bench*", "node_modules", "__pycache__", "*-*Z", "latest", "allure-*"
)
_SANDBOX_RUNS = ROOT / "sandbox" / "run"
_LEAKS = ("AWS_", "GITHUB_", "PYTEST_", "POSTFLIGHT_", "SANDBOX_", "KUBE", "MAKE", "MFLAGS", "LC_", "LANG")
_STAMPS = (".uv", ".demo", ".test")


@dataclass(frozen=True)
class Finished:
    """A command that has ended; `output` is what a terminal would have shown."""

    command: str
    status: int
    output: str


@dataclass(frozen=True)
class Checkout:
    """A copy of the checkout, with the interpreter and the packages of this one."""

    root: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: str, variables: Mapping[str, str] | None = None) -> Finished:
        """Run a command as a reader's shell does, with the virtual environment active."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEAKS)}
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"],
            cwd=self.root,
            env={
                **kept,
                "PATH": f"{self.root / '.venv' / 'bin'}:{os.environ['PATH']}",
                # The scripts of the virtual environment would find the checkout that it belongs to.
                "PYTHONPATH": str(self.root),
                "HOME": str(self.root / ".home"),
                "LANG": "C.UTF-8",
                "AWS_EC2_METADATA_DISABLED": "true",
                **self.variables,
                **(variables or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        return Finished(command, done.returncode, done.stdout)

    def write(self, block: Block) -> Path:
        """Do what a block of code says: write the file that its first line names, or change it."""
        first, _, text = block.text.partition("\n")
        file = self.root / first.removeprefix("<!--").removesuffix("-->").strip(" #-")
        if block.language == "diff":
            self._change(file, text, block.place)
        elif block.language == "yaml":
            # An environment grows from block to block.
            with file.open("a", encoding="utf-8") as growing:
                growing.write(f"{text}\n")
        else:
            assert not file.exists(), f"{block.place}: {file.name} is there already"
            file.write_text(text, encoding="utf-8")
        return file

    def _change(self, file: Path, difference: str, place: str) -> None:
        lines = difference.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] != "+")
        after = "".join(line[1:] for line in lines if line[0] != "-")
        there = file.read_text(encoding="utf-8")
        assert there.count(before) == 1, f"{place}: {file.name} has not just one place that reads\n{before}"
        file.write_text(there.replace(before, after), encoding="utf-8")


def copy(folder: Path) -> Checkout:
    """Copy this checkout, as it is written now."""
    root = folder / "postflight"
    shutil.copytree(ROOT, root, ignore=_left_out)
    (root / ".home").mkdir()
    environment = root / ".venv"
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name not in _STAMPS:
            (environment / part.name).symlink_to(part)
    # All is installed, whatever the times of the copied files say.
    for stamp in _STAMPS:
        (environment / stamp).touch()
    return Checkout(root)


def _left_out(folder: str, names: list[str]) -> set[str]:
    own = {name for name in names if Path(folder, name) == _SANDBOX_RUNS}
    return own | _NOT_COPIED(folder, names)


def differences(said: str, finished: Finished) -> list[str]:
    """Return the lines of `said` that a command did not print, in their order.

    Figures, spaces and blank lines may differ; a line `…` stands for any lines, and `…` at the end of a
    line for its rest.
    """
    printed = iter([_plain(line) for line in finished.output.splitlines() if line.strip()])
    missing = []
    for line in (line for line in said.splitlines() if line.strip() not in {"", "…"}):
        wanted = _plain(line)
        begins = wanted.endswith("…")
        if not any(
            one == wanted or (begins and one.startswith(wanted.removesuffix("…").rstrip())) for one in printed
        ):
            missing.append(line)
    return missing


def _plain(line: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "0", " ".join(line.split()))
