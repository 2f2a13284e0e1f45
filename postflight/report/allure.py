"""Allure: completes, at a run's end, the results that allure-pytest wrote while it went on.

Causes are known only at the end, and so is every secret: what allure-pytest wrote is rewritten then, in the
controller alone, whatever number of workers there was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from postflight.report import allure_page, allure_result
from postflight.report.findings import Findings
from postflight.run import Run
from postflight.writing import as_line, redact_file, write_whole

_LABEL = "postflight"


def is_wanted(config: pytest.Config) -> bool:
    """Whether allure-pytest is installed and writes results."""
    return bool(config.getoption("allure_report_dir", None))


def mark(item: pytest.Item) -> pytest.MarkDecorator:
    """Return the mark by which `complete` knows the result of an item again."""
    return pytest.mark.allure_label(item.nodeid, label_type=_LABEL)


def complete(folder: Path, findings: Findings, run: Run) -> None:
    """Rewrite this run's results in a folder, and write what Allure reads beside them.

    Results of other runs, and of tests that are no checks of ours, stay as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_id = {one.id: one for one in findings.outcomes}
    since_ms = int(run.started.timestamp() * 1000)
    ours: set[str] = set()
    for file, result in _read(folder, "*-result.json", since_ms):
        ids = [label["value"] for label in result.get("labels", ()) if label["name"] == _LABEL]
        if ids:
            ours.add(result["uuid"])
            _redact_attachments(folder, result, run)
            result["labels"] = [one for one in result["labels"] if one["name"] != _LABEL]
            if ids[0] in by_id:
                result.update(allure_result.completed(result, by_id[ids[0]], findings, run, folder))
            write_whole(file, (as_line(result, run.connections.secrets.redact),))
    for file, container in _read(folder, "*-container.json", since_ms):
        children = set(container.get("children", ()))
        if not children or ours & children:
            _keep_what_matters(file, container, run)
    allure_page.write(folder, findings, run)
    _link(run.folder / "allure-results", folder)


def _read(folder: Path, pattern: str, since_ms: int) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(folder.glob(pattern)):
        if file.stat().st_mtime * 1000 < since_ms:
            continue
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if content.get("start", 0) >= since_ms:
            yield file, content


def _keep_what_matters(file: Path, container: Mapping[str, Any], run: Run) -> None:
    """Our fixtures only wait for evidence: a container of nothing but their names says nothing."""
    fixtures = [*container.get("befores", ()), *container.get("afters", ())]
    if any(fixture.get("steps") or fixture.get("attachments") for fixture in fixtures):
        for fixture in fixtures:
            _redact_attachments(file.parent, fixture, run)
        write_whole(file, (as_line(container, run.connections.secrets.redact),))
    else:
        file.unlink()


def _redact_attachments(folder: Path, part: Mapping[str, Any], run: Run) -> None:
    """Redact captured logs and output: they may hold what nobody should read."""
    for attachment in part.get("attachments", ()):
        file = folder / attachment["source"]
        if file.is_file():
            redact_file(file, run.connections.secrets.redact)
    for step in part.get("steps", ()):
        _redact_attachments(folder, step, run)


def _link(link: Path, folder: Path) -> None:
    """Let `make report` find the results of a run."""
    if link.is_symlink() or not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(folder.resolve(), target_is_directory=True)
