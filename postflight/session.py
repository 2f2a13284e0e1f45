"""One run from options to reports: what the hooks of the plugin call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from types import ModuleType
from typing import Any

import pytest

from postflight import beginning, closing, collection, guard, options, sdks, workers
from postflight.bring_up import BroughtUp
from postflight.environment import Subject
from postflight.evidence import LiveAnswers, Unverified
from postflight.judged import EXIT_UNVERIFIED, Judged, is_cut_short, status
from postflight.report import junit, terminal
from postflight.report.reports import Reports
from postflight.report.wanted import wanted
from postflight.run import Run, Seen, discard
from postflight.settling import SETTLED_AFTER_S, Settling
from postflight.subjects import rows
from postflight.surroundings import Surroundings, UsedVariables
from postflight.unjudged import subjects_judged, unjudged
from postflight.verdicts import Outcome, judge, unchecked, undeclared
from postflight.waivers import notes, waived

CONCURRENCY = 48
# After the deadline, what was seen in time is judged for so long. Some 700 checks take a second.
_JUDGING_S = 5.0
# After Ctrl-C not even that: whoever pressed it waits.
_MOMENT_S = 1.0


class Session:
    """The state of one run, from the first hook to the last."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._replayed = beginning.replayed(config)
        self._file = options.environment_file(config, self._replayed.environment if self._replayed else None)
        self._surroundings = beginning.surroundings(config, self._replayed)
        self._vantage = self._surroundings.vantage
        self._brought_up: BroughtUp | None = None
        self._run: Run | None = None
        self._reports: Reports | None = None
        self._finish: list[Callable[[], object]] = []
        self._unwritten = ""
        self._judges_until = float("inf")
        self._settling: Settling | None = None
        self.judged = Judged()
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
        # A worker is told who we are and waits for nothing; its controller looks at nothing else.
        if self._replayed is None and not workers.is_shared(self._config):
            self._finish.append(sdks.import_ahead(self.environment))
        self._brought_up = beginning.brought_up(self._config, self.environment)
        if self._brought_up is not None:
            # The file's ${VARIABLES} have their real values only now.
            self._load()
        self._run = beginning.begin(self._config, self.environment, self._vantage, began, self._replayed)
        if isinstance(self._run.answers, LiveAnswers):
            self._settling = Settling(self._run, self._run.answers)
        if not workers.is_worker(self._config):
            used = {name: self._variables[name] for name in self._variables.used}
            try:
                Surroundings(self._vantage, used).write(
                    self._run.folder, self.environment, guard.secrets(self._config)
                )
            except OSError as error:
                told = f"--reports {self._run.folder.parent}: nothing can be written there"
                raise pytest.UsageError(f"{told} ({error.strerror}).") from None

    def header(self) -> list[str]:
        """Say what this run looks at: environment, account, region, cluster, who, from where."""
        if self._run is None:
            return [f"environment: {self.environment.name} (nothing is looked at)"]
        identity = self._run.identity
        cluster = f", cluster {identity.cluster}" if identity.cluster else ""
        context = f" (context {identity.context})" if identity.context else ""
        where = f"account {identity.account}, region {identity.region}{cluster}{context}"
        return [
            *([str(self._replayed)] if self._replayed is not None else []),
            f"environment: {self.environment.name}, {where}",
            f"as: {identity.caller}, from {self._vantage} the cluster's network",
        ]

    def prefetch(self, items: Sequence[pytest.Item]) -> None:
        """Ask for the evidence of `items` at once, in daemon threads."""
        run = self._run
        if run is None or not isinstance(run.answers, LiveAnswers):
            return
        known = rows()
        tasks: dict[str, dict[str | None, partial[Seen]]] = {}
        for item in items:
            _, subject = collection.subject_of(item)
            for name in getattr(item, "fixturenames", ()):
                if name in known:
                    about = subject.name if subject is not None and known[name].kind else None
                    tasks.setdefault(name, {}).setdefault(about, partial(run.evidence, name, subject))
        # One of each kind first: whichever has the longest chain of looks has then begun.
        in_turn = zip_longest(*(of_one_kind.values() for of_one_kind in tasks.values()))
        run.answers.prefetch((task for turn in in_turn for task in turn if task is not None), CONCURRENCY)

    def settle_first(self, items: Sequence[pytest.Item]) -> bool:
        """Wait until what is selected is right, while patience lasts; ask for it anew if that took time.

        Returns whether that was interrupted: what has been seen by then is judged, for a moment. A worker of
        pytest-xdist gets nothing more to judge, and is interrupted at once.
        """
        run = self._run
        if self._settling is None or run is None:
            return False
        try:
            self._settling.before_judging(items)
            if run.not_before:
                self.prefetch(items)
        except KeyboardInterrupt:
            if workers.is_worker(self._config):
                raise
            self.give_up()
            run.patience.budget_s = 0.0
            self._judges_until = time.time() + _MOMENT_S
            return True
        return False

    def settle(self, item: pytest.Function, failure: AssertionError) -> None:
        """Judge a check that has just failed again. Raises AssertionError."""
        if self._settling is None:
            raise failure
        self._settling.after_failing(item, failure)

    @property
    def is_out_of_time(self) -> bool:
        """Whether the run has to end, though not all is judged that was seen in time."""
        is_over = self._run is not None and _is_over(self._run, _JUDGING_S)
        return is_over or time.time() >= self._judges_until

    def judge(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome | None:
        """Return the outcome of a phase that says something: a call, or a set-up or tear-down that failed."""
        if self._run is None or (call.when != "call" and call.excinfo is None):
            return None
        settled = item.stash.get(SETTLED_AFTER_S, None) if call.excinfo is None else None
        _, subject = collection.subject_of(item)
        outcome = judge(item, call, self.environment, self._run.runbook, settled_after_s=settled)
        seen = self._run.evidence_files(getattr(item, "fixturenames", ()), subject)
        # Here the secrets are known that were seen; what leaves this process must not hold them.
        secrets = self._run.connections.secrets
        if outcome.verdict != "passed":
            outcome = replace(outcome, message=secrets.redact_rendered(outcome.message))
        outcome = replace(outcome, evidence=seen).redacted(secrets.redact)
        return waived(outcome, self.environment.waivers, self._run.started)

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
        return {
            "calls": calls,
            "left_out": self.collection.left_out,
            "secrets": secrets,
            "checked": sorted(self.collection.checked),
        }

    def gather_worker(self, told: Mapping[str, Any]) -> None:
        """Take in what a worker told when it ended."""
        if self._run is not None and told:
            self._run.connections.calls.add(told["calls"])
            self._run.connections.secrets.update(told["secrets"])
            self.collection.left_out.update(told["left_out"])
            self.collection.checked.update(told["checked"])

    def finish(self, exit_status: int, *, is_all_told: bool, why_ended: str) -> int:
        """Write the reports and return the run's exit status. A run that selected nothing leaves nothing.

        `is_all_told`: whether every failure that pytest counted is an outcome (a module that cannot be
        imported is not). `why_ended` tells why what was selected and not judged was not.
        """
        run = self._run
        if run is None:
            return exit_status
        is_over = _is_over(run)
        try:
            self._close(run, exit_status, is_at_its_end=self.judged.is_all)
        except KeyboardInterrupt:
            exit_status = int(pytest.ExitCode.INTERRUPTED)
            self._close(run, exit_status)
        left_out = self.collection.undeclared if self._config.getoption("--strict-environment") else {}
        is_whole = not options.selects(self._config) and not is_cut_short(exit_status)
        outcomes = [
            *self.judged.outcomes(why_ended),
            *(undeclared(*one) for one in sorted(left_out.items())),
            *(unchecked(section) for section in (self.collection.unchecked if is_whole else ())),
        ]
        # What a run had no time for may be anything: only what could not be seen may be allowed.
        allows = bool(self._config.getoption("--allow-unverified")) and not is_over
        ours = status(outcomes, exit_status, is_all_told=is_all_told, allows_unverified=allows)
        if not outcomes:
            discard(run.folder)
            return ours
        return self._report(run, outcomes, ours)

    def _report(self, run: Run, outcomes: Sequence[Outcome], exit_status: int) -> int:
        """Write the reports; return the exit status, which is never green without them."""
        run.not_declared.update(self.collection.left_out)
        unseen = unjudged(self._config.rootpath, self.collection, run.runbook, outcomes)
        judged_on = partial(subjects_judged, self._config.rootpath, self.collection)
        run.waiver_notes.extend(
            notes(self.environment.waivers, outcomes, run.runbook, judged_on, run.started)
        )
        self._reports = Reports(run, outcomes, exit_status, self._wanted, unseen)
        try:
            self._reports.write()
        except OSError as error:
            rest = f"({run.folder}); what stands here is all that there is of this run."
            self._unwritten = f"The reports could not be written: {error.strerror} {rest}"
            is_failed = exit_status not in {int(pytest.ExitCode.OK), EXIT_UNVERIFIED}
            return exit_status if is_failed else int(pytest.ExitCode.INTERNAL_ERROR)
        return exit_status

    def give_up(self) -> None:
        """Begin nothing any more, and wait for nothing yet: the run is being interrupted."""
        if self._run is not None:
            closing.give_up(self._run)

    @property
    def is_removing(self) -> bool:
        """Whether a process of this run is still to remove something that it has written."""
        return closing.is_removing(self._run)

    def _close(self, run: Run, exit_status: int, *, is_at_its_end: bool = True) -> None:
        hurries = is_cut_short(exit_status) or not is_at_its_end or bool(self._config.getoption("maxfail"))
        closing.close(run, hurries=hurries or _is_over(run), is_worker=workers.is_worker(self._config))

    def summary_lines(self, width: int) -> Iterator[terminal.Line]:
        """Yield the end of the terminal's output."""
        if self._reports is not None:
            yield from self._reports.lines(width, self._config.invocation_params.dir)
        if self._unwritten:
            yield terminal.Line(self._unwritten, terminal.RED)

    def verdict_is(self) -> str:
        """Return where the verdict is besides the terminal."""
        folder = self._run.folder if self._run and self._reports else None
        return f"the verdict is in {folder}" if folder else "no reports are left"

    def end(self) -> None:
        """Take down what this run brought up, and take secrets out of pytest's own JUnit file."""
        if self._run is not None and self._run.connections.canaries.is_any_pending:
            # Something has ended the session before its end.
            self._close(self._run, int(pytest.ExitCode.INTERRUPTED))
        for finish in self._finish:
            finish()
        written = junit.written(self._config)
        try:
            if self._run is not None and written is not None:
                junit.redact(written, self._run.connections.secrets.redact)
        finally:
            if self._brought_up is not None:
                self._brought_up.take_down()
                self._brought_up = None


def _is_over(run: Run, since_s: float = 0.0) -> bool:
    """Whether the run's --deadline has come, and came so many seconds ago."""
    return run.until is not None and time.time() >= run.until + since_s
