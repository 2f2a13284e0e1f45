"""What a section of the bench tells: one measurement a row, each against a peer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

TOLERANCE = 1.2  # a shared machine is noisy: the exit status counts a budget as missed beyond a fifth only


@dataclass(frozen=True)
class Options:
    """How to measure: rounds to take the best of, a folder to work in, somebody to tell of progress."""

    folder: Path
    say: Callable[[str], None]
    rounds: int = 3
    latencies_ms: tuple[int, ...] = (0, 50, 100)


@dataclass(frozen=True)
class Measurement:
    """One figure and what it is held against; `budget` is the highest ratio to its peer.

    A plain limit is a peer as well: `peer="limit", peer_value=0.6, budget=1.0`. "At least 8 times faster than
    a peer" is `budget=1 / 8`. A peer that could not be measured has no value, and `note` says why.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    budget: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return how many times the peer's value this one is."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def is_over(self) -> bool:
        """Whether the ratio is above the budget, by however little."""
        return self.budget is not None and self.ratio is not None and self.ratio > self.budget

    @property
    def verdict(self) -> str:
        """Say what became of the budget; the tolerance is for the exit status, it makes nothing kept."""
        if self.budget is None or self.ratio is None:
            return ""
        return "missed" if self.is_missed else "over, within noise" if self.is_over else "kept"

    @property
    def is_missed(self) -> bool:
        """Whether the budget is missed by more than what noise explains."""
        return self.budget is not None and self.ratio is not None and self.ratio > self.budget * TOLERANCE


Section = Callable[[Options], Iterator[Measurement]]
