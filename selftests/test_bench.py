"""The bench: what it compares, when it says that a budget is missed, and what its peers cover."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.__main__ import measure_all, status
from bench.environments.running import Place, Ran
from bench.fan_out import GOSS_ELSEWHERE_S, against_goss
from bench.lower_bound import Look, longest_chain
from bench.measurement import Measurement, Options
from bench.processes import quickest
from bench.table import as_json, as_markdown, as_text

ROOT = Path(__file__).parent.parent
SDKS = ("boto3", "botocore", "kubernetes", "requests", "urllib3", "dns", "psycopg", "redis", "cryptography")
KEPT = Measurement("run", 2.0, "s", "the least possible", 1.5, 1.5, "note")
MISSED = Measurement("run", 3.0, "s", "the least possible", 1.5, 1.5)
ABSENT = Measurement("run", 3.0, "s", "goss", note="not installed")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, *words)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("seconds", "is_missed"), [(1.4, False), (1.5, False), (1.79, False), (1.81, True), (9.0, True)]
)
def test_budget_is_missed_beyond_a_fifth(seconds: float, *, is_missed: bool) -> None:
    """Noise of a shared machine must not turn CI red; a run that really got slower must."""
    assert Measurement("run", seconds, "s", "peer", 1.0, 1.5).is_missed == is_missed


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(1.5, "kept"), (1.53, "over, within noise"), (1.81, "missed")]
)
def test_no_budget_is_called_kept_that_was_not(seconds: float, verdict: str) -> None:
    """The tolerance is for the exit status; who reads the table must see what was measured."""
    measured = Measurement("run", seconds, "s", "peer", 1.0, 1.5)
    assert measured.verdict == verdict
    assert f" {verdict} " in as_markdown({"run-time": [measured]})


def test_peer_that_failed_is_not_compared(tmp_path: Path) -> None:
    """A peer that ends at once because it is broken would look quick, and we slow; or the other way round."""
    with pytest.raises(RuntimeError, match="ended with 3"):
        quickest((sys.executable, "-c", "raise SystemExit(3)"), os.environ, tmp_path, 2)
    flaky = "import pathlib; new = pathlib.Path('new'); raise SystemExit(new.exists() or new.touch())"
    assert quickest((sys.executable, "-c", flaky), os.environ, tmp_path, 2).cost.status == 0


def test_slow_peer_has_fewer_rounds(tmp_path: Path) -> None:
    """The bench as a whole is for every day; how many rounds there were is told."""
    nothing = (sys.executable, "-c", "")
    assert quickest(nothing, os.environ, tmp_path, 3).rounds == 3
    assert quickest(nothing, os.environ, tmp_path, 3, patience_s=0.0).rounds == 1


def test_figure_of_another_machine_decides_nothing() -> None:
    """What was measured elsewhere tells of that machine; no exit status may depend on it."""
    ran = Ran(0, 100.0, 1.0, 80.0, "", None)
    where = Place(Path(), Path(), {}, 0)
    (endpoints,) = GOSS_ELSEWHERE_S
    measured = against_goss(endpoints, ran, where, 1, goss=None)
    assert not measured.is_missed
    assert measured.verdict == ""
    assert "another machine" in measured.note


def test_so_many_times_faster_is_a_budget_too() -> None:
    """A peer's eighth is the most that is allowed where eight times faster is promised."""
    assert not Measurement("run", 1.0, "s", "plain", 8.1, 1 / 8).is_missed
    assert Measurement("run", 2.0, "s", "plain", 8.1, 1 / 8).is_missed


def test_missed_budget_is_the_exit_status() -> None:
    """CI reads the exit status, not the table."""
    assert status(["run-time"], {"run-time": [KEPT, ABSENT]}) == 0
    assert status(["run-time", "growth"], {"run-time": [KEPT], "growth": [MISSED]}) == 1


def test_section_that_cannot_be_measured_costs_no_other(tmp_path: Path) -> None:
    """Minutes of measuring must not be lost to what a later section met; nor may it look measured."""

    def broken(_: Options) -> Iterator[Measurement]:
        yield KEPT
        raise RuntimeError("it ended with 3")

    said: list[str] = []
    kept: list[str] = []
    sections = {"fleet": broken, "run-time": lambda _: iter([KEPT])}
    results = measure_all(sections, Options(tmp_path, said.append), lambda name, _: kept.append(name))
    assert results == {"run-time": [KEPT]}
    assert kept == ["run-time"]
    assert "fleet could not be measured: it ended with 3" in said
    assert status(list(sections), results) == 1


def test_table_tells_ratio_and_budget_first() -> None:
    """Seconds are of one machine; ratios are what can be compared."""
    lines = as_text({"run-time": [KEPT, MISSED, ABSENT]}).splitlines()
    assert [line.split()[2:4] for line in lines[1:3]] == [["1.33", "x"], ["2.00", "x"]]
    assert "kept" in lines[1]
    assert "missed" in lines[2]
    assert "not installed" in lines[3]
    assert as_markdown({"run-time": [KEPT]}).count("\n") == 2


def test_json_has_every_figure() -> None:
    """What is followed over time is read from JSON."""
    told = json.loads(as_json({"run-time": [KEPT, ABSENT]}))["measurements"]
    assert told[0]["ratio"] == pytest.approx(4 / 3)
    assert told[1]["peer_value"] is None


def test_unknown_section_is_told_with_those_there_are() -> None:
    """A slip of the pen must not look like a bench without findings."""
    done = _run("-m", "bench", "runtime")
    assert done.returncode == 2
    assert "run-time" in done.stderr


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([(0, 1), (0, 3)], 3.0),
        ([(0, 1), (1, 2), (2, 4)], 4.0),
        ([(0, 1), (0, 2), (2, 3), (1, 3)], 3.0),
        ([(0, 1), (5, 6)], 2.0),
    ],
    ids=["nothing", "at once", "in turn", "two chains", "a pause is none of it"],
)
def test_longest_chain_is_of_looks_that_waited(spans: Sequence[tuple[float, float]], seconds: float) -> None:
    """The lower bound must be what cannot be avoided: neither pauses of ours nor what went on beside it."""
    looks = [Look("probe", began, ended) for began, ended in spans]
    assert longest_chain(looks) == pytest.approx(seconds)


@pytest.mark.parametrize("words", [["--help"], ["--env", "sandbox", "--collect-only", "-q"]], ids=" ".join)
def test_no_sdk_is_imported_before_something_is_looked_at(words: Sequence[str]) -> None:
    """Start-up is waited for each time: also for help, for a slip of the pen, and by each worker."""
    done = _run("-X", "importtime", "-m", "pytest", *words)
    assert done.returncode == 0, done.stdout
    imported = set(re.findall(r"\|\s+([\w.]+)$", done.stderr, re.MULTILINE))
    assert "pytest" in imported
    assert not {name.partition(".")[0] for name in imported} & set(SDKS)


def _collected(*words: str) -> list[str]:
    done = _run("-m", "pytest", *words, "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_plain_tests_cover_what_the_checks_do_and_stay_out_of_their_way() -> None:
    """A peer that does less would flatter us; and nobody who verifies an environment wants to meet it."""
    own = _collected("--env", "sandbox")
    plain = _collected("-c", os.fspath(ROOT / "bench/plain/pytest.ini"), os.fspath(ROOT / "bench/plain"))
    assert not [line for line in own if "plain" in line.partition("::")[0]]
    assert 0.95 < len(plain) / len(own) < 1.05
