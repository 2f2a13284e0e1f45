"""The least that a run can take: a process that starts and imports, and the longest chain of round trips."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import PYTEST, green, quickest, run
from bench.sandboxes import ROOT

# What has begun so shortly before another look ended did not wait for it.
SLACK_S = 0.002
CANDIDATES = 3
IDENTITY = ("aws.sts.caller", "aws.eks.cluster", "kubernetes.context.context")
_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Look:
    """One recorded look: when it began and ended."""

    probe: str
    began: float
    ended: float


@dataclass(frozen=True)
class Bound:
    """The parts of the lower bound."""

    imports_s: float
    bring_up_s: float
    chain_s: float
    chain_of: str

    @property
    def seconds(self) -> float:
        """The whole of it."""
        return self.imports_s + self.bring_up_s + self.chain_s

    @property
    def parts(self) -> str:
        """Say what it is made of."""
        chain = f"chain {self.chain_s:.2f} of {self.chain_of.rpartition('::')[2]}"
        return f"imports {self.imports_s:.2f}, bring_up {self.bring_up_s:.2f}, {chain}"


def looks_of(evidence: Path, files: Iterable[str]) -> list[Look]:
    """Read when the looks of these files were under way."""
    found = []
    for name in files:
        file = evidence / name
        if file.is_file():
            kept = json.loads(file.read_text(encoding="utf-8"))
            found.append(Look(kept["probe"], kept["began"], kept["began"] + kept["duration_s"]))
    return found


def longest_chain(looks: Sequence[Look]) -> float:
    """Return the longest time of looks of which each began after the one before it had ended."""
    in_turn = sorted(looks, key=lambda look: look.began)
    longest: list[float] = []
    for position, look in enumerate(in_turn):
        before = (
            longest[earlier] for earlier in range(position) if in_turn[earlier].ended <= look.began + SLACK_S
        )
        longest.append(look.ended - look.began + max(before, default=0.0))
    return max(longest, default=0.0)


def chains(run_folder: Path) -> dict[str, float]:
    """Return the longest chain of each check of a run: its looks, and those that told where we are."""
    results = json.loads((run_folder / "results.json").read_text(encoding="utf-8"))
    evidence = run_folder / "evidence"
    places = [file.name for file in evidence.iterdir() if file.name.startswith(IDENTITY)]
    place = sum(look.ended - look.began for look in looks_of(evidence, places))
    return {
        one["id"]: place
        + longest_chain(looks_of(evidence, [name for name in one["evidence"] if name not in places]))
        for one in results["checks"]
    }


def imported(variables: Mapping[str, str], reports: Path, names: Path) -> Path:
    """Write down which modules a run imports, in order."""
    command = (
        PYTEST[0],
        "-X",
        "importtime",
        *PYTEST[1:],
        "--env",
        "sandbox",
        "-q",
        "--reports",
        str(reports),
    )
    done = green(run(command, variables, ROOT))
    names.write_text("\n".join(_IMPORTED.findall(done.errors)), encoding="utf-8")
    return names


def measure(variables: Mapping[str, str], folder: Path, rounds: int) -> Bound:
    """Measure the lower bound against the sandbox that `variables` lead to."""
    reports = folder / "bound"
    names = imported(variables, reports, folder / "imported.txt")
    preloaded = (sys.executable, str(ROOT / "bench" / "preloaded.py"), str(names))
    imports = quickest(preloaded, variables, ROOT, rounds + 1).wall_s
    bring_up = quickest((sys.executable, "-m", "sandbox", "up", "--attach"), variables, ROOT, rounds).wall_s
    found = chains(reports / "latest")
    longest = sorted(found, key=lambda name: found[name], reverse=True)
    candidates = list({name.partition("[")[0]: name for name in longest}.values())[:CANDIDATES]
    alone = {name: _alone(name, preloaded, variables, folder, rounds) for name in candidates}
    chain_of = max(alone, key=lambda name: alone[name])
    return Bound(imports, bring_up, alone[chain_of], chain_of)


def _alone(
    name: str, preloaded: Sequence[str], variables: Mapping[str, str], folder: Path, rounds: int
) -> float:
    """Return the chain of one check when nothing else is looked at and all is imported."""
    reports = folder / "alone"
    options = ("--env", "sandbox", "-q", "--reports", str(reports), name)
    taken = []
    for _ in range(min(rounds, 2)):
        green(run((*preloaded, *options), variables, ROOT))
        taken.append(chains(reports / "latest")[name])
    return min(taken)
