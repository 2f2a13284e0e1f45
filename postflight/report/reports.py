"""The reports of one run, made once and written, redacted, into its folder and to whom they are for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from postflight.causes import Failure, links
from postflight.recording import redact_again
from postflight.redaction import Secrets, redacted
from postflight.report import allure, github, metrics, results, summary, terminal, webhook
from postflight.report.comparison import Comparison, compare, previous_run
from postflight.report.findings import Findings
from postflight.report.wanted import Wanted
from postflight.run import Run, point_latest
from postflight.verdicts import Outcome
from postflight.writing import Clean, write_text, write_whole

WIDEST = 120


class Reports:
    """What a run says of itself: files in its folder, Allure, GitHub, a chat, and the end of the terminal."""

    def __init__(
        self,
        run: Run,
        outcomes: Sequence[Outcome],
        exit_status: int,
        wanted: Wanted,
        unjudged: Sequence[Failure] = (),
    ) -> None:
        self._run = run
        self._wanted = wanted
        self._problems: list[str] = []
        if wanted.webhook:
            run.connections.secrets.add(wanted.webhook)
        outcomes = [_shown(one, run.connections.secrets) for one in outcomes]
        explanation = results.explained(outcomes, run.runbook, unjudged)
        ids = {one.id for one in outcomes}
        before = wanted.earlier
        if before is None and run.replayed is None:
            before = previous_run(run.folder.parent, run.environment.name, run.folder, ids)
        # What a replay judges was so when it was seen, not now.
        seen = run.replayed.seen if run.replayed is not None else None
        started = seen or run.started.isoformat(timespec="seconds")
        comparison = compare(before, outcomes, started) if before else Comparison()
        made = results.results(run, outcomes, explanation, exit_status)
        self._findings = Findings(
            results=made,
            outcomes=outcomes,
            explanation=explanation,
            comparison=comparison,
            waiver_notes=run.waiver_notes,
            replay=str(run.replayed) if run.replayed is not None else "",
            language=run.language,
            links=links(results.failures_of(outcomes), run.runbook, unjudged),
        )

    def write(self) -> None:
        """Write the files, point `reports/latest` at a live run's, and tell those who asked to be told."""
        folder = self._run.folder
        redact = self._run.connections.secrets.redact
        if self._run.replayed is None:
            # A secret may have been learned only after something that holds it was written.
            redact_again(self._run.evidence_folder, redact)
        found = self._findings
        told = results.text(found.results, found.outcomes, found.explanation, found.comparison, redact)
        write_whole(folder / "results.json", told)
        text = Clean(redact(summary.markdown(self._findings)))
        write_whole(folder / "summary.md", [text])
        write_text(folder / "metrics.prom", metrics.lines(self._findings, self._run.evidence_folder), redact)
        if self._run.replayed is None:
            self._point_latest(folder)
        if self._wanted.allure is not None:
            allure.complete(self._wanted.allure, self._findings, self._run)
        self._tell_github(text)
        if self._wanted.webhook:
            problem = webhook.send(self._wanted.webhook, redacted(webhook.message(self._findings), redact))
            if problem:
                self._problems.append(f"the summary webhook was not told: {problem}")

    def lines(self, width: int, here: Path) -> Iterator[terminal.Line]:
        """Yield what the terminal shows; paths as seen from `here`."""
        redact = self._run.connections.secrets.redact
        for line in terminal.lines(self._findings, min(width, WIDEST)):
            yield terminal.Line(redact(line.text), line.markup)
        folder = os.path.relpath(self._run.folder, here)
        yield terminal.Line(f"  {folder}/summary.md, results.json, evidence/", terminal.DIM)
        for problem in self._problems:
            yield terminal.Line(f"  {redact(problem)}", terminal.YELLOW)
        if github.is_actions(self._run.connections.process):
            yield from (
                terminal.Line(redact(one), is_command=True) for one in github.commands(self._findings)
            )

    def _point_latest(self, folder: Path) -> None:
        try:
            point_latest(folder)
        except OSError as error:
            self._problems.append(f"{folder.parent / 'latest'} was not renewed: {error.strerror}")

    def _tell_github(self, text: Clean) -> None:
        file = self._run.connections.process.get(github.SUMMARY_VARIABLE)
        if not file:
            return
        try:
            github.append_summary(Path(file), text)
        except OSError as error:
            self._problems.append(f"${github.SUMMARY_VARIABLE} was not written: {error.strerror}")


def _shown(one: Outcome, secrets: Secrets) -> Outcome:
    """Return an outcome without secrets, also in the parts that pytest's rendering leaves of them."""
    if one.verdict != "passed":
        one = replace(one, message=secrets.redact_rendered(one.message))
    return one.redacted(secrets.redact)
