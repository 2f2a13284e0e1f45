"""A check module that cannot be imported is named with its reason, whatever tracebacks are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from selftests import tiny_project

_BROKEN = {
    "import nowhere\n": "ModuleNotFoundError: No module named 'nowhere'",
    "def (:\n": "SyntaxError: invalid syntax",
    'raise RuntimeError("one line\\nand another")\n': "RuntimeError: one line",
    'import pytest\n\npytest.skip("now")\n': "Using pytest.skip outside of a test",
}


def _broken(folder: Path, text: str) -> Path:
    made = tiny_project.make(folder)
    (made / "tests_infra" / "test_tiny.py").write_text("def test_passes():\n    pass\n", encoding="utf-8")
    (made / "tests_infra" / "test_broken.py").write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize("style", [(), ("--tb=no",), ("--tb=short",), ("--tb=line", "-q"), ("-r", "N")])
def test_a_module_that_cannot_be_imported_is_named_with_its_reason(
    tmp_path: Path, style: tuple[str, ...]
) -> None:
    """As pytest alone: status 2, nothing judged; and whoever sees it must not have to guess why."""
    run = tiny_project.run(_broken(tmp_path, "import nowhere\n"), *style)

    assert run.returncode == 2, run.stdout
    told = "NOT COLLECTED: tests_infra/test_broken.py: ModuleNotFoundError: No module named 'nowhere'"
    assert told in run.stdout
    assert "Interrupted: 1 error during collection" in run.stdout


def test_modules_of_one_name_are_told_what_they_need(tmp_path: Path) -> None:
    """The hint to remove __pycache__, which is pytest's, helps nobody who has lost the import mode."""
    made = _broken(tmp_path, "def test_passes():\n    pass\n")
    (made / "tests_app").mkdir()
    (made / "tests_app" / "test_broken.py").write_text("def test_passes():\n    pass\n", encoding="utf-8")

    run = tiny_project.run(made, "tests_infra", "tests_app")

    assert run.returncode == 2, run.stdout
    told = "NOT COLLECTED: tests_app/test_broken.py: another module has its name. Give --import-mode"
    assert told in run.stdout


@pytest.mark.parametrize(
    "arguments", [("-n", "2"), ("-n", "1", "--tb=no"), ("--continue-on-collection-errors",)]
)
def test_a_run_that_goes_on_without_a_module_has_failed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Workers judge what they have; the module's checks are missing, which no option excuses."""
    run = tiny_project.run(_broken(tmp_path, "import nowhere\n"), "--allow-unverified", *arguments)

    assert run.returncode == 1, run.stdout
    assert run.stdout.count("NOT COLLECTED: tests_infra/test_broken.py: ModuleNotFoundError") == 1
    assert "1 passed" in run.stdout


@pytest.mark.parametrize(("text", "reason"), _BROKEN.items())
def test_the_exception_itself_is_told(tmp_path: Path, text: str, reason: str) -> None:
    """Not its last frame, nor the middle of a message of several lines."""
    run = tiny_project.run(_broken(tmp_path, text))

    assert run.returncode == 2, run.stdout
    assert f"NOT COLLECTED: tests_infra/test_broken.py: {reason}" in run.stdout


def test_a_run_without_such_a_module_says_nothing_of_it(tmp_path: Path) -> None:
    """An error in a check is another matter."""
    made = tiny_project.make(tmp_path)
    (made / "tests_infra" / "test_tiny.py").write_text("def test_crashes():\n    {}['a']\n", encoding="utf-8")

    run = tiny_project.run(made)

    assert run.returncode == 6, run.stdout
    assert "NOT COLLECTED" not in run.stdout
