"""The pytest plugin: hooks and options only; the work is done in the modules beside it."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Generator
from typing import Any

import pytest

from postflight import options
from postflight.report import allure
from postflight.session import Session

_LETTERS = {"unverified": "U", "waived": "w"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options and markers."""
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Load the environment, if this run is about one."""
    for marker in options.MARKERS:
        config.addinivalue_line("markers", marker)
    options.require_root(config)
    if not options.is_about_an_environment(config):
        return
    config.pluginmanager.register(Hooks(config), "postflight-hooks")


class Hooks:
    """pytest's hooks for one run over one environment."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session = Session(config)
        self._style_is_ours = options.traceback_style_is_ours(config)
        self._told_failures = 0
        self._sigterm: Any = None
        config.pluginmanager.register(self._session.fixtures(), "postflight-fixtures")
        if self._style_is_ours:
            config.option.tbstyle = "no"
            if getattr(config.option, "reportchars", "") == options.REPORT_CHARACTERS:
                config.option.reportchars = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Bring the environment up if it is a throw-away one, and see that we are in the right place."""
        # SIGTERM (make, a CI runner's time limit, a Job's deadline) ends a run as Ctrl-C does: what was
        # judged is reported, and what was brought up is taken down.
        if threading.current_thread() is threading.main_thread():
            self._sigterm = signal.signal(signal.SIGTERM, signal.default_int_handler)
        if not options.only_lists(self._config):
            self._session.begin()

    def pytest_report_header(self) -> list[str]:
        """Say what this run looks at."""
        return self._session.header()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each check once for each declared subject."""
        self._session.collection.parametrize(metafunc)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what the environment does not declare, and mark each check with its layer."""
        items[:] = [item for item in items if not self._session.collection.is_left_out(item)]
        for item in items:
            layer = options.layer_of(item)
            if layer is not None:
                item.add_marker(layer)
            if allure.is_wanted(self._config):
                item.add_marker(allure.mark(item))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Ask for all the evidence that the selected checks need, at once."""
        if not options.only_lists(self._config) and not options.is_xdist_controller(self._config):
            self._session.prefetch(session.items)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Forget where Ctrl-C was met: pytest would render dozens of frames, for a second or two."""
        try:
            return (yield)
        except KeyboardInterrupt:
            if self._config.option.fulltrace:
                raise
            raise KeyboardInterrupt from None

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Judge a failed check again on newer evidence, while patience lasts."""
        try:
            return (yield)
        except AssertionError as failure:
            self._session.settle(pyfuncitem, failure)
            return True

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
        self._session.redact(report)
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, tuple[str, Any]] | None:
        """Show unverified and waived as what they are: neither passed nor failed."""
        data = getattr(report, "postflight", None)
        verdict = data["verdict"] if data is not None else None
        tells_traceback = verdict == "unverified" and not self._style_is_ours
        if verdict not in _LETTERS or tells_traceback:
            return None
        return verdict, _LETTERS[verdict], (verdict.upper(), {"yellow": True})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the outcomes, in the controller or the only process."""
        data = getattr(report, "postflight", None)
        self._told_failures += report.failed
        if data is not None:
            self._session.gather(data)
        elif report.failed:
            self._session.gather_lost(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports, and turn "nothing failed, something unverified" into its own status."""
        if options.is_xdist_worker(self._config):
            told = self._session.from_worker(int(exitstatus))
            self._config.workeroutput["postflight"] = told  # type: ignore[attr-defined]
        elif not options.only_lists(self._config):
            is_all_told = session.testsfailed <= self._told_failures
            session.exitstatus = self._session.finish(int(exitstatus), is_all_told=is_all_told)

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
        """Learn the order of the checks, which workers do not keep."""
        self._session.put_in_order(ids)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print causes, what is not verified, and one line of totals."""
        for line in self._session.summary_lines(terminalreporter._tw.fullwidth):  # noqa: SLF001
            terminalreporter.write_line(line.text, **line.options())

    def pytest_unconfigure(self) -> None:
        """Take down what this run brought up."""
        self._session.end()
        if self._sigterm is not None:
            signal.signal(signal.SIGTERM, self._sigterm)
        # pytest now collects garbage five times over, to find what was never awaited or closed. With the AWS
        # SDK in memory that takes a second, and a run that was interrupted must end at once.
        gc.freeze()
