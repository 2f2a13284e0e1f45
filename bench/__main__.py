"""`python -m bench [SECTION ...]`: what is budgeted, measured now, on this machine."""

import argparse
import importlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.measurement import Measurement, Options, Section
from bench.page import made_by, put, with_table
from bench.table import Results, as_json, as_markdown, as_text

SECTIONS = {
    "start-up": "bench.start_up",
    "run-time": "bench.run_time",
    "fan-out": "bench.fan_out",
    "growth": "bench.growth",
    "fleet": "bench.fleet",
}


def section(name: str) -> Section:
    """Return the function that measures a section."""
    measure: Section = importlib.import_module(SECTIONS[name]).measure
    return measure


def say(words: str) -> None:
    """Tell whoever waits; standard output is the table's."""
    print(words, file=sys.stderr, flush=True)


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of: {', '.join(SECTIONS)} (default: all)"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="take the best of so many (default: %(default)s)"
    )
    parser.add_argument(
        "--latency",
        type=int,
        action="append",
        metavar="MS",
        help="of the sandbox; may be repeated (default: 0 50 100)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="every figure, for scripts")
    form.add_argument("--markdown", action="store_true", help="the table as Markdown")
    parser.add_argument(
        "--into", type=Path, metavar="PAGE", help="replace the tables of this page: docs/performance.md"
    )
    asked = parser.parse_args(words)
    unknown = [name for name in asked.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    asked.sections = asked.sections or list(SECTIONS)
    if asked.into:
        _see_that_it_fits(parser, asked)
    return asked


def _see_that_it_fits(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    # Minutes of measuring must not end in a page that has no place for them.
    try:
        page = asked.into.read_text(encoding="utf-8")
        for name in asked.sections:
            with_table(page, name, (), "")
    except (OSError, ValueError) as error:
        parser.error(f"{asked.into}: {error}")


def repeated(name: str, asked: argparse.Namespace) -> list[str]:
    """Return the words that measure one of the sections as it is measured now."""
    latencies = asked.latency if name == "run-time" else None
    return [name, "--rounds", str(asked.rounds), *(f"--latency {one}" for one in latencies or ())]


def measure_all(
    sections: Mapping[str, Section], options: Options, keep: Callable[[str, list[Measurement]], None]
) -> Results:
    """Return every section's measurements; each is told as soon as it is there."""
    results: dict[str, list[Measurement]] = {}
    for name, measure in sections.items():
        options.say(f"== {name}")
        found: list[Measurement] = []
        try:
            for measured in measure(options):
                found.append(measured)
                options.say(as_text({name: [measured]}).splitlines()[1])
        except (RuntimeError, subprocess.SubprocessError) as error:
            # The other sections take minutes too, and have nothing to do with it.
            options.say(f"{name} could not be measured: {error}")
            continue
        results[name] = found
        keep(name, found)
    return results


def status(sections: Sequence[str], results: Results) -> int:
    """Return the exit status: 1 when a budget is missed, or a section could not be measured."""
    if results.keys() != set(sections):
        return 1
    return int(any(measured.is_missed for all_measured in results.values() for measured in all_measured))


def main(words: Sequence[str]) -> int:
    """Measure, print the table, and say by the exit status whether a budget is missed."""
    asked = arguments(words)
    # Of one section's load the next knows nothing: what counts is how busy the machine was before.
    made = {name: made_by(repeated(name, asked)) for name in asked.sections}
    with tempfile.TemporaryDirectory(prefix="postflight-bench-") as folder:
        options = Options(
            folder=Path(folder),
            say=say,
            rounds=asked.rounds,
            latencies_ms=tuple(asked.latency or (0, 50, 100)),
        )
        results = measure_all(
            {name: section(name) for name in asked.sections},
            options,
            lambda name, measured: put(asked.into, name, measured, made[name]) if asked.into else None,
        )
    print(as_json(results) if asked.json else as_markdown(results) if asked.markdown else as_text(results))
    return status(asked.sections, results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
