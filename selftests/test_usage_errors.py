"""Command lines that are refused, and what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from selftests.test_run import pytest_said


def test_production_is_verified_only_when_it_is_named() -> None:
    """A variable left over in a shell must not point a run at production."""
    status, said = pytest_said("--collect-only", "-q", POSTFLIGHT_ENV="prod")
    named, _ = pytest_said("--collect-only", "-q", "--env", "prod")

    assert status == 4
    assert "pytest --env prod" in said
    assert named == 0


@pytest.mark.parametrize("words", [("--env", ""), ("--env=",), ("--env", " "), ("--env=stage", "--env=")])
def test_an_empty_environment_is_refused(words: tuple[str, ...]) -> None:
    """`--env "$TARGET"` with an unset variable must not fall back to what a shell was left with."""
    status, said = pytest_said("--collect-only", "-q", *words, POSTFLIGHT_ENV="prod")

    assert status == 4
    assert "--env is empty" in said
    assert "prod" not in said


@pytest.mark.parametrize("words", ["--env prod", "--env=prod"])
def test_added_options_do_not_name_production(words: str) -> None:
    """PYTEST_ADDOPTS is left over in a shell like any other variable."""
    status, said = pytest_said("--collect-only", "-q", PYTEST_ADDOPTS=words)
    other, _ = pytest_said("--collect-only", "-q", "--env=stage", PYTEST_ADDOPTS=words)

    assert status == 4
    assert "only verified when the command line names it" in said
    assert other == 0


@pytest.mark.parametrize("option", ["--replay", "--reports", "--compare", "--patience", "--deadline"])
def test_an_option_without_its_value_is_refused(option: str) -> None:
    """An unset variable of a pipeline would switch a deadline off, or write results into the root."""
    status, said = pytest_said("--env=stage", "--collect-only", "-q", f"{option}=")

    assert status == 4
    assert f"{option} is empty" in said


def test_an_empty_release_is_none() -> None:
    """A pipeline that deploys no release passes an empty one."""
    status, _ = pytest_said("--env=stage", "--collect-only", "-q", "--release=")

    assert status == 0


@pytest.mark.parametrize("words", [("--max-warnings=5",), ("-o", "max_warnings=5")])
def test_status_6_means_unverified_alone(words: tuple[str, ...]) -> None:
    """Pytest 9.1 and newer end with 6 for too many warnings."""
    status, said = pytest_said("--env=stage", "--collect-only", "-q", *words)

    assert status == 4
    assert "--max-warnings ends with exit status 6" in said


@pytest.mark.parametrize("more", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_path_taken_for_a_folder_of_tests_is_named(tmp_path: Path, more: tuple[str, ...]) -> None:
    """Pytest looks for its root before it knows our options."""
    status, said = pytest_said("--env", "stage", "--reports", str(tmp_path), *more)

    assert status == 4
    assert f"Write it with an equals sign: --reports={tmp_path}" in said
    assert "Traceback" not in said
