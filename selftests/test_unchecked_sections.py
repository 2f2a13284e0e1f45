"""What an environment declares is checked, or the run is not green."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from postflight.collection import Collection
from postflight.environment import SECTION_OF, find, load
from postflight.subjects import rows
from selftests import tiny_project
from selftests.proofs.harness import ROOT

WELL = """\
def test_all_is_well(declared_subnet):
    assert declared_subnet.zone
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one check, of subnets, that declares a VPC and a cache as well."""
    made = tiny_project.make(tmp_path)
    (made / "tests_infra" / "test_tiny.py").write_text(WELL, encoding="utf-8")
    return made


def unverified(project: Path) -> dict[str, Any]:
    results = json.loads((tiny_project.latest(project) / "results.json").read_text(encoding="utf-8"))
    return {one["id"]: one["message"] for one in results["checks"] if one["verdict"] == "unverified"}


@pytest.mark.parametrize("more", [(), ("-n", "2"), ("--allow-unverified",)])
def test_a_declared_section_without_a_check_is_not_green(project: Path, more: tuple[str, ...]) -> None:
    """An installed suite without its checks, beside one check of a user's own."""
    run = tiny_project.run(project, *more, selects=False)

    assert run.returncode == 6, run.stdout
    assert unverified(project).keys() == {"environment::caches", "environment::vpc"}
    assert "no check of it was collected" in run.stdout


@pytest.mark.parametrize("more", [("tests_infra",), ("-k", "well"), ("-m", "infra"), ("--deselect", "no")])
def test_whoever_selects_may_leave_sections_out(project: Path, more: tuple[str, ...]) -> None:
    run = tiny_project.run(project, *more, selects=False)

    assert run.returncode == 0, run.stdout


def test_a_folder_without_checks_is_not_green(project: Path) -> None:
    """`collected 0 items` is what pytest says, with a status of its own."""
    shutil.rmtree(project / "tests_infra")
    run = tiny_project.run(project, selects=False)

    assert run.returncode == 6, run.stdout
    assert unverified(project).keys() == {"environment::caches", "environment::vpc", "environment::subnets"}


def test_testpaths_that_leave_the_checks_out_are_not_green(project: Path) -> None:
    """A user's own pytest.ini stays in force."""
    (project / "mine").mkdir()
    (project / "mine" / "test_mine.py").write_text("def test_mine(): pass\n", encoding="utf-8")
    (project / "pytest.ini").write_text("[pytest]\ntestpaths = mine\n", encoding="utf-8")
    run = tiny_project.run(project, selects=False)

    assert run.returncode == 6, run.stdout
    assert "environment::subnets" in unverified(project)


def test_listing_asks_for_no_checks(project: Path) -> None:
    assert tiny_project.run(project, "--collect-only", selects=False).returncode == 0


def test_the_sandbox_declares_every_section() -> None:
    """So a healthy run of it, which is green, has a check of each."""
    environment = load(find("sandbox", ROOT / "environments"), {})
    collection = Collection(environment, "inside", rows(), release=None)

    assert {*SECTION_OF.values(), "cluster", "vpc"} == set(collection.unchecked)
