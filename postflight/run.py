"""What one run knows: the environment, where it stands, its answers, and its folder under `reports/`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from postflight.environment import Environment, Subject
from postflight.evidence import Answers, LiveAnswers, Question
from postflight.identity import Identity
from postflight.patience import Patience
from postflight.probes.connections import Connections
from postflight.recording import Recording
from postflight.runbook import Entry
from postflight.subjects import Ask, rows
from postflight.surroundings import Replayed


@dataclass(frozen=True, slots=True)
class Seen:
    """Evidence, and the questions that it is made of.

    `renewals`: how often a question had been asked again when it was made; `since`: how old it may be.
    """

    evidence: object
    asked: tuple[Question, ...]
    renewals: int = 0
    since: float = 0.0


@dataclass
class Run:
    """One run of the suite over one environment.

    `not_before`: evidence that was looked for earlier is asked for anew; seconds since the epoch.
    """

    environment: Environment
    connections: Connections
    answers: Answers
    runbook: Mapping[str, Entry]
    folder: Path
    identity: Identity
    language: str = "en"
    release: str | None = None
    patience: Patience = field(default_factory=Patience)
    until: float | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    not_declared: dict[str, str] = field(default_factory=dict)
    waiver_notes: list[str] = field(default_factory=list)
    replayed: Replayed | None = None
    not_before: float = 0.0
    _questions: dict[Question, Question] = field(default_factory=dict)
    _asked: dict[tuple[str, str | None], tuple[Question, ...]] = field(default_factory=dict)
    _seen: dict[tuple[str, str | None], Seen] = field(default_factory=dict)

    def evidence(self, fixture: str, declared: Subject | None, since: float = 0.0) -> Seen:
        """Return the evidence of one fixture about one subject, and what was asked. Raises Unverified.

        It is put together once for all checks, unless something has been looked at again since then.
        """
        about, renewals = _about(fixture, declared), self.answers.renewals
        since = max(since, self.not_before)
        kept = self._seen.get(about)
        if kept is not None and kept.renewals == renewals and kept.since >= since:
            return kept
        ask = Ask(self.answers, self.connections, since, self.release)
        try:
            found = rows()[fixture].evidence(ask, self.environment, declared)
        finally:
            # A listing is asked for by each subject in words of its own: of equal ones the first is kept.
            self._asked[about] = tuple(self._questions.setdefault(one, one) for one in ask.asked)
        seen = self._seen[about] = Seen(found, self._asked[about], renewals, since)
        return seen

    @property
    def evidence_folder(self) -> Path:
        """Where this run's answers are recorded; for a replay, where they were."""
        return self.replayed.evidence if self.replayed is not None else self.folder / "evidence"

    def evidence_files(self, fixtures: Iterable[str], declared: Subject | None) -> list[str]:
        """Return the names of the files under `evidence/` that these fixtures of a subject were made of."""
        known = rows()
        asked = (self._asked.get(_about(name, declared), ()) for name in fixtures if name in known)
        return list(dict.fromkeys(question.file_name for questions in asked for question in questions))


def _about(fixture: str, declared: Subject | None) -> tuple[str, str | None]:
    return fixture, declared.name if declared is not None and rows()[fixture].kind else None


def new_folder(reports: Path, environment: str, now: datetime) -> Path:
    """Make the folder of a run, `reports/<environment>-<time>/`, never an existing one."""
    stem = f"{environment}-{now:%Y%m%dT%H%M%SZ}"
    for attempt in range(1000):
        folder = reports / (stem if attempt == 0 else f"{stem}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{reports / stem}: a thousand runs began in this second")


def discard(folder: Path) -> None:
    """Remove the folder of a run that judged nothing, as far as that can be done."""
    shutil.rmtree(folder, ignore_errors=True)


def point_latest(folder: Path) -> None:
    """Make `reports/latest` a link to `folder`, in one step."""
    temporary = folder.parent / f".latest-{folder.name}"
    temporary.symlink_to(folder.name)
    temporary.replace(folder.parent / "latest")


def live_answers(folder: Path, connections: Connections, *, shared: bool, until: float | None) -> LiveAnswers:
    """Return answers from the live environment, kept under the run's `evidence/`, redacted.

    `shared`: other processes (pytest-xdist workers) ask the same questions and keep them in the same folder.
    `until`: when the run must have ended, in seconds since the epoch.
    """
    return LiveAnswers(Recording(folder / "evidence", connections.secrets.redact), shared=shared, until=until)
