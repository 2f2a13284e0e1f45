"""One run from options to reports: what the hooks of the plugin call."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from postflight import collection, options, runbook
from postflight.announcer import Announcer, ignore
from postflight.bring_up import BringUpError, BroughtUp, bring_up
from postflight.causes import Explanation
from postflight.environment import (
    Environment,
    EnvironmentFileError,
    Subject,
    Vantage,
    available,
    find,
    load,
)
from postflight.evidence import Answers, LiveAnswers, Unverified
from postflight.identity import Identity, WrongPlaceError, establish
from postflight.patience import Attempt, Patience
from postflight.probes.connections import Connections
from postflight.recording import RecordedAnswers
from postflight.report import results as results_report
from postflight.report import summary, terminal
from postflight.run import Run, Seen, live_answers, new_folder, point_latest, write_json
from postflight.second_look import SecondLook, arguments
from postflight.subjects import Ask, rows
from postflight.verdicts import Outcome, judge

SETTLED_AFTER_S = pytest.StashKey[float]()

_CONCURRENCY = 48
_NOTHING_FAILED = {int(pytest.ExitCode.OK), int(pytest.ExitCode.TESTS_FAILED)}
EXIT_UNVERIFIED = 6


def vantage_of(option: str | None, process: Mapping[str, str]) -> Vantage:
    """Tell where a run stands: as asked for, else inside if a cluster started this process."""
    if option is not None:
        return cast("Vantage", option)
    return "inside" if "KUBERNETES_SERVICE_HOST" in process else "outside"


class Session:
    """The state of one run, from the first hook to the last."""

    def __init__(self, config: pytest.Config, file: Path) -> None:
        self._config = config
        self._file = file
        self._root = config.rootpath
        self.environment = _loaded(file)
        self._vantage = vantage_of(config.getoption("--vantage"), os.environ)
        self.collection = collection.Collection(self.environment, self._vantage, rows())
        self._brought_up: BroughtUp | None = None
        self._outcomes: dict[str, Outcome] = {}
        self._results: dict[str, Any] | None = None
        self._explanation: Explanation | None = None
        self._run: Run | None = None

    @staticmethod
    def from_options(config: pytest.Config) -> Session:
        """Make the session that the command line asks for. Raises pytest.UsageError."""
        folder = config.rootpath / "environments"
        name = options.chosen_environment(config)
        if name is None:
            names = ", ".join(available(folder))
            raise pytest.UsageError(
                "which environment? Say `pytest --env NAME`, with one of the files in environments/ "
                f"({names}) or a path to one. `pytest --env sandbox` needs no cloud."
            )
        try:
            session = Session(config, find(name, folder))
        except EnvironmentFileError as error:
            raise pytest.UsageError(str(error)) from None
        if session.environment.production and not _asked_for_by_name(config):
            raise pytest.UsageError(
                f"{session.environment.name} is a production environment and is only verified when the "
                f"command line names it: pytest --env {session.environment.name}"
            )
        return session

    def collection_fixtures(self) -> ModuleType:
        """Return the fixtures that checks may use."""
        fixtures = collection.fixtures(rows(), self._look)
        fixture = pytest.fixture(name="environment")(lambda: self.environment)
        fixtures.fixture_environment = fixture  # type: ignore[attr-defined]
        return fixtures

    def _look(self, fixture: str, declared: Subject | None) -> object:
        if self._run is None:
            raise Unverified("the run has not begun")
        return self._run.evidence(fixture, declared).evidence

    def begin(self, config: pytest.Config) -> None:
        """Bring up, establish identity, open the run's folder. Raises pytest.UsageError (exit status 4)."""
        replayed: str | None = config.getoption("--replay")
        given = options.given_by_xdist(config)
        if self.environment.bring_up and replayed is None and given is None:
            self._bring_up(config)
        connections = Connections(self.environment, self._vantage, os.environ)
        folder = Path(given["folder"]) if given else self._new_folder(config)
        answers: Answers
        if replayed is not None:
            answers = RecordedAnswers(self._root / replayed / "evidence")
        else:
            answers = live_answers(folder, connections, shared=given is not None)
        self._run = Run(
            environment=self.environment,
            connections=connections,
            answers=answers,
            runbook=runbook.load(self._root / "runbook"),
            folder=folder,
            identity=Identity(**given["identity"]) if given else self._identity(answers, connections),
            release=config.getoption("--release"),
            patience=self._patience(config, given),
        )

    def _patience(self, config: pytest.Config, given: Mapping[str, Any] | None) -> Patience:
        if given is not None:
            return Patience(given["patience_s"], given["began"])
        asked: str | None = config.getoption("--patience")
        try:
            budget_s = options.seconds(asked if asked is not None else self.environment.patience)
        except ValueError as error:
            raise pytest.UsageError(f"--patience: {error}") from None
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        return Patience(budget_s, announce=Announcer(reporter) if reporter else ignore)

    def _new_folder(self, config: pytest.Config) -> Path:
        return new_folder(options.reports_folder(config), self.environment.name, datetime.now(UTC))

    def _identity(self, answers: Answers, connections: Connections) -> Identity:
        try:
            return establish(self.environment, Ask(answers, connections))
        except WrongPlaceError as error:
            raise pytest.UsageError(str(error)) from None
        except Unverified as error:
            raise pytest.UsageError(f"cannot tell where we are, so no check was run. {error}") from None

    def for_worker(self) -> dict[str, Any]:
        """Return what a pytest-xdist worker must know to be part of this run."""
        if self._run is None:
            return {}
        return {
            "folder": str(self._run.folder),
            "identity": self._run.identity.as_json(),
            "patience_s": self._run.patience.budget_s,
            "began": self._run.patience.began,
        }

    def from_worker(self) -> dict[str, Any]:
        """Return what a worker tells the controller when it ends."""
        if self._run is None:
            return {}
        return {"calls": self._run.connections.calls.by_protocol(), "left_out": self.collection.left_out}

    def gather_worker(self, told: Mapping[str, Any]) -> None:
        """Take in what a worker told when it ended."""
        if self._run is not None and told:
            self._run.connections.calls.add(told["calls"])
            self._run.not_declared.update(told["left_out"])

    def _bring_up(self, config: pytest.Config) -> None:
        command = self.environment.bring_up
        if command is None:
            return
        faults = [part for fault in config.getoption("--fault") for part in ("--fault", fault)]
        try:
            self._brought_up = bring_up(command, self._root, tuple(faults))
        except BringUpError as error:
            raise pytest.UsageError(str(error)) from None
        os.environ.update(self._brought_up.variables)
        self.environment = _loaded(self._file)
        # Subjects carry what is known only now, such as ports.
        self.collection = collection.Collection(self.environment, self._vantage, rows())

    def header(self) -> list[str]:
        """Say what this run looks at: environment, account, region, cluster, who, from where."""
        if self._run is None:
            return [f"environment: {self.environment.name} (nothing is looked at)"]
        identity: Identity = self._run.identity
        cluster = f", cluster {identity.cluster}" if identity.cluster else ""
        context = f" (context {identity.context})" if identity.context else ""
        where = f"account {identity.account}, region {identity.region}{cluster}{context}"
        return [
            f"environment: {self.environment.name}, {where}",
            f"as: {identity.caller}, from {self._vantage} the cluster's network",
        ]

    def prefetch(self, items: Sequence[pytest.Item]) -> None:
        """Ask for the evidence of `items` at once, in daemon threads."""
        run = self._run
        if run is None or not isinstance(run.answers, LiveAnswers):
            return
        known = rows()
        tasks: dict[tuple[str, str | None], partial[Seen]] = {}
        for item in items:
            _, subject = collection.subject_of(item)
            for name in getattr(item, "fixturenames", ()):
                if name in known:
                    key = (name, subject.name if subject is not None and known[name].kind else None)
                    tasks.setdefault(key, partial(run.evidence, name, subject))
        run.answers.prefetch(tasks.values(), _CONCURRENCY)

    def settle(self, item: pytest.Function) -> None:
        """Judge a check that has just failed again, on newer evidence, while patience lasts.

        A failure on old evidence is looked at once more even without patience. Raises AssertionError.
        """
        run = self._run
        if run is None or not isinstance(run.answers, LiveAnswers):
            item.obj(**arguments(item))
            return
        second_look = SecondLook(item, run, run.answers)
        if run.patience.left_s > 0 and not second_look.is_doomed():
            run.patience.settle(Attempt(second_look.judge, second_look.refresh, second_look.is_doomed))
            item.stash[SETTLED_AFTER_S] = round(time.time() - run.patience.began, 1)
            return
        if second_look.is_old():
            second_look.refresh()
        second_look.judge()

    def judge(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome | None:
        """Return the outcome of a phase that says something: a call, or a set-up or tear-down that failed."""
        if self._run is None or (call.when != "call" and call.excinfo is None):
            return None
        settled = item.stash.get(SETTLED_AFTER_S, None) if call.excinfo is None else None
        return judge(item, call, self.environment, self._run.runbook, settled_after_s=settled)

    def gather(self, data: Mapping[str, Any]) -> None:
        """Keep an outcome; of two for one check the later (a failed tear-down) stands."""
        outcome = Outcome.from_json(data)
        self._outcomes[outcome.id] = outcome

    def finish(self, exit_status: int) -> int:
        """Write the reports and return the run's exit status."""
        run = self._run
        if run is None:
            return exit_status
        outcomes = list(self._outcomes.values())
        status = self._status(outcomes, exit_status)
        run.not_declared.update(self.collection.left_out)
        self._explanation = results_report.explained(outcomes, run.runbook)
        self._results = results_report.results(run, outcomes, self._explanation, status)
        write_json(run.folder / "results.json", self._redacted(self._results))
        text = summary.markdown(self._results, outcomes, self._explanation)
        (run.folder / "summary.md").write_text(run.connections.secrets.redact(text), encoding="utf-8")
        point_latest(run.folder)
        return status

    def _status(self, outcomes: Sequence[Outcome], exit_status: int) -> int:
        verdicts = {one.verdict for one in outcomes}
        if exit_status not in _NOTHING_FAILED or "failed" in verdicts:
            return exit_status
        if "unverified" in verdicts:
            return 0 if self._config.getoption("--allow-unverified") else EXIT_UNVERIFIED
        return exit_status

    def _redacted(self, value: Any) -> Any:
        redact = self._run.connections.secrets.redact if self._run is not None else str
        if isinstance(value, dict):
            return {key: self._redacted(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._redacted(item) for item in value]
        return redact(value) if isinstance(value, str) else value

    def summary_lines(self, width: int) -> Iterator[terminal.Line]:
        """Yield the end of the terminal's output."""
        if self._run is None or self._results is None or self._explanation is None:
            return
        redact = self._run.connections.secrets.redact
        for line in terminal.lines(
            self._results, list(self._outcomes.values()), self._explanation, min(width, 120)
        ):
            yield terminal.Line(redact(line.text), line.markup)
        folder = os.path.relpath(self._run.folder, self._config.invocation_params.dir)
        yield terminal.Line(f"{folder}/summary.md, results.json, evidence/", terminal.DIM)

    def end(self) -> None:
        """Take down what this run brought up."""
        if self._brought_up is not None:
            self._brought_up.take_down()
            self._brought_up = None


def _loaded(file: Path) -> Environment:
    return load(file, os.environ)


def _asked_for_by_name(config: pytest.Config) -> bool:
    return options.is_xdist_worker(config) or options.is_named_on_the_command_line(config)
