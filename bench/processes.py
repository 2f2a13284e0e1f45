"""Processes, timed: by the clock on the wall, and by the CPU that they and their children used."""

import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PYTEST = (sys.executable, "-m", "pytest")
# Whoever takes longer than this has fewer rounds: the bench as a whole is for every day.
PATIENCE_S = 15.0


@dataclass(frozen=True)
class Cost:
    """What one process took, and what it said."""

    wall_s: float
    cpu_s: float
    status: int
    output: str
    errors: str

    @property
    def last_words(self) -> str:
        """The last line that it printed."""
        return next(reversed((self.output or self.errors).strip().splitlines()), "")


def run(command: Sequence[str], variables: Mapping[str, str], folder: Path) -> Cost:
    """Run a command to its end; what it returns is the caller's business."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(
        command,
        env=dict(variables),
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, done.returncode, done.stdout, done.stderr)


def green(cost: Cost) -> Cost:
    """Return a cost whose process ended well: what a failure takes is not what is compared."""
    if cost.status:
        raise RuntimeError(f"it ended with {cost.status}, not 0: {cost.output[-1500:]}{cost.errors[-1500:]}")
    return cost


@dataclass(frozen=True)
class Best:
    """The quickest of some rounds, and how many there were."""

    cost: Cost
    rounds: int

    @property
    def wall_s(self) -> float:
        """What the quickest took."""
        return self.cost.wall_s


def quickest(
    command: Sequence[str],
    variables: Mapping[str, str],
    folder: Path,
    rounds: int,
    patience_s: float = PATIENCE_S,
) -> Best:
    """Run a command several times and return the quickest that was green: what slows the others is not it."""
    costs: list[Cost] = []
    while not costs or (len(costs) < rounds and sum(cost.wall_s for cost in costs) < patience_s):
        costs.append(run(command, variables, folder))
    return Best(green(min(costs, key=lambda cost: (cost.status != 0, cost.wall_s))), len(costs))


def cheapest(command: Sequence[str], variables: Mapping[str, str], folder: Path, rounds: int) -> Cost:
    """Run a command several times and return the one that used least CPU."""
    return min((run(command, variables, folder) for _ in range(rounds)), key=lambda cost: cost.cpu_s)
