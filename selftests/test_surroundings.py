"""What a run keeps for its replay: variables that name things, and of all others only a check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from selftests import tiny_project

VARIABLES = {
    "VPC_NAME": "some-vpc",
    "API_HOST": "api.example.com",
    "DB_PW": "hunter2-of-the-shop",
    "SLACK_HOOK": "https://hooks.slack.com/services/T0/B0/Xyz123abc",
    "PLAIN": "nobody-knows-what",
    "WAY": "way-to-the-shop",
}
ENVIRONMENT = """\
aws: {account: "123456789012", region: ap-northeast-2}
description: ${PLAIN} ${SLACK_HOOK}
vpc: {vpc: "${VPC_NAME}"}
subnets:
  a: {subnet: "${DB_PW}", tier: public, zone: ap-northeast-2a}
services:
  cart:
    namespace: shop
    image_repository: cart
    health: {path: "/${WAY}"}
    required:
      API: {value: "https://${API_HOST}/graphql/", cause: "browsers are sent there"}
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Return the folder of a project whose environment is filled in by variables."""
    folder = tiny_project.make(tmp_path)
    (folder / "environments" / "tiny.yaml").write_text(ENVIRONMENT, encoding="utf-8")
    return folder


def kept(folder: Path, variables: Mapping[str, str]) -> Path:
    """Judge the project; return the file that its run kept."""
    run = tiny_project.run(folder, "-k", "test_all_is_well", variables=variables)
    assert run.returncode == 0, run.stdout + run.stderr
    return tiny_project.latest(folder) / "surroundings.json"


def test_only_what_names_things_is_kept(made: Path) -> None:
    """What fills a description, a path or a field by a secret's name may be anything."""
    text = kept(made, VARIABLES).read_text(encoding="utf-8")
    written = json.loads(text)

    assert written["variables"] == {"API_HOST": "api.example.com", "VPC_NAME": "some-vpc"}
    assert sorted(written["withheld"]) == ["DB_PW", "PLAIN", "SLACK_HOOK", "WAY"]
    assert not [name for name in written["withheld"] if VARIABLES[name] in text]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"DB_PW": None}, "it read $DB_PW, whose value is not kept: export DB_PW with the value that it had"),
        ({"PLAIN": "another"}, "$PLAIN has another value than in the run: export PLAIN"),
        ({}, ""),
        ({"VPC_NAME": "another-vpc"}, ""),
    ],
)
def test_a_replay_is_given_the_same_values(made: Path, changed: Mapping[str, str | None], said: str) -> None:
    """With another value it would judge another environment."""
    shutil.copy(kept(made, VARIABLES), made / "reports" / "recorded")
    shell = {**VARIABLES, **changed}
    run = tiny_project.run(
        made, "-k", "test_all_is_well", variables={name: value for name, value in shell.items() if value}
    )

    assert said in " ".join(run.stderr.split())
    assert run.returncode == (4 if said else 0)
    assert VARIABLES["DB_PW"] not in run.stdout + run.stderr
