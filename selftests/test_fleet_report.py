"""One Allure report over the results of many environments: the newest run of each, and kept apart."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from selftests.proofs.harness import ROOT

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="reports are built with Node.js, which is not here")

TONIGHT = dt.datetime(2026, 11, 21, 18, 30, tzinfo=dt.UTC)
SINCE_MS = int(TONIGHT.timestamp() * 1000) + 5
BEFORE_MS = SINCE_MS - 86_400_000


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def _result(folder: Path, name: str, env: str, start: int) -> None:
    labels = [{"name": "env", "value": env}, {"name": "suite", "value": "Nodes"}]
    _write(folder / "allure-results" / f"{name}-result.json", {"start": start, "labels": labels})


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """What the pods of two environments have put into the bucket in two nights."""
    for env in ("stage", "dev"):
        folder = tmp_path / "fleet" / env
        _result(folder, f"{env}-old", env, BEFORE_MS)
        _result(folder, f"{env}-new", env, SINCE_MS)
        (folder / "allure-results" / f"{env}-runbook.md").write_text("what to do", encoding="utf-8")
        _write(folder / "allure-results" / "executor.json", {"name": env})
        _write(folder / "latest" / "results.json", {"run": {"started": TONIGHT.isoformat()}})
    return tmp_path / "fleet"


def gathered(fleet: Path) -> Mapping[str, Any]:
    """Gather as `make report` does."""
    code = (
        f"import {{ gather, environmentsOf }} from {json.dumps((ROOT / 'reports' / 'results.mjs').as_uri())};"
        "const [root, into] = process.argv.slice(1);"
        "const count = gather(root, into);"
        "console.log(JSON.stringify({ count, environments: environmentsOf(into) }));"
    )
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", code, str(fleet), str(fleet / "allure-gathered")],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: Mapping[str, Any] = json.loads(done.stdout)
    return told


def test_a_fleets_report_holds_the_newest_run_of_each_environment(fleet: Path) -> None:
    """Last night's results would be shown as tonight's retries."""
    gathered(fleet)

    assert {file.name for file in (fleet / "allure-gathered").iterdir()} == {
        "dev-new-result.json", "stage-new-result.json", "dev-runbook.md", "stage-runbook.md",
    }  # fmt: skip


def test_a_fleets_report_knows_its_environments_from_the_results(fleet: Path) -> None:
    """An environment that was given by its path is in no folder of ours."""
    assert gathered(fleet) == {"count": 2, "environments": ["dev", "stage"]}


def test_results_that_tell_of_no_newest_run_are_all_taken(fleet: Path) -> None:
    """Somebody may have copied the folders of Allure alone."""
    shutil.rmtree(fleet / "dev" / "latest")
    gathered(fleet)

    assert (fleet / "allure-gathered" / "dev-old-result.json").exists()
    assert not (fleet / "allure-gathered" / "stage-old-result.json").exists()
