"""Command-line options and markers, and what they say about a run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from postflight import runbook

LAYERS = ("infra", "platform", "app", "network")

MARKERS = (
    *(f"{layer}: checks of tests_{layer}, for -m {layer}" for layer in LAYERS),
    "where(*fields, **values): a check only of the subjects whose fields are set, or have these values",
    "needs(*sections): a check only where the environment declares these sections",
)

ENVIRONMENT_VARIABLE = "POSTFLIGHT_ENV"
# What pytest's -r is when nobody gave it.
REPORT_CHARACTERS = "fE"

_DURATION = re.compile(r"^(?P<number>\d+(\.\d+)?)(?P<unit>ms|s|m|h)?$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def add(parser: pytest.Parser) -> None:
    """Declare the options of a run."""
    group = parser.getgroup("postflight", "verify a live environment")
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
        "--allow-unverified",
        action="store_true",
        help="exit 0, not 6, when nothing failed but something could not be looked at",
    )
    group.addoption(
        "--reports",
        metavar="DIR",
        default="reports",
        help="folder for the results of runs (default: reports/ in the root folder)",
    )
    group.addoption(
        "--replay",
        metavar="RUN",
        help="judge the evidence that an earlier run recorded, e.g. reports/latest; looks at nothing",
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
    group.addoption(
        "--compare",
        metavar="RUN",
        help="tell what changed since this run (default: the environment's previous run)",
    )
    group.addoption(
        "--strict-environment",
        action="store_true",
        help="count what the environment does not declare as unverified",
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


def is_named_on_the_command_line(config: pytest.Config) -> bool:
    """Whether --env stands on the command line itself, not in addopts, PYTEST_ADDOPTS or a variable."""
    arguments = config.invocation_params.args
    return any(argument == "--env" or argument.startswith("--env=") for argument in map(str, arguments))


def is_about_an_environment(config: pytest.Config) -> bool:
    """Whether this run collects checks (and not, say, only selftests)."""
    if config.option.help or config.option.version or config.option.markers:
        return False
    if not chosen_environment(config) and not (config.rootpath / "environments").is_dir():
        return False
    checks = [(config.rootpath / f"tests_{layer}").resolve() for layer in LAYERS]
    for argument in config.args:
        path = (config.invocation_params.dir / argument.split("::", 1)[0]).resolve()
        if any(path == folder or folder in path.parents or path in folder.parents for folder in checks):
            return True
    return False


def given_by_xdist(config: pytest.Config) -> dict[str, Any] | None:
    """Return what the pytest-xdist controller told this worker; None in any other process."""
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    return worker_input.get("postflight") if worker_input is not None else None


def layer_of(item: pytest.Item) -> str | None:
    """Return the layer of a check: `infra` for what lies in tests_infra."""
    layer = item.nodeid.split("/", 1)[0].removeprefix("tests_")
    return layer if layer in LAYERS else None


def require_root(config: pytest.Config) -> None:
    """Refuse to run where pytest took the path of an environment for the root of the tests.

    pytest looks for its root before it knows our options. Raises pytest.UsageError.
    """
    named: str | None = config.getoption("--env")
    here = config.invocation_params.dir
    if named and config.rootpath != here and not (config.rootpath / "environments").is_dir():
        raise pytest.UsageError(
            f"pytest took a path on the command line for a folder of tests, and {config.rootpath} for their "
            f"root. Write paths with an equals sign: pytest --env={named}, --reports=DIR, --compare=RUN"
        )


def only_lists(config: pytest.Config) -> bool:
    """Whether this run only tells what there is (--collect-only and its like), and looks at nothing."""
    names = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")
    return any(bool(getattr(config.option, name, False)) for name in names)


def release(config: pytest.Config) -> str | None:
    """Return the release that was deployed; an empty one, as a pipeline without one gives it, is none."""
    named: str | None = config.getoption("--release")
    return named or None


def is_xdist_worker(config: pytest.Config) -> bool:
    """Whether this process runs checks for a pytest-xdist controller."""
    return hasattr(config, "workerinput")


def is_xdist_controller(config: pytest.Config) -> bool:
    """Whether this process only hands checks to pytest-xdist workers."""
    return not is_xdist_worker(config) and bool(getattr(config.option, "dist", "no") != "no")


def traceback_style_is_ours(config: pytest.Config) -> bool:
    """Whether the user left --tb alone: then failures are told by cause, without tracebacks."""
    return bool(getattr(config.option, "tbstyle", "auto") == "auto")


def reports_folder(config: pytest.Config) -> Path:
    """Return the folder that keeps the runs."""
    return config.rootpath / str(config.getoption("--reports"))
