"""Answers as a run has kept them, for rows and identity to be asked without a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postflight.evidence import LiveAnswers, Looking


@dataclass(frozen=True)
class Partly:
    """Answers of a run for some probes, and those of a live environment for all others."""

    renewals = 0

    by_probe: Mapping[str, Any]
    live: LiveAnswers

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return what was recorded, else look."""
        recorded = self.by_probe.get(looking.question.probe)
        return self.live.ask(looking, since) if recorded is None else recorded


@dataclass(frozen=True)
class Recorded:
    """Answers of a run: one for each probe."""

    renewals = 0

    by_probe: Mapping[str, Any]

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return what was recorded; when it was looked for is all the same."""
        del since
        return self.by_probe[looking.question.probe]
