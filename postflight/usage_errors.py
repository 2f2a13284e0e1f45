"""Command lines that are refused before anything is looked at, each with what to do instead."""

from __future__ import annotations

from itertools import pairwise

import pytest

_LOG_OPTIONS = ("log_level", "log_cli_level", "log_file", "log_file_level")
_PATHS = ("--env", "--replay", "--compare", "--reports")
# An empty one would be taken for none, and a pipeline's unset variable would switch it off unseen.
_NEVER_EMPTY = ("--env", "--replay", "--reports", "--compare", "--patience", "--deadline")


def require_values(config: pytest.Config) -> None:
    """Refuse an option whose value is empty, as `--env "$TARGET"` with an unset variable gives it.

    Raises pytest.UsageError.
    """
    for option in _NEVER_EMPTY:
        value = config.getoption(option)
        if isinstance(value, str) and not value.strip():
            raise pytest.UsageError(
                f"{option} is empty. Is a variable of the command line not set? Give it a value, or leave "
                f"{option} out."
            )


def require_no_max_warnings(config: pytest.Config) -> None:
    """Refuse --max-warnings: pytest would end with status 6 for it, which says "unverified" here.

    Raises pytest.UsageError.
    """
    if getattr(config.option, "max_warnings", None) is not None or _ini(config, "max_warnings"):
        raise pytest.UsageError(
            "--max-warnings ends with exit status 6, which means `unverified` in a run with --env. Leave it "
            "out."
        )


def _ini(config: pytest.Config, name: str) -> object:
    """Return an option of pytest's ini file; None where this pytest does not know it."""
    try:
        return config.getini(name)
    except (KeyError, ValueError):
        return None


def require_root(config: pytest.Config) -> None:
    """Refuse to run where pytest took a path that one of our options is given for the root of the tests.

    pytest looks for its root before it knows our options. Raises pytest.UsageError.
    """
    here = config.invocation_params.dir
    words = [str(one) for one in config.invocation_params.args]
    paths = [(name, after) for name, after in pairwise(words) if name in _PATHS and (here / after).exists()]
    if config.rootpath == here or (config.rootpath / "environments").is_dir():
        return
    for name, path in paths[:1]:
        raise pytest.UsageError(
            f"pytest took {path} for a folder of tests, and {config.rootpath} for their root. Write it with "
            f"an equals sign: {name}={path}"
        )


def require_assertions(config: pytest.Config) -> None:
    """Refuse to judge without assertions: Python leaves them out, and every check would pass.

    Raises pytest.UsageError.
    """
    # pytest's rewriting puts them back, so that -O alone does no harm.
    if not __debug__ and config.getoption("assertmode") == "plain":
        raise pytest.UsageError(
            "--assert=plain with Python's -O (PYTHONOPTIMIZE) leaves out every assertion: each check would "
            "pass whatever it saw. Leave one of the two out."
        )


def require_no_logs(config: pytest.Config) -> None:
    """Refuse to print or keep what libraries log: their debug messages hold headers, bodies and logins.

    Raises pytest.UsageError.
    """
    asked = [
        f"--{name.replace('_', '-')}" for name in _LOG_OPTIONS if config.getoption(name, None) is not None
    ]
    if asked:
        raise pytest.UsageError(
            f"{', '.join(asked)}: a run over an environment keeps no logs of the libraries that it "
            "uses, because they hold credentials. What was seen is in the run's evidence/, redacted."
        )
