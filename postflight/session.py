"""One run from options to reports: what the hooks of the plugin call."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from postflight import beginning, collection, options
from postflight.bring_up import BroughtUp
from postflight.doomed import Doomed
from postflight.environment import Subject
from postflight.evidence import LiveAnswers, Unverified
from postflight.patience import Attempt, again_judged
from postflight.redaction import redact_file
from postflight.report import terminal
from postflight.report.redaction import redacted
from postflight.report.reports import Reports
from postflight.report.wanted import wanted
from postflight.run import Run, Seen
from postflight.second_look import SecondLook
from postflight.subjects import rows
from postflight.surroundings import Surroundings, UsedVariables
from postflight.verdicts import Outcome, failure_of, judge, lost, undeclared
from postflight.waivers import waived

SETTLED_AFTER_S = pytest.StashKey[float]()
EXIT_UNVERIFIED = 6

_CONCURRENCY = 48
_HURRY_S = 1.2
_LONGEST_LOOK_S = 30.0
_NOTHING_FAILED = {int(pytest.ExitCode.OK), int(pytest.ExitCode.TESTS_FAILED)}


class Session:
    """The state of one run, from the first hook to the last."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = beginning.environment_file(config)
        self._surroundings = beginning.surroundings(config)
        self._vantage = self._surroundings.vantage
        self._brought_up: BroughtUp | None = None
        self._run: Run | None = None
        self._reports: Reports | None = None
        self._doomed: Doomed | None = None
        self._outcomes: dict[str, Outcome] = {}
        self._order: dict[str, int] = {}
        self._wanted = wanted(config, os.environ)
        self._load()

    def _load(self) -> None:
        self._variables = UsedVariables(self._surroundings.variables)
        self.environment = beginning.environment(self._config, self._file, self._variables)
        self.collection = collection.Collection(
            self.environment, self._vantage, rows(), release=options.release(self._config)
        )

    def fixtures(self) -> ModuleType:
        """Return the fixtures that checks may use, in a module for pytest to register."""
        module = collection.fixtures(rows(), self._look)
        environment = pytest.fixture(name="environment")(lambda: self.environment)
        module.fixture_environment = environment  # type: ignore[attr-defined]
        return module

    def _look(self, fixture: str, declared: Subject | None) -> object:
        if self._run is None:
            raise Unverified("the run has not begun")
        return self._run.evidence(fixture, declared).evidence

    def begin(self) -> None:
        """Bring up, establish identity, open the run's folder. Raises pytest.UsageError (exit status 4)."""
        began = time.monotonic()
        self._brought_up = beginning.brought_up(self._config, self.environment)
        if self._brought_up is not None:
            # The file's ${VARIABLES} have their real values only now.
            self._load()
        self._run = beginning.begin(self._config, self.environment, self._vantage, began)
        if not options.is_xdist_worker(self._config):
            used = {name: self._variables[name] for name in self._variables.used}
            Surroundings(self._vantage, used).write(self._run.folder)

    def header(self) -> list[str]:
        """Say what this run looks at: environment, account, region, cluster, who, from where."""
        if self._run is None:
            return [f"environment: {self.environment.name} (nothing is looked at)"]
        identity = self._run.identity
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

    def settle(self, item: pytest.Function, failure: AssertionError) -> None:
        """Judge a check that has just failed again, on newer evidence, while patience lasts.

        A failure on old evidence is looked at once more even without patience. Raises AssertionError.
        """
        run = self._run
        if run is None or not isinstance(run.answers, LiveAnswers):
            raise failure
        second_look = SecondLook(item, run, run.answers)
        is_in_vain = partial(self._is_in_vain, item, run, second_look)
        attempt = Attempt(second_look.judge, second_look.refresh, is_in_vain)
        if run.patience.left_s > 0 and not is_in_vain():
            run.patience.settle(attempt, failure)
            item.stash[SETTLED_AFTER_S] = round(time.time() - run.patience.began, 1)
        elif second_look.is_old():
            again_judged(attempt, failure)
        else:
            raise failure

    def _is_in_vain(self, item: pytest.Function, run: Run, second_look: SecondLook) -> bool:
        """Whether what is wrong cannot heal by itself, or follows from what cannot."""
        if self._doomed is None:
            self._doomed = Doomed(run.runbook)
        failure = failure_of(item, self.environment)
        if second_look.is_doomed():
            self._doomed.add(failure)
            return True
        return self._doomed.leads_to(failure)

    def judge(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome | None:
        """Return the outcome of a phase that says something: a call, or a set-up or tear-down that failed."""
        if self._run is None or (call.when != "call" and call.excinfo is None):
            return None
        settled = item.stash.get(SETTLED_AFTER_S, None) if call.excinfo is None else None
        _, subject = collection.subject_of(item)
        outcome = judge(item, call, self.environment, self._run.runbook, settled_after_s=settled)
        seen = self._run.evidence_files(getattr(item, "fixturenames", ()), subject)
        # Here the secrets are known that were seen; what leaves this process must not hold them.
        outcome = replace(outcome, evidence=seen).redacted(self._run.connections.secrets.redact)
        return waived(outcome, self.environment.waivers, self._run.started)

    def redact(self, report: pytest.TestReport) -> None:
        """Take secrets out of what pytest itself tells: tracebacks with locals, and captured output."""
        if self._run is None:
            return
        told = report.longreprtext
        kept = redacted(told, self._run)
        if kept != told:
            report.longrepr = kept
        report.sections = [(title, redacted(text, self._run)) for title, text in report.sections]

    def gather(self, data: Mapping[str, Any]) -> None:
        """Keep an outcome; of two for one check (its call, and a failed tear-down) the worse stands."""
        outcome = Outcome.from_json(data)
        before = self._outcomes.get(outcome.id)
        if before is None or before.verdict != "failed":
            self._outcomes[outcome.id] = outcome

    def gather_lost(self, report: pytest.TestReport) -> None:
        """Keep a check that has no verdict: the worker that judged it is gone."""
        told = next(iter(report.longreprtext.splitlines()), "no more is known")
        self._outcomes[report.nodeid] = lost(report.nodeid, told)

    def put_in_order(self, ids: Sequence[str]) -> None:
        """Tell outcomes in this order: workers end theirs in any."""
        self._order = {one: position for position, one in enumerate(ids)}

    def for_worker(self) -> dict[str, Any] | None:
        """Return what a pytest-xdist worker must know to be part of this run."""
        return beginning.for_worker(self._run) if self._run is not None else None

    def from_worker(self, exit_status: int) -> dict[str, Any]:
        """Return what a worker tells the controller when it ends."""
        if self._run is None:
            return {}
        self._close(self._run, exit_status)
        calls = self._run.connections.calls.by_protocol()
        secrets = self._run.connections.secrets.values()
        return {"calls": calls, "left_out": self.collection.left_out, "secrets": secrets}

    def gather_worker(self, told: Mapping[str, Any]) -> None:
        """Take in what a worker told when it ended."""
        if self._run is not None and told:
            self._run.connections.calls.add(told["calls"])
            for value in told["secrets"]:
                self._run.connections.secrets.add(value)
            self.collection.left_out.update(told["left_out"])

    def finish(self, exit_status: int, *, is_all_told: bool) -> int:
        """Write the reports and return the run's exit status. A run that judged nothing leaves none.

        `is_all_told`: whether every failure that pytest counted is an outcome (a module that cannot be
        imported is not).
        """
        run = self._run
        if run is None:
            return exit_status
        self._close(run, exit_status)
        outcomes = sorted(self._outcomes.values(), key=lambda one: self._order.get(one.id, len(self._order)))
        if self._config.getoption("--strict-environment"):
            outcomes += [undeclared(*one) for one in sorted(self.collection.left_out.items())]
        status = self._status(outcomes, exit_status, is_all_told)
        if not outcomes:
            return status
        run.not_declared.update(self.collection.left_out)
        self._reports = Reports(run, outcomes, status, self._wanted)
        self._reports.write()
        return status

    def _close(self, run: Run, exit_status: int) -> None:
        """Let looks end that are under way: another worker may wait for them, and a canary must be removed.

        After Ctrl-C, -x and --deadline only what writes is waited for, and not for long.
        """
        if not isinstance(run.answers, LiveAnswers):
            return
        is_over = run.until is not None and time.time() >= run.until
        hurries = is_over or exit_status not in _NOTHING_FAILED or bool(self._config.getoption("maxfail"))
        if hurries:
            run.connections.ending.set()
        run.answers.close(_HURRY_S if hurries else _LONGEST_LOOK_S, only_writes=hurries)

    def _status(self, outcomes: Sequence[Outcome], exit_status: int, is_all_told: bool) -> int:
        """Return the run's exit status. `is_all_told`: whether every failure of pytest's is an outcome."""
        if exit_status not in _NOTHING_FAILED:
            return exit_status
        if not is_all_told or any(one.verdict == "failed" for one in outcomes):
            return int(pytest.ExitCode.TESTS_FAILED)
        if any(one.is_defect for one in outcomes):
            return EXIT_UNVERIFIED
        if any(one.verdict == "unverified" for one in outcomes):
            return 0 if self._config.getoption("--allow-unverified") else EXIT_UNVERIFIED
        return int(pytest.ExitCode.OK) if outcomes else exit_status

    def summary_lines(self, width: int) -> Iterator[terminal.Line]:
        """Yield the end of the terminal's output."""
        if self._reports is not None:
            yield from self._reports.lines(width, self._config.invocation_params.dir)

    def end(self) -> None:
        """Take down what this run brought up, and take secrets out of pytest's own JUnit file."""
        junit: str | None = getattr(self._config.option, "xmlpath", None)
        if self._run is not None and junit and not options.is_xdist_worker(self._config):
            redact_file(self._config.invocation_params.dir / junit, self._run.connections.secrets.redact)
        if self._brought_up is not None:
            self._brought_up.take_down()
            self._brought_up = None
