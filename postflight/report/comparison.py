"""What changed since an earlier run of the same environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from postflight.long_lists import ListReader, NotAListError
from postflight.verdicts import Outcome, Verdict

_SLOWER_BY_S = 1.0
_SLOWER_TIMES = 2.0
_RUNS_REMEMBERED = 10
_BAD = {"failed", "waived"}
_CHUNK = 64 * 1024

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Before:
    """What is read of a check in an earlier run's results."""

    id: str
    verdict: Verdict
    duration_s: float
    settled_after_s: float | None = None
    since: str | None = None


@dataclass(frozen=True)
class EarlierRun:
    """What is read of an earlier run itself."""

    env: str
    started: str
    replayed: str | None = None


@dataclass(frozen=True)
class Earlier:
    """An earlier run, and its checks: by far not all that its results tell, which may be much."""

    run: EarlierRun
    checks: Sequence[Before]


_CHECK = TypeAdapter(Before)
_RUN = TypeAdapter(EarlierRun)


class _UnfitError(Exception):
    """What results tell does not do."""


class ComparisonError(Exception):
    """The earlier run cannot be compared with: where, and what to do."""


@dataclass(frozen=True)
class Comparison:
    """Checks by what became of them since the earlier run; `since` tells when a failure was first seen."""

    earlier: str | None = None
    newly_failing: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    newly_unverified: tuple[str, ...] = ()
    slower: tuple[str, ...] = ()
    since: Mapping[str, str] = field(default_factory=dict)

    def groups(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what there is to tell, worst first."""
        named = (
            ("newly failing", self.newly_failing),
            ("newly unverified", self.newly_unverified),
            ("still failing", self.still_failing),
            ("mended", self.mended),
            ("slower than before", self.slower),
        )
        yield from ((name, ids) for name, ids in named if ids)


def previous_run(reports: Path, environment: str, current: Path, judged: Collection[str]) -> Earlier | None:
    """Return what the earlier runs of an environment said: of each check, the newest run that judged it.

    Runs that judged nothing, replays and folders that cannot be read are passed over. No older run is read
    once all checks that are `judged` now have been found.
    """
    found: Earlier | None = None
    known: set[str] = set()
    runs = (run for run in _newest_first(reports, environment) if run != current)
    usable = (results for run in runs if (results := _usable(run, environment)) is not None)
    for results in islice(usable, _RUNS_REMEMBERED):
        if found is None:
            found = results
        else:
            older = (one for one in results.checks if one.id not in known)
            dated = [replace(one, since=one.since or results.run.started) for one in older]
            found = replace(found, checks=[*found.checks, *dated])
        known.update(one.id for one in results.checks)
        if known.issuperset(judged):
            break
    return found


def _newest_first(reports: Path, environment: str) -> list[Path]:
    """Return the folders of an environment's runs that have results; somebody may be clearing them away."""
    named = re.compile(rf"{re.escape(environment)}-\d{{8}}T\d{{6}}Z(-\d+)?")
    written: list[tuple[int, str]] = []
    for run in reports.iterdir():
        if named.fullmatch(run.name):
            with suppress(OSError):
                written.append(((run / "results.json").stat().st_mtime_ns, run.name))
    return [reports / name for _, name in sorted(written, reverse=True)]


def _usable(run: Path, environment: str) -> Earlier | None:
    try:
        results = read_results(run)
    except ComparisonError:
        return None
    is_own = results.run.env == environment and not results.run.replayed
    return results if is_own and results.checks else None


def read_results(run: Path) -> Earlier:
    """Read an earlier run's results. Raises ComparisonError."""
    file = run / "results.json"
    if file.exists() and not file.is_file():
        raise ComparisonError(f"--compare {run}: {file} is not a regular file.")
    try:
        with file.open("rb") as content:
            return _told_by(ListReader(iter(partial(content.read, _CHUNK), b""), "checks"))
    except NotAListError:
        why = "is no list of a run's checks"
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
    except _UnfitError as error:
        why = str(error)
    raise ComparisonError(f"--compare {run}: {file} {why}.")


def _told_by(reader: ListReader) -> Earlier:
    """Read results check by check: as a whole they would be three times what is kept of them."""
    checks = [_read(_CHECK, one, f"checks.{number}") for number, one in enumerate(reader.items())]
    if (schema := reader.beside.get("schema")) != 1:
        raise _UnfitError(f"has schema {schema!r}, not 1")
    if "checks" in reader.beside:
        raise _UnfitError("tells no checks")
    return Earlier(_read(_RUN, reader.beside.get("run"), "run"), checks)


def _read(adapter: TypeAdapter[R], told: object, where: str) -> R:
    try:
        return adapter.validate_python(told)
    except ValidationError as error:
        place = ".".join(map(str, (where, *error.errors()[0]["loc"])))
        raise _UnfitError(f"tells no {place}, or not as a run does") from None


def compare(earlier: Earlier, outcomes: Sequence[Outcome], started: str) -> Comparison:
    """Compare a run's outcomes with an earlier run's results. A check that was not in it is new."""
    before = {one.id: one for one in earlier.checks}

    def verdict_before(one: Outcome) -> str | None:
        return before[one.id].verdict if one.id in before else None

    bad = [one for one in outcomes if one.verdict in _BAD]
    still = [one for one in bad if verdict_before(one) in _BAD]
    known = {one.id for one in still}
    since = {one.id: started for one in bad}
    since |= {one.id: before[one.id].since or earlier.run.started for one in still}
    return Comparison(
        earlier=earlier.run.started,
        newly_failing=tuple(one.id for one in bad if one.id not in known),
        mended=tuple(one.id for one in outcomes if one.verdict == "passed" and verdict_before(one) in _BAD),
        still_failing=tuple(one.id for one in still),
        newly_unverified=tuple(
            one.id for one in outcomes if one.verdict == "unverified" and verdict_before(one) != "unverified"
        ),
        slower=tuple(one.id for one in outcomes if one.id in before and _is_slower(one, before[one.id])),
        since=since,
    )


def _is_slower(one: Outcome, before: Before) -> bool:
    now_s = one.settled_after_s or one.duration_s
    before_s = before.settled_after_s or before.duration_s
    return one.verdict == "passed" and now_s > before_s + _SLOWER_BY_S and now_s > before_s * _SLOWER_TIMES
