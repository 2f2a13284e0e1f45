"""What pytest itself prints, through the redaction: its terminal, its errors, and its reports of failures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from _pytest.config import create_terminal_writer

from postflight.redaction import Secrets
from postflight.redaction.process import secrets_of
from postflight.redaction.streams import Guarded
from postflight.report.shown import keep_locals_of_checks

_SECRETS = pytest.StashKey[Secrets]()
_GUARDED = pytest.StashKey[Guarded]()


def secrets(config: pytest.Config) -> Secrets:
    """Return what this process knows of secrets: one set for all clients, reports and streams of a run."""
    return config.stash.setdefault(_SECRETS, Secrets())


def begin(config: pytest.Config) -> None:
    """Learn the secrets of this process, before anything can be printed."""
    known = secrets(config)
    known.update(secrets_of(os.environ))
    if webhook := config.getoption("--summary-webhook", None):
        known.add(str(webhook))


def usage_error(config: pytest.Config, error: pytest.UsageError) -> pytest.UsageError:
    """Return an error that pytest prints to stderr as it may be printed."""
    known = config.stash.get(_SECRETS, None)
    if known is None:
        return error
    return pytest.UsageError(*(known.redact_rendered(str(one)) for one in error.args))


def terminal(config: pytest.Config) -> None:
    """Put a guard between pytest's terminal and its stream: no output of any plugin can go round it."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    writer = reporter._tw  # noqa: SLF001 - pytest has no other way to exchange it
    guarded = Guarded(writer._file, secrets(config), has_markup=writer.hasmarkup or reporter.isatty)  # noqa: SLF001
    config.stash[_GUARDED] = guarded
    replaced = create_terminal_writer(config, cast("Any", guarded))
    replaced.fullwidth = writer.fullwidth
    reporter._tw = replaced  # noqa: SLF001


def command(config: pytest.Config, line: str) -> str:
    """Return a line that may be a command to the CI system, which no other line may."""
    guarded = config.stash.get(_GUARDED, None)
    if guarded is not None:
        guarded.allow_command(line)
    return line


def report(config: pytest.Config, told: pytest.TestReport | pytest.CollectReport) -> None:
    """Take secrets out of what pytest reports: tracebacks, locals, captured output and properties.

    Tracebacks are rendered before: pprint and reprlib break values up, so parts of values are looked for too.
    """
    redact = secrets(config).redact_rendered
    if told.longrepr is not None:
        if isinstance(told, pytest.TestReport):
            keep_locals_of_checks(told, Path(config.rootpath))
        text = told.longreprtext
        clean = redact(text)
        if clean != text:
            told.longrepr = _like(told.longrepr, clean, redact)
    told.sections = [(title, redact(text)) for title, text in told.sections]
    if isinstance(told, pytest.TestReport):
        told.user_properties = [
            (redact(str(name)), _clean(value, redact)) for name, value in told.user_properties
        ]


def _like(longrepr: Any, clean: str, redact: Any) -> Any:
    """Return a redacted text as pytest wants it: a skip is a triple of file, line and reason."""
    if isinstance(longrepr, tuple):
        file, line, reason = longrepr
        return (file, line, redact(reason))
    return clean


def _clean(value: object, redact: Any) -> object:
    return redact(value) if isinstance(value, str) else value
