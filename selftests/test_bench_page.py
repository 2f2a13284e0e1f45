"""The tables of docs/performance.md: the bench puts them there whole, and nobody edits them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import fan_out, fleet, growth, run_time, start_up
from bench.__main__ import SECTIONS
from bench.measurement import Measurement
from bench.page import made_by, put, with_table
from bench.table import HEADINGS, as_markdown

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
RUN = Measurement("run", 2.0, "s", "the least possible", 1.5, 1.5, "note")
ROWS = {
    "start-up": start_up.ROWS,
    "fan-out": fan_out.ROWS,
    "growth": growth.ROWS,
    "fleet": fleet.ROWS,
}
VERDICTS = {"", "kept", "over, within noise", "missed"}
OTHER = "| whom | limit |\n| --- | --- |\n| EC2 | 100 |\n"


def page_of(table: str) -> str:
    return f"# Page\n\n## Run time\n\nWhat it is.\n\n{table}\nWhat it means.\n\n{OTHER}\n## Fleet\n\n{table}"


def rows_of(section: str) -> list[list[str]]:
    """Return the cells of the rows that the page has of a section."""
    lines = (line for line in PAGE.splitlines() if line.startswith(f"| {section} |"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_table_is_replaced_with_how_it_was_made_and_nothing_else_is(tmp_path: Path) -> None:
    """A refresh on a quiet machine must be one command; what is pasted by hand is edited by hand."""
    page = tmp_path / "page.md"
    page.write_text(page_of(as_markdown({"run-time": [RUN, RUN]}) + "\n\nMeasured once.\n"), encoding="utf-8")
    made = made_by(["run-time", "--rounds", "1"])
    for _ in range(2):
        for section in ("run-time", "fleet"):
            put(page, section, [RUN], made)
    run, both = (f"{as_markdown({name: [RUN]})}\n\n{made}" for name in ("run-time", "fleet"))
    expected = page_of(run).rpartition("## Fleet")[0] + f"## Fleet\n\n{both}"
    assert page.read_text(encoding="utf-8") == expected
    assert "`python -m bench run-time --rounds 1`" in made


@pytest.mark.parametrize("page", ["## Runs\n", "## Run time\n\nNo table.\n", f"## Run time\n\n{OTHER}"])
def test_page_without_a_place_for_the_table_is_refused(page: str) -> None:
    """A table put where it does not belong would be worse than none."""
    with pytest.raises(ValueError, match="run-time"):
        with_table(page, "run-time", [RUN], "")


def test_page_without_a_place_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    """Minutes of measuring must not end in a page that cannot take them."""
    command = (sys.executable, "-m", "bench", "run-time", "--into", str(tmp_path / "none.md"))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "none.md" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("section", SECTIONS)
def test_page_has_the_rows_of_the_bench(section: str) -> None:
    """A row that was left out is mostly the one that looked bad."""
    rows = rows_of(section)
    names = tuple(cells[1] for cells in rows)
    assert names == (ROWS[section] if section in ROWS else run_time.names(_latencies(names)))
    assert {len(cells) for cells in rows} == {len(HEADINGS)}
    assert {cells[4] for cells in rows} <= VERDICTS


def _latencies(names: tuple[str, ...]) -> list[int]:
    return list(dict.fromkeys(int(name.partition(" ms")[0]) for name in names))


@pytest.mark.parametrize("section", SECTIONS)
def test_page_says_how_each_table_was_made(section: str) -> None:
    """Seconds without their command and machine are nobody's."""
    table = rf"^\| {section} \|.*\n\nMeasured 20\d\d-\d\d-\d\d.*`python -m bench {section} .*load of"
    assert re.search(table, PAGE, re.MULTILINE)
