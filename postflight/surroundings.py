"""What a run's questions depend on besides the environment's file, kept so that it can be replayed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
    """Read what a run kept. Raises OSError and ValueError."""
    kept = json.loads((run / FILE).read_text(encoding="utf-8"))
    return Surroundings(kept["vantage"], kept["variables"])
