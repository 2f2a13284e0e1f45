"""Who gets a second chance in `make test`: a test or two that failed beside others, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from selftests.again import MOST, second_chance

ONE = "selftests/test_a.py::test_one"


@pytest.mark.parametrize(
    ("failed", "again"),
    [
        ([ONE], [ONE]),
        ([f"{ONE}[{number}]" for number in range(MOST + 1)], []),
        ([ONE, "selftests/test_b.py"], []),
        ([ONE, "gw1"], []),
        ([], []),
    ],
    ids=["one", "many", "a module", "a worker", "none"],
)
def test_only_a_few_tests_run_again(tmp_path: Path, failed: list[str], again: list[str]) -> None:
    """A module that cannot be imported, and a worker that collected other tests, leave tests unrun."""
    file = tmp_path / "lastfailed"
    file.write_text(json.dumps(dict.fromkeys(failed, True)), encoding="utf-8")
    assert second_chance(file) == again


def test_a_run_that_kept_nothing_gets_no_second_chance(tmp_path: Path) -> None:
    """Without a list there is nothing to run, which must not be green."""
    assert second_chance(tmp_path / "lastfailed") == []
