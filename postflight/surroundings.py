"""What a run's questions depend on besides the environment's file, kept so that it can be replayed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from postflight.environment import Vantage
from postflight.environment.plaintext import is_secret_name
from postflight.redaction import masked

FILE = "surroundings.json"

_MAY_BE_SECRET = re.compile(r"(?i)(pass|pwd|secret|auth|_url$|_uri$|dsn|_key$)")


class UsedVariables(Mapping[str, str]):
    """Process variables, and which of them were looked at."""

    def __init__(self, process: Mapping[str, str]) -> None:
        self._process = process
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> str:
        value = self._process[name]
        self.used.add(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._process)

    def __len__(self) -> int:
        return len(self._process)


@dataclass(frozen=True)
class Replayed:
    """The run whose evidence a replay judges again: its folder, and what its results say of it.

    A run that was killed left no results, and so neither its environment nor its time.
    """

    folder: Path
    environment: str | None = None
    seen: str | None = None

    @property
    def evidence(self) -> Path:
        """Where its answers are."""
        return self.folder / "evidence"

    def __str__(self) -> str:
        when = f", seen at {self.seen}" if self.seen else ""
        return f"REPLAY of {self.folder.name}{when}: nothing was looked at now"


@dataclass(frozen=True)
class Surroundings:
    """The process variables that filled in an environment's file, and where the run stood."""

    vantage: Vantage
    variables: Mapping[str, str] = field(default_factory=dict)

    def write(self, run: Path) -> None:
        """Keep them in a run's folder; a variable that may hold a secret is left out."""
        kept = {
            name: value
            for name, value in sorted(self.variables.items())
            if not is_secret_name(name) and not _MAY_BE_SECRET.search(name) and masked(value) == value
        }
        text = json.dumps({"vantage": self.vantage, "variables": kept}, indent=2, ensure_ascii=False)
        (run / FILE).write_text(text + "\n", encoding="utf-8")


def recorded(run: Path) -> Surroundings:
    """Read what a run kept. Raises OSError, and ValueError where it is not what a run writes."""
    return TypeAdapter(Surroundings).validate_json((run / FILE).read_bytes())


def replayed(run: Path) -> Replayed:
    """Find the run that a replay of this folder judges: `latest` is a link, and a replay may be replayed.

    Raises OSError and ValueError.
    """
    folder = run.resolve(strict=True)
    told = _told(folder)
    if told and told.replayed and not (folder / "evidence").is_dir():
        # A replay has no evidence of its own; it says whose it judged.
        folder = Path(told.replayed).resolve(strict=True)
        told = _told(folder)
    if told:
        return Replayed(folder, told.env, told.started)
    # A run that was killed has kept where it stood at least.
    recorded(folder)
    return Replayed(folder)


@dataclass(frozen=True)
class _Run:
    """What is read of the run in its results."""

    env: str
    started: str
    replayed: str | None = None


@dataclass(frozen=True)
class _Results:
    run: _Run


def _told(run: Path) -> _Run | None:
    """Return what a run's results say of the run itself; None where a run was killed before."""
    file = run / "results.json"
    return TypeAdapter(_Results).validate_json(file.read_bytes()).run if file.is_file() else None
