"""What the command line asks of the reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from postflight.report import webhook
from postflight.report.comparison import ComparisonError, Earlier, read_results


@dataclass(frozen=True)
class Wanted:
    """Where reports go besides the run's folder, and what they compare with.

    `earlier`: results of the run to compare with (default: the environment's previous ones). `webhook`: a
    secret URL. `allure`: the folder of Allure results.
    """

    earlier: Earlier | None = None
    webhook: str | None = None
    allure: Path | None = None


def wanted(config: pytest.Config, process: Mapping[str, str]) -> Wanted:
    """Read the options (and the webhook's variable) of a run. Raises pytest.UsageError."""
    here = config.invocation_params.dir
    earlier: str | None = config.getoption("--compare")
    results: str | None = config.getoption("allure_report_dir", None)
    return Wanted(
        earlier=_results(here / earlier) if earlier else None,
        webhook=config.getoption("--summary-webhook") or process.get(webhook.VARIABLE) or None,
        allure=here / results if results else None,
    )


def _results(run: Path) -> Earlier:
    try:
        return read_results(run)
    except ComparisonError as error:
        raise pytest.UsageError(str(error)) from None
