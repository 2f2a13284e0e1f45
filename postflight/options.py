"""Command-line options and markers, and what they say about a run."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from postflight import runbook
from postflight.environment_files import EnvironmentFileError, available, find

LAYERS = ("infra", "platform", "app", "network")

MARKERS = (
    *(f"{layer}: checks of tests_{layer}, for -m {layer}" for layer in LAYERS),
    "where(*fields, **values): a check only of the subjects whose fields are set, or have these values",
    "needs(*sections): a check only where the environment declares these sections",
)

ENVIRONMENT_VARIABLE = "POSTFLIGHT_ENV"
# What pytest's -r is when nobody gave it.
REPORT_CHARACTERS = "fE"

# By these a user says which checks to run.
_SELECTING = ("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob", "stepwise")

_DURATION = re.compile(r"^(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m|h)?$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def add(parser: pytest.Parser) -> None:
    """Declare the options of a run."""
    group = parser.getgroup("postflight", "verify a live environment")
    _add_where(group)
    _add_how(group)
    _add_telling(group)


def _add_where(group: pytest.OptionGroup) -> None:
    """Declare what is looked at, and from where."""
    group.addoption(
        "--env",
        metavar="NAME|PATH",
        help="environment to verify: a file of environments/, by name or path "
        f"(default: ${ENVIRONMENT_VARIABLE})",
    )
    group.addoption(
        "--vantage",
        choices=("inside", "outside"),
        help="where this run stands: inside the cluster's network or outside (default: found out)",
    )
    group.addoption(
        "--replay",
        metavar="RUN",
        help="judge the evidence that an earlier run recorded, e.g. reports/latest; looks at nothing, and "
        "needs no --env",
    )
    group.addoption(
        "--release",
        metavar="REVISION",
        help="what was deployed: images must be of this tag, commit or sha256 digest; kept in the results",
    )
    group.addoption(
        "--fault",
        metavar="FAULT",
        action="append",
        default=[],
        help="sandbox only: break it in this way for the run, and mend it afterwards",
    )


def _add_how(group: pytest.OptionGroup) -> None:
    """Declare how long a run lasts, and what counts."""
    group.addoption(
        "--allow-unverified",
        action="store_true",
        help="exit 0, not 6, when nothing failed but something could not be looked at",
    )
    group.addoption(
        "--strict-environment",
        action="store_true",
        help="count what the environment does not declare as unverified",
    )
    group.addoption(
        "--patience",
        metavar="DURATION",
        help="how long what fails may be looked at again, in all, e.g. 5m after a deployment (default: the "
        "environment's `patience`, else 0)",
    )
    group.addoption(
        "--deadline",
        metavar="DURATION",
        help="when the run ends, whatever happens, e.g. 10m; what was not judged by then is unverified",
    )


def _add_telling(group: pytest.OptionGroup) -> None:
    """Declare what a run tells, and to whom."""
    group.addoption(
        "--reports",
        metavar="DIR",
        default="reports",
        help="folder for the results of runs (default: reports/ in the root folder)",
    )
    group.addoption(
        "--compare",
        metavar="RUN",
        help="tell what changed since this run (default: the environment's previous run; none for a replay)",
    )
    group.addoption(
        "--summary-webhook",
        metavar="URL",
        help="post a summary, as Slack reads it, to this secret URL at the end "
        "(default: $POSTFLIGHT_SUMMARY_WEBHOOK)",
    )
    group.addoption(
        "--lang",
        choices=runbook.LANGUAGES,
        help="language of the runbook (default: the locale's, if there is a runbook in it)",
    )


def seconds(text: str) -> float:
    """Read a duration: `90`, `90s`, `5m`, `100ms`. Raises ValueError."""
    found = _DURATION.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no duration; write 90s, 5m or 100ms")
    return float(found["number"]) * _SECONDS[found["unit"]]


def duration(config: pytest.Config, option: str, default: str | None = None) -> float | None:
    """Return an option that is a duration, in seconds; None where it is not given.

    Raises pytest.UsageError.
    """
    text: str | None = config.getoption(option) or default
    if text is None:
        return None
    try:
        return seconds(text)
    except ValueError as error:
        raise pytest.UsageError(f"{option}: {error}") from None


def chosen_environment(config: pytest.Config) -> str | None:
    """Return the environment that the command line or POSTFLIGHT_ENV names."""
    named: str | None = config.getoption("--env")
    return named or os.environ.get(ENVIRONMENT_VARIABLE) or None


def selects(config: pytest.Config) -> bool:
    """Whether the user chose among the checks: by a path or node id, or by -k, -m, --lf and their like."""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return True
    return any(getattr(config.option, name, None) for name in _SELECTING)


def environment_file(config: pytest.Config, of_run: str | None = None) -> Path:
    """Return the file of the environment that the command line asks for, or that a replayed run was of.

    Raises pytest.UsageError.
    """
    folder = config.rootpath / "environments"
    # A variable that is left over in a shell does not say what a recorded run was of.
    name = (config.getoption("--env") or of_run) or chosen_environment(config)
    if name is None:
        raise pytest.UsageError(
            "which environment? Say `pytest --env NAME`, with one of the files in environments/ "
            f"({', '.join(available(folder))}) or a path to one. `pytest --env sandbox` needs no cloud."
        )
    try:
        file = find(name, folder)
    except EnvironmentFileError as error:
        if of_run is not None and config.getoption("--env") is None:
            raise pytest.UsageError(
                f"--replay {config.getoption('--replay')}: this is a run of {of_run}, which is not one of "
                "the environments here. Name its file: --env=PATH"
            ) from None
        raise pytest.UsageError(str(error)) from None
    if of_run is not None and file.stem != of_run:
        raise pytest.UsageError(
            f"--replay {config.getoption('--replay')}: that is a run of {of_run}, not of {file.stem}. "
            "Leave --env out: a run knows its environment."
        )
    return file


def require_environment(config: pytest.Config) -> None:
    """Refuse a run that names no environment, or none that there is, before anything else takes time.

    Raises pytest.UsageError.
    """
    if config.getoption("--replay") is None:
        environment_file(config)


def is_named_on_the_command_line(config: pytest.Config) -> bool:
    """Whether the environment's name is on the command line itself, not in addopts or a variable."""
    words = [str(one) for one in config.invocation_params.args]
    given = [after for word, after in pairwise(words) if word == "--env"]
    given += [word.removeprefix("--env=") for word in words if word.startswith("--env=")]
    return config.getoption("--env") in given


