"""results.json is written check by check, and is what it would be if it were written at once."""

from __future__ import annotations

import json

import pytest

from postflight.causes import Explanation
from postflight.report import results
from postflight.report.comparison import Comparison
from selftests.run_findings import RUN, outcome

# JSON leaves these line ends as they are.
MESSAGE = 'one\u2028two\x85three\n  "checks": []'
NOTHING = Explanation((), {})


def test_checks_stand_in_their_place() -> None:
    """Whatever a message says, scripts get it as it was."""
    told = {
        "schema": 1,
        "run": {**RUN, "release": MESSAGE},
        "checks": [],
        "causes": [{"id": "a"}],
        "calls": {},
    }
    outcomes = [outcome("test_a", "b", message=MESSAGE), outcome("test_c", None)]
    text = "".join(results.text(told, outcomes, NOTHING, Comparison(), str))
    read = json.loads(text)

    assert [one["message"] for one in read["checks"]] == [MESSAGE, "it is broken"]
    assert {**read, "checks": []} == told
    lines = [line.rstrip(",") for line in text.split("\n") if line.startswith('    {"id": "tests_')]
    assert [json.loads(line) for line in lines] == read["checks"], "one a line, for grep"


def test_results_without_checks_are_whole() -> None:
    """A run may have judged nothing."""
    assert "".join(results.text({"checks": [], "calls": {}}, [], NOTHING, Comparison(), str)) == (
        '{\n  "checks": [],\n  "calls": {}\n}\n'
    )


@pytest.mark.parametrize("told", [{}, {"checks": [1]}])
def test_results_are_refused_where_checks_have_no_place(told: dict[str, object]) -> None:
    """Checks that are lost silently are never missed."""
    with pytest.raises(ValueError, match="no place"):
        list(results.text(told, [], NOTHING, Comparison(), str))
