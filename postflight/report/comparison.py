"""What changed since an earlier run of the same environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from postflight.verdicts import Outcome

_SLOWER_BY_S = 1.0
_SLOWER_TIMES = 2.0
_RUNS_REMEMBERED = 10
_BAD = {"failed", "waived"}


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


def previous_run(reports: Path, environment: str, current: Path) -> dict[str, Any] | None:
    """Return what the earlier runs of an environment said: of each check, the newest run that judged it.

    Runs that judged nothing, replays and folders that cannot be read are passed over.
    """
    found: dict[str, Any] | None = None
    files = [file for file in reports.glob(f"{environment}-*Z*/results.json") if file.parent != current]
    newest_first = sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.parent.name), reverse=True)
    for file in newest_first[:_RUNS_REMEMBERED]:
        results = _usable(file.parent, environment)
        if results is None:
            continue
        for one in results["checks"]:
            one["since"] = one.get("since") or results["run"]["started"]
        if found is None:
            found = results
        else:
            known = {one["id"] for one in found["checks"]}
            found["checks"].extend(one for one in results["checks"] if one["id"] not in known)
    return found


def _usable(run: Path, environment: str) -> dict[str, Any] | None:
    try:
        results = read_results(run)
    except ComparisonError:
        return None
    told = results["run"]
    is_own = told["env"] == environment and not told.get("replayed")
    return results if is_own and results["checks"] else None


def read_results(run: Path) -> dict[str, Any]:
    """Read an earlier run's results. Raises ComparisonError."""
    file = run / "results.json"
    try:
        results: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ComparisonError(f"--compare {run}: {file} cannot be read ({error}).") from None
    if results.get("schema") != 1:
        raise ComparisonError(f"--compare {run}: {file} has schema {results.get('schema')!r}, not 1.")
    return results


def compare(earlier: Mapping[str, Any], outcomes: Sequence[Outcome], started: str) -> Comparison:
    """Compare a run's outcomes with an earlier run's results. A check that was not in it is new."""
    before: dict[str, Mapping[str, Any]] = {one["id"]: one for one in earlier["checks"]}

    def verdict_before(one: Outcome) -> str | None:
        return before[one.id]["verdict"] if one.id in before else None

    bad = [one for one in outcomes if one.verdict in _BAD]
    still = [one for one in bad if verdict_before(one) in _BAD]
    since = {one.id: started for one in bad}
    since |= {one.id: before[one.id].get("since") or earlier["run"]["started"] for one in still}
    return Comparison(
        earlier=earlier["run"]["started"],
        newly_failing=tuple(one.id for one in bad if one not in still),
        mended=tuple(one.id for one in outcomes if one.verdict == "passed" and verdict_before(one) in _BAD),
        still_failing=tuple(one.id for one in still),
        newly_unverified=tuple(
            one.id for one in outcomes if one.verdict == "unverified" and verdict_before(one) != "unverified"
        ),
        slower=tuple(one.id for one in outcomes if one.id in before and _is_slower(one, before[one.id])),
        since=since,
    )


def _is_slower(one: Outcome, before: Mapping[str, Any]) -> bool:
    now_s = one.settled_after_s or one.duration_s
    before_s = before.get("settled_after_s") or before["duration_s"]
    return one.verdict == "passed" and now_s > before_s + _SLOWER_BY_S and now_s > before_s * _SLOWER_TIMES