def is_about_an_environment(config: pytest.Config) -> bool:
    """Whether this run collects checks (and not, say, only selftests)."""
    if config.option.help or config.option.version or config.option.markers:
        return False
    if config.getoption("--env") is not None or config.getoption("--replay") is not None:
        return True
    if not chosen_environment(config) and not (config.rootpath / "environments").is_dir():
        return False
    checks = [(config.rootpath / f"tests_{layer}").resolve() for layer in LAYERS]
    for argument in config.args:
        path = (config.invocation_params.dir / argument.split("::", 1)[0]).resolve()
        if any(path == folder or folder in path.parents or path in folder.parents for folder in checks):
            return True
    return False


def layer_of(node: pytest.Item | pytest.Collector) -> str | None:
    """Return the layer of a check or its module: `infra` for what lies in tests_infra."""
    layer = node.nodeid.split("/", 1)[0].removeprefix("tests_")
    return layer if layer in LAYERS else None


def capture_no_logs(config: pytest.Config) -> None:
    """Take pytest's log capture out of a run.

    Around each phase of each check it walks over all loggers, and breaks when a thread imports a library in
    that moment and the library makes a logger.
    """
    name = "logging-plugin"
    if config.pluginmanager.has_plugin(name):
        capture: Any = config.pluginmanager.unregister(name=name)
        # As pytest would at the end: it holds a file open.
        capture.pytest_unconfigure()


def keep_last_failed(config: pytest.Config) -> None:
    """Leave as it is what --lf will select: a replay judges a run of the past, not what is there now."""
    plugin = "lfplugin"
    if config.getoption("--replay") and config.pluginmanager.has_plugin(plugin):
        config.pluginmanager.unregister(name=plugin)


def only_lists(config: pytest.Config) -> bool:
    """Whether this run only tells what there is (--collect-only and its like), and looks at nothing."""
    names = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")
    return any(bool(getattr(config.option, name, False)) for name in names)


def release(config: pytest.Config) -> str | None:
    """Return the release that was deployed; an empty one, as a pipeline without one gives it, is none."""
    named: str | None = config.getoption("--release")
    return named or None


def traceback_style_is_ours(config: pytest.Config) -> bool:
    """Whether the user left --tb alone: then failures are told by cause, without tracebacks."""
    return bool(getattr(config.option, "tbstyle", "auto") == "auto")


def reports_folder(config: pytest.Config) -> Path:
    """Return the folder that keeps the runs."""
    return config.rootpath / str(config.getoption("--reports"))
