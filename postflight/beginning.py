"""Everything before the first check: the environment, where it is reached, and whether we are there."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from postflight import guard, options, runbook, workers
from postflight.announcer import Announcer, ignore
from postflight.bring_up import BringUpError, BroughtUp, bring_up
from postflight.environment import Environment, EnvironmentFileError, Vantage, load
from postflight.evidence import Answers, Unverified
from postflight.identity import Identity, WrongPlaceError, establish
from postflight.patience import Patience
from postflight.probes.connections import Connections
from postflight.recording import RecordedAnswers
from postflight.run import Run, discard, live_answers, new_folder
from postflight.runbook import Entry
from postflight.subjects import Ask
from postflight.surroundings import Replayed, Surroundings, recorded
from postflight.surroundings import replayed as found_replayed

# What was waited for is looked at once more before it is judged, and the deadline ends that too.
_LAST_LOOK_S = 30.0
# Beside the locks of the answers that workers share.
_WAITING = Path("evidence") / ".waiting"


def replayed(config: pytest.Config) -> Replayed | None:
    """Return the run that is judged again, if one is. Raises pytest.UsageError."""
    named: str | None = config.getoption("--replay")
    if named is None:
        return None
    try:
        return found_replayed(config.invocation_params.dir / named)
    except (OSError, ValueError) as error:
        raise _no_run(named, error) from None


def _no_run(named: str, error: Exception) -> pytest.UsageError:
    if not isinstance(error, OSError):
        why = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False, include_input=False)[0]
            why = f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
        return pytest.UsageError(f"--replay {named}: this is not a run directory ({why}).")
    why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return pytest.UsageError(
        f"--replay {named}: this is not a run directory ({why}). Each run has one of its own in reports/."
    )


def environment(config: pytest.Config, file: Path, process: Mapping[str, str]) -> Environment:
    """Load the environment, filled in from `process`. Raises pytest.UsageError.

    Production must be named on the command line, unless nothing is looked at.
    """
    try:
        loaded = load(file, process)
    except EnvironmentFileError as error:
        raise pytest.UsageError(str(error)) from None
    named = workers.is_worker(config) or options.is_named_on_the_command_line(config)
    if loaded.production and not named and not config.getoption("--replay"):
        raise pytest.UsageError(
            f"{loaded.name} is a production environment and is only verified when the command line "
            f"names it: pytest --env {loaded.name}"
        )
    return loaded


def surroundings(config: pytest.Config, again: Replayed | None) -> Surroundings:
    """Tell where a run stands, and the variables that it reads: the process's, or those of the replayed run.

    A run stands where it is said to, else inside if a cluster started this process. Raises pytest.UsageError.
    """
    said = cast("Vantage | None", config.getoption("--vantage"))
    if again is None:
        found: Vantage = "inside" if "KUBERNETES_SERVICE_HOST" in os.environ else "outside"
        return Surroundings(said or found, os.environ)
    try:
        before = recorded(again.folder)
    except (OSError, ValueError) as error:
        raise _no_run(config.getoption("--replay"), error) from None
    for problem in before.missing(os.environ):
        raise pytest.UsageError(f"--replay {config.getoption('--replay')}: {problem}.")
    return Surroundings(said or before.vantage, {**os.environ, **before.variables}, before.withheld)


def brought_up(config: pytest.Config, declared: Environment) -> BroughtUp | None:
    """Bring a throw-away environment up, and export what its command tells. Raises pytest.UsageError.

    Nothing is brought up for a replay, nor by a pytest-xdist worker.
    """
    if declared.bring_up is None or config.getoption("--replay") or workers.given(config):
        return None
    faults = tuple(part for fault in config.getoption("--fault") for part in ("--fault", fault))
    try:
        running = bring_up(declared.bring_up, config.rootpath, faults)
    except BringUpError as error:
        raise pytest.UsageError(str(error)) from None
    os.environ.update(running.variables)
    return running


def begin(
    config: pytest.Config, declared: Environment, vantage: Vantage, since: float, again: Replayed | None
) -> Run:
    """Open the run: its folder, its answers, and who and where we are. Raises pytest.UsageError.

    `since`: when it began, `time.monotonic()`: whoever waits for a run waits for its bringing up too.
    `again`: the run that is judged again.
    """
    began = time.time()
    for sdk in ("botocore", "urllib3"):
        # At DEBUG they log bodies and headers, and with them the credentials of assumed roles.
        logging.getLogger(sdk).setLevel(logging.INFO)
    given = workers.given(config)
    limit_s = options.duration(config, "--deadline")
    until = given["until"] if given else (began + limit_s if limit_s is not None else None)
    language = runbook.language_of(config.getoption("--lang"), os.environ)
    with _folder_of_run(config, declared, given) as folder:
        connections = Connections(declared, vantage, os.environ, guard.secrets(config), folder)
        answers: Answers
        if again is None:
            answers = live_answers(folder, connections, shared=given is not None, until=until)
        else:
            _require_evidence(config, again)
            answers = RecordedAnswers(again.evidence)
        ask = Ask(answers, connections)
        return Run(
            environment=declared,
            connections=connections,
            answers=answers,
            runbook=_runbook(config, language),
            language=language,
            folder=folder,
            identity=Identity(**given["identity"]) if given else _identity(declared, ask),
            release=options.release(config),
            patience=_patience(config, connections, given, until),
            until=until,
            began=since,
            replayed=again,
        )


@contextmanager
def _folder_of_run(
    config: pytest.Config, declared: Environment, given: Mapping[str, Any] | None
) -> Generator[Path]:
    """Give the folder of a run; one that was made for a run that cannot begin is removed."""
    if given is not None:
        yield Path(given["folder"])
        return
    folder = _new_folder(config, declared)
    try:
        yield folder
    except BaseException:
        discard(folder)
        raise


def for_worker(run: Run) -> dict[str, Any]:
    """Return what a pytest-xdist worker must know to be part of a run: `workers.given` there."""
    return {
        "folder": str(run.folder),
        "identity": run.identity.as_json(),
        "patience_s": run.patience.budget_s,
        "began": run.patience.began,
        "until": run.until,
    }


def _runbook(config: pytest.Config, language: str) -> Mapping[str, Entry]:
    try:
        return runbook.load(config.rootpath / "runbook", language)
    except runbook.RunbookError as error:
        raise pytest.UsageError(str(error)) from None


def _new_folder(config: pytest.Config, declared: Environment) -> Path:
    reports = options.reports_folder(config)
    try:
        return new_folder(reports, declared.name, datetime.now(UTC))
    except OSError as error:
        raise pytest.UsageError(
            f"--reports {reports}: no folder can be made there ({error.strerror})."
        ) from None


def _require_evidence(config: pytest.Config, again: Replayed) -> None:
    if not again.evidence.is_dir():
        named = config.getoption("--replay")
        raise pytest.UsageError(f"--replay {named}: there is no recorded evidence in {again.evidence}.")


def _identity(declared: Environment, ask: Ask) -> Identity:
    try:
        return establish(declared, ask)
    except WrongPlaceError as error:
        raise pytest.UsageError(str(error)) from None
    except Unverified as error:
        raise pytest.UsageError(
            f"cannot tell where we are, so no check was run: {str(error).rstrip('.')}. {declared.name} is "
            f"AWS account {declared.aws.account}."
        ) from None


def _patience(
    config: pytest.Config, connections: Connections, given: Mapping[str, Any] | None, until: float | None
) -> Patience:
    if given is not None:
        return Patience(given["patience_s"], given["began"], note=Path(given["folder"]) / _WAITING)
    budget_s = options.duration(config, "--patience", connections.environment.patience) or 0.0
    if until is not None:
        left_s = max(until - time.time(), 0.0)
        budget_s = min(budget_s, left_s - min(_LAST_LOOK_S, left_s / 4))
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Patience(budget_s, announce=ignore)
    return Patience(budget_s, announce=Announcer(config, reporter, connections.secrets.redact))
