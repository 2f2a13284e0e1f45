"""The pytest plugin: hooks and options only; the work is done in the modules beside it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from postflight import garbage, guard, options, sharing, standard_streams, usage_errors, workers
from postflight.interrupts import Interrupts
from postflight.report import frugal

if TYPE_CHECKING:
    from postflight.session import Session

_OUTLET: pytest.StashKey[standard_streams.Outlet | None] = pytest.StashKey()
_LETTERS = {"unverified": "U", "waived": "w"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options and markers."""
    options.add(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Protect standard output and error of a run before pytest's capture and terminal take hold of them."""
    known = early_config.known_args_namespace
    if known.env or known.replay or options.ENVIRONMENT_VARIABLE in os.environ:
        early_config.stash[_OUTLET] = standard_streams.protect()
    yield


def pytest_configure(config: pytest.Config) -> None:
    """Load the environment, if this run is about one."""
    for marker in options.MARKERS:
        config.addinivalue_line("markers", marker)
    usage_errors.require_values(config)
    usage_errors.require_root(config)
    if not options.is_about_an_environment(config):
        return
    guard.begin(config)
    usage_errors.require_no_logs(config)
    usage_errors.require_assertions(config)
    usage_errors.require_no_max_warnings(config)
    options.require_environment(config)
    with garbage.no_search():
        config.pluginmanager.register(Hooks(config), "postflight-hooks")
    # What has been imported by now need never be searched.
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Redact what pytest prints to stderr when a run cannot begin."""
    try:
        return (yield)
    except pytest.UsageError as error:
        raise guard.usage_error(config, error) from None


class Hooks:
    """pytest's hooks for one run over one environment."""

    def __init__(self, config: pytest.Config) -> None:
        # Not for `pytest --help`: what verifies an environment takes longer to import than pytest itself.
        from postflight.session import Session

        self._config = config
        self._outlet = config.stash.get(_OUTLET, None)
        self._session: Session = Session(config)
        self._style_is_ours = options.traceback_style_is_ours(config)
        self._told_failures = 0
        self._why_ended = ""
        self._is_selected = False
        self._interrupts = Interrupts(lambda: self._session.is_removing)
        config.pluginmanager.register(self._session.fixtures(), "postflight-fixtures")
        if self._style_is_ours:
            config.option.tbstyle = "no"
            if getattr(config.option, "reportchars", "") == options.REPORT_CHARACTERS:
                config.option.reportchars = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Bring the environment up if it is a throw-away one, and see that we are in the right place."""
        guard.terminal(self._config)
        self._interrupts.hear(only_once=workers.is_worker(self._config))
        options.capture_no_logs(self._config)
        if not options.only_lists(self._config):
            self._session.begin()

    def pytest_report_header(self) -> list[str]:
        """Say what this run looks at."""
        return self._session.header()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check once for each declared subject."""
        self._session.collection.parametrize(metafunc)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        """Leave out what is not declared, and let others select: a wrong -m or -k selects nothing."""
        self._prepare(items)
        yield
        self._is_selected = True

    def _prepare(self, items: list[pytest.Item]) -> None:
        """Leave out what the environment does not declare, and mark checks with their layer."""
        from postflight.report import allure

        left_out = [item for item in items if self._session.collection.is_left_out(item)]
        if left_out:
            gone = set(left_out)
            items[:] = [item for item in items if item not in gone]
            # pytest tells how many it collected: none of them must seem to be lost.
            self._config.hook.pytest_deselected(items=left_out)
        # What marks a module marks its checks: a mark of its own for each takes a tenth of a run's memory.
        for module in {item.parent for item in items}:
            layer = options.layer_of(module) if module is not None else None
            if module is not None and layer is not None:
                module.add_marker(layer)
        if allure.is_wanted(self._config):
            for item in items:
                item.add_marker(allure.mark(item))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Ask for all the evidence that the selected checks need, at once."""
        sharing.share(session.items)
        # What was collected lives until the end: thousands of checks need not be searched for garbage.
        gc.freeze()
        # pytest comes here after a usage error too, with everything that was collected.
        looks = self._is_selected and not options.only_lists(self._config)
        if looks and not workers.is_controller(self._config):
            self._session.judged.select(item.nodeid for item in session.items)
            self._session.prefetch(session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Wait for what is not right yet, then have all judged.

        Where Ctrl-C was met is forgotten: pytest would render dozens of frames, for a second or two.
        """
        is_interrupted = False
        # By now --lf has selected.
        options.keep_last_failed(self._config)
        try:
            if not options.only_lists(self._config) and not workers.is_controller(self._config):
                is_interrupted = self._session.settle_first(session.items)
            result = yield
        except session.Failed:
            if not is_interrupted:
                raise
        except KeyboardInterrupt as error:
            raise self._as_end_of(session, error) from None
        else:
            if not is_interrupted:
                return result
        raise KeyboardInterrupt

    def _as_end_of(self, session: pytest.Session, error: KeyboardInterrupt) -> BaseException:
        """Return what a run that was interrupted, or that a plugin has ended, ends with."""
        if workers.is_controller(self._config):
            # Before the reports: what a worker has written it removes at its end, or it is named as left.
            workers.hear_out(self._config)
        if workers.is_enough(self._config, error):
            return session.Failed(str(error))
        if self._config.option.fulltrace:
            return error
        # A plugin has ended the run (session.shouldstop); xdist says so in a word of its own.
        is_told = type(error) is not KeyboardInterrupt
        return session.Interrupted(str(error)) if is_told else KeyboardInterrupt()

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Begin no more looks: they would take the time that is left for removing what was written."""
        self._why_ended = str(excinfo.value) or "the run was interrupted"
        self._session.give_up()

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Judge a failed check again on newer evidence, while patience lasts."""
        try:
            return (yield)
        except AssertionError as failure:
            self._session.settle(pyfuncitem, failure)
            return True

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """End the run some seconds after its deadline, however much there is left to judge."""
        if self._session.is_out_of_time:
            item.session.shouldfail = workers.OUT_OF_TIME

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the outcome on the report, so that it reaches the controller."""
        report = yield
        outcome = self._session.judge(item, call)
        if outcome is not None:
            report.postflight = outcome.as_json()  # type: ignore[attr-defined]
            if outcome.verdict == "waived":
                # As pytest shows an expected failure: neither green nor red, with its reason.
                report.outcome = "skipped"
                report.longrepr = (str(item.path), 0, outcome.message)
            elif outcome.verdict != "passed" and self._style_is_ours:
                report.longrepr = outcome.as_text()
        guard.report(self._config, report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Redact why a module cannot be collected."""
        report = yield
        guard.report(self._config, report)
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, tuple[str, Any]] | None:
        """Show unverified and waived as what they are: neither passed nor failed."""
        data = getattr(report, "postflight", None)
        verdict = data["verdict"] if data is not None else None
        tells_traceback = verdict == "unverified" and not self._style_is_ours
        if verdict not in _LETTERS or tells_traceback:
            return None
        return verdict, _LETTERS[verdict], (verdict.upper(), {"yellow": True})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Gather the outcomes, in the controller or the only process."""
        data = getattr(report, "postflight", None)
        self._told_failures += report.failed
        if data is not None:
            self._session.judged.gather(data)
        elif report.failed:
            self._session.judged.gather_lost(report)
        yield
        if self._config.getoption("durations", None) is None:
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                frugal.forget(report, reporter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, and turn "nothing failed, something unverified" into its own status."""
        if workers.is_worker(self._config):
            told = self._session.from_worker(int(exitstatus))
            self._config.workeroutput["postflight"] = told  # type: ignore[attr-defined]
        elif not options.only_lists(self._config):
            is_all_told = session.testsfailed <= self._told_failures
            why = self._why_ended or session.shouldfail or workers.why_ended(self._config)
            session.exitstatus = self._session.finish(
                int(exitstatus), is_all_told=is_all_told, why_ended=str(why or "the run was over before")
            )
        elif exitstatus == pytest.ExitCode.OK and standard_streams.is_loss(self._outlet):
            # A list is all that such a run is for.
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a pytest-xdist worker which run it is part of."""
        node.workerinput["postflight"] = self._session.for_worker()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a pytest-xdist worker counted."""
        self._session.gather_worker(getattr(node, "workeroutput", {}).get("postflight", {}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Learn which checks were selected, and their order, which workers do not keep."""
        self._session.judged.select(ids)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what could not be collected, causes, what is not verified, and one line of totals."""
        from postflight import uncollected

        redact = guard.secrets(self._config).redact
        traces = self._config.option.tbstyle != "no"
        for line in uncollected.lines(terminalreporter, redact, traces=traces):
            terminalreporter.write_line(line.text, **line.options())
        for line in self._session.summary_lines(terminalreporter._tw.fullwidth):  # noqa: SLF001
            text = guard.command(self._config, line.text) if line.is_command else line.text
            terminalreporter.write_line(text, **line.options())

    def pytest_unconfigure(self) -> None:
        """Take down what this run brought up."""
        self._session.end()
        lost = standard_streams.loss(self._outlet)
        # `pytest --collect-only | head` has what it wants.
        if lost and not (options.only_lists(self._config) and not standard_streams.is_loss(self._outlet)):
            print(f"postflight: {lost}; {self._session.verdict_is()}.", file=sys.stderr)
        self._interrupts.give_back()
        # pytest now collects garbage five times over, to find what was never awaited or closed. With the AWS
        # SDK in memory that takes a second, and a run that was interrupted must end at once.
        gc.freeze()
