"""What a run found, and its totals in words: the matter of every report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from postflight.causes import Explanation
from postflight.report import told
from postflight.report.comparison import Comparison
from postflight.report.text import counted
from postflight.verdicts import Outcome

_PROTOCOLS = {
    "aws": "AWS",
    "kubernetes": "Kubernetes",
    "http": "HTTP",
    "dns": "DNS",
    "redis": "Redis",
    "sql": "SQL",
    "tcp": "TCP",
    "tls": "TLS",
}


@dataclass(frozen=True)
class Findings:
    """A run's outcomes, what explains them, what changed since, and its `results.json`.

    `links`: for each failure the failures that its runbook entry leads to directly. `replay` says whose
    evidence was judged again, and is empty for a live run. `language` is the runbook's.
    """

    results: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    explanation: Explanation
    comparison: Comparison
    waiver_notes: Sequence[str] = ()
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    replay: str = ""
    language: str = "en"

    @cached_property
    def by_id(self) -> Mapping[str, Outcome]:
        """The outcomes by their id."""
        return {one.id: one for one in self.outcomes}

    def of_verdict(self, verdict: str) -> list[Outcome]:
        """Return the outcomes of one verdict, in the order they ran."""
        return [one for one in self.outcomes if one.verdict == verdict]

    @cached_property
    def _in_trouble(self) -> Mapping[str, int]:
        told_of = (
            one
            for one in self.outcomes
            if (one.verdict != "passed" or one.settled_after_s is not None)
            and not self.explanation.because_of.get(one.id)
        )
        return {one.id: place for place, one in enumerate(told_of)}

    def place_in_trouble(self, one: Outcome) -> float:
        """Return how many outcomes were in trouble before this one, without consequences; else infinity."""
        return self._in_trouble.get(one.id, float("inf"))

    def causes(self) -> list[told.Cause]:
        """Return the causes with their consequences; the one that breaks most comes first.

        Alike causes are told as one in several places.
        """
        return told.in_turn(
            told.causes(
                (self.by_id[cause], [self.by_id[one] for one in self.explanation.consequences(cause)])
                for cause in self.explanation.causes
            )
        )

    def totals(self) -> str:
        """Return the totals in words: `212 passed, 3 failed (1 cause, 2 consequences), 1 unverified`.

        A cause in several places says so: `1 cause in 3 places`.
        """
        counts = Counter(one.verdict for one in self.outcomes)
        parts = [f"{counts['passed']} passed"]
        if counts["failed"]:
            told_as, places = len(self.causes()), len(self.explanation.causes)
            causes = counted(told_as, "cause") + (f" in {places} places" if places > told_as else "")
            consequences = counted(len(self.explanation.because_of), "consequence")
            parts.append(f"{counts['failed']} failed ({causes}, {consequences})")
        parts.extend(
            f"{counts[verdict]} {verdict}" for verdict in ("unverified", "waived") if counts[verdict]
        )
        return ", ".join(parts)

    def calls(self) -> str:
        """Return the calls in words: `41 AWS, 18 Kubernetes, 23 HTTP`."""
        numbers = {
            protocol: sum(count.values()) if isinstance(count, Mapping) else count
            for protocol, count in self.results["calls"].items()
        }
        words = [f"{number} {_PROTOCOLS.get(protocol, protocol)}" for protocol, number in numbers.items()]
        return ", ".join(words) or "none"

    def changes(self) -> str | None:
        """Return what changed since the earlier run in words, if there was one and anything did."""
        groups = [f"{len(ids)} {name}" for name, ids in self.comparison.groups()]
        return f"since {self.comparison.earlier}: {', '.join(groups)}" if groups else None
