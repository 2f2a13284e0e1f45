"""The reports of one run, made once and written, redacted, into its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from postflight.report import results, summary, terminal
from postflight.report.comparison import Comparison, compare, previous_run, read_results
from postflight.report.findings import Findings
from postflight.run import Run, point_latest, write_json
from postflight.verdicts import Outcome
from postflight.waivers import notes

WIDEST = 120


class Reports:
    """What a run says of itself: results.json, summary.md and the end of the terminal's output."""

    def __init__(self, run: Run, outcomes: Sequence[Outcome], exit_status: int, earlier: Path | None) -> None:
        """`earlier`: the run to compare with; default: the environment's previous one."""
        self._run = run
        explanation = results.explained(outcomes, run.runbook)
        before = earlier or previous_run(run.folder.parent, run.environment.name, run.folder)
        started = run.started.isoformat(timespec="seconds")
        comparison = compare(read_results(before), outcomes, started) if before else Comparison()
        made = results.results(run, outcomes, explanation, comparison, exit_status)
        told = notes(run.environment.waivers, outcomes, run.runbook, run.started)
        self._findings = Findings(
            results=_redacted(made, run),
            outcomes=outcomes,
            explanation=explanation,
            comparison=comparison,
            waiver_notes=[note.text for note in told],
        )

    def write(self) -> None:
        """Write the files and point `reports/latest` at them."""
        write_json(self._run.folder / "results.json", self._findings.results)
        text = self._run.connections.secrets.redact(summary.markdown(self._findings))
        (self._run.folder / "summary.md").write_text(text, encoding="utf-8")
        point_latest(self._run.folder)

    def lines(self, width: int, here: Path) -> Iterator[terminal.Line]:
        """Yield what the terminal shows; paths as seen from `here`."""
        redact = self._run.connections.secrets.redact
        for line in terminal.lines(self._findings, min(width, WIDEST)):
            yield terminal.Line(redact(line.text), line.markup)
        folder = os.path.relpath(self._run.folder, here)
        yield terminal.Line(f"{folder}/summary.md, results.json, evidence/", terminal.DIM)


def _redacted(value: Any, run: Run) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(item, run) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, run) for item in value]
    return run.connections.secrets.redact(value) if isinstance(value, str) else value
