"""A sandbox of its own that can be broken, judged by a real run of the suite, and mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
_LONGEST_RUN_S = 120


@dataclass(frozen=True)
class SuiteRun:
    """One finished run of the suite: its exit status, what it printed, and its results (if it made any)."""

    exit_status: int
    output: str
    results: Mapping[str, Any]
    folder: Path

    def by_verdict(self, verdict: str) -> list[Mapping[str, Any]]:
        """Return the checks of one verdict."""
        return [one for one in self.results.get("checks", ()) if one["verdict"] == verdict]

    def check(self, identity: str) -> Mapping[str, Any]:
        """Return one check by its id."""
        return next(one for one in self.results["checks"] if one["id"] == identity)


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox, its folder, and the variables that lead to it."""

    folder: Path
    variables: Mapping[str, str]

    @property
    def process_environment(self) -> dict[str, str]:
        """This process's environment, with this sandbox as the one that is used."""
        return {**os.environ, **self.variables, "SANDBOX_RUN_DIR": str(self.folder)}

    def break_(self, fault: str, *parameters: str) -> None:
        """Break one thing, and wait for what follows from it."""
        self._command("break", fault, *parameters)

    def mend(self, fault: str) -> None:
        """Take a fault back, and wait for the sandbox to heal."""
        self._command("mend", fault)

    def _command(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", words[0], "--run-dir", str(self.folder), *words[1:]],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_LONGEST_RUN_S,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"sandbox {' '.join(words)}: {done.stderr}{done.stdout}")

    def run_suite(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        environment_file: Path | None = None,
    ) -> SuiteRun:
        """Run `pytest --env sandbox` over this sandbox in a process of its own.

        `environment` adds process variables; `environment_file` stands in for environments/sandbox.yaml.
        """
        return self.start_suite(
            *arguments, environment=environment, environment_file=environment_file
        ).finish()

    def start_suite(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        environment_file: Path | None = None,
    ) -> RunningSuite:
        """Start a run of the suite, and return while it runs."""
        reports = Path(tempfile.mkdtemp(prefix="reports-", dir=self.folder))
        output = reports / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "pytest", f"--env={environment_file or 'sandbox'}",
                    f"--reports={reports}", "-o", f"cache_dir={reports / 'cache'}", *arguments,
                ],
                cwd=ROOT,
                env={**self.process_environment, **(environment or {})},
                stdout=file,
                stderr=subprocess.STDOUT,
                # A shell's background job ignores Ctrl-C, and so would what it starts.
                preexec_fn=_hear_interrupts,  # noqa: PLW1509 - no thread of ours holds a lock here
            )  # fmt: skip
        return RunningSuite(process, reports, output)


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass(frozen=True)
class RunningSuite:
    """A run of the suite that goes on."""

    process: subprocess.Popen[bytes]
    reports: Path
    output: Path

    def said(self, text: str, within_s: float = 30.0) -> None:
        """Wait until the run has printed a text. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while text not in self.output.read_text(encoding="utf-8"):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError(f"{text!r} was not said in {self.output.read_text(encoding='utf-8')}")
            time.sleep(0.1)

    def finish(self) -> SuiteRun:
        """Wait for the end, and return what came of it."""
        try:
            status = self.process.wait(timeout=_LONGEST_RUN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        # A replay is a run whose folder `latest` does not point at.
        found = next(self.reports.glob("*/results.json"), None)
        results = json.loads(found.read_text(encoding="utf-8")) if found is not None else {}
        folder = found.parent if found is not None else self.reports / "latest"
        return SuiteRun(status, self.output.read_text(encoding="utf-8"), results, folder)


@contextmanager
def running_sandbox(*arguments: str) -> Iterator[Sandbox]:
    """Start a sandbox of its own, and stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="postflight-sandbox-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "up", "--attach", "--run-dir", folder, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            line = process.stdout.readline() if process.stdout is not None else b""
            yield Sandbox(Path(folder), json.loads(line)["variables"])
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(timeout=30)
            if process.stdout is not None:
                process.stdout.close()


@contextmanager
def sandbox_that_is_up() -> Iterator[Sandbox]:
    """Use the sandbox that `python -m sandbox up` started, and leave it up. Exits where none is up."""
    folder = Path(os.environ.get("SANDBOX_RUN_DIR") or ROOT / "sandbox" / "run")
    state = folder / "state.json"
    if not state.exists():
        sys.exit("No sandbox is up; `python -m sandbox up` starts one.")
    try:
        yield Sandbox(folder, json.loads(state.read_text(encoding="utf-8"))["variables"])
    finally:
        for reports in folder.glob("reports-*"):
            shutil.rmtree(reports)
