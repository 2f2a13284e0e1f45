"""A project with a few checks of its own, judged from a recorded answer: whole runs without a cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from postflight import surroundings
from postflight.evidence import question

SECRET = "hunter2-which-nobody-may-read"

_ENVIRONMENT = """\
aws: {account: "123456789012", region: ap-northeast-2}
vpc: {vpc: some-vpc}
subnets:
  a: {subnet: some-a, tier: public, zone: ap-northeast-2a}
  b: {subnet: some-b, tier: public, zone: ap-northeast-2b}
caches:
  c: {replication_group: some-cache, auth: {secret: s, key: K, namespace: n}}
waivers:
  - {check: test_subnet_is_waived, reason: a ticket is open, owner: Kim, expires: 2199-01-01}
"""
_CHECKS = """\
import logging

import pytest


def test_subnet_is_tagged(declared_subnet):
    \"\"\"Nothing finds a subnet without its tag.\"\"\"
    assert False, f"subnet {declared_subnet.name} of 서울 has no <tag> \\"x\\" `y` #1"


def test_load_balancer_exists(declared_subnet):
    \"\"\"No way in without it.\"\"\"
    logging.getLogger("some").warning("hunter2-which-nobody-may-read")
    assert declared_subnet.name == "b", "there is no load balancer: hunter2-which-nobody-may-read"


def test_subnet_is_waived(declared_subnet):
    \"\"\"Somebody knows.\"\"\"
    assert declared_subnet.name == "b", "it is not right"


def test_subnet_exists(subnet):
    \"\"\"Nothing can be placed in what is not there.\"\"\"
    assert subnet.found


def test_all_is_well(declared_subnet):
    \"\"\"As it should be.\"\"\"
    assert declared_subnet.zone
"""
_ENTRY = """\
## {test}
**Symptom** Something is red.
**Cause** Somebody removed <subnet.name>.
**Confirm** `aws ec2 describe-subnets`
**Fix** Tag it again:
```bash
aws ec2 create-tags --resources <subnet.subnet>
```
**Prevent** Care.
**Leads to** {leads_to}
**Guide** KYEOL 2.2

"""


def make(folder: Path) -> Path:
    """Write the project, and the answer that tells who we are. Returns its folder."""
    _write(folder / "pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["tests_infra"]\n')
    _write(folder / "conftest.py", 'pytest_plugins = ["postflight.plugin"]\n')
    _write(folder / "environments" / "tiny.yaml", _ENVIRONMENT)
    _write(folder / "tests_infra" / "test_tiny.py", _CHECKS)
    entries = {
        "test_subnet_is_tagged": "[test_load_balancer_exists](test_tiny.md) of the same subnet",
        "test_load_balancer_exists": "—",
        "test_subnet_is_waived": "—",
        "test_subnet_exists": "—",
        "test_all_is_well": "—",
    }
    page = "".join(entry(test, leads_to) for test, leads_to in entries.items())
    _write(folder / "runbook" / "tests_infra" / "test_tiny.md", page)
    caller = {"account": "123456789012", "arn": "arn:aws:iam::123456789012:user/somebody"}
    kept = {"probe": "aws.sts.caller", "arguments": {}, "began": 1.0, "duration_s": 0.1, "evidence": caller}
    recorded = folder / "reports" / "recorded"
    _write(recorded / "evidence" / question("aws.sts.caller", {}).file_name, json.dumps(kept))
    _write(recorded / surroundings.FILE, json.dumps({"vantage": "outside", "variables": {}}))
    return folder


def entry(test: str, leads_to: str) -> str:
    """Return a check's entry in the runbook."""
    return _ENTRY.format(test=test, leads_to=leads_to)


def run(
    folder: Path,
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    selects: bool = True,
    live: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Judge the project, with more arguments and variables.

    It declares more than it checks, which only a run that selects may: `selects`. `live`: not from the
    recorded answer.
    """
    return subprocess.run(
        _command(arguments, selects=selects, live=live),
        cwd=folder,
        env=_variables(variables or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Begin to judge the project, in a process group of its own; what it prints goes to `output.txt`."""
    with (folder / "output.txt").open("wb") as output:
        return subprocess.Popen(
            _command(arguments),
            cwd=folder,
            env=_variables({}),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _command(arguments: Sequence[str], *, selects: bool = True, live: bool = False) -> list[str]:
    replayed = () if live else ("--replay", "reports/recorded")
    return [
        sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--env", "tiny", *replayed,
        *(["--deselect=nothing"] if selects else []), *arguments,
    ]  # fmt: skip


def _variables(more: Mapping[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTEST_"))}
    return {**clean, "PYTHONPATH": str(Path(__file__).parent.parent), "COLUMNS": "100", **more}


def latest(folder: Path) -> Path:
    """Return the folder of the latest run: replays, at which `reports/latest` does not point."""
    runs = (folder / "reports").glob("tiny-*/results.json")
    return max(runs, key=lambda results: results.stat().st_mtime_ns).parent


def allure_results(folder: Path) -> Sequence[dict[str, Any]]:
    """Return the results in a folder of Allure, by name."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*-result.json")]
    return sorted(found, key=lambda one: str(one["name"]))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
