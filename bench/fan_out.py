"""Fan-out: 200 and 2,000 health endpoints that answer after 100 ms, against waves and goss."""

import json
import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.environments.running import Place, Ran, place, suite
from bench.environments.size import HEALTH, Size
from bench.measurement import Measurement, Options
from bench.processes import green, quickest, run
from postflight.session import CONCURRENCY

ENDPOINTS = (200, 2000)
LATENCY_S = 0.1
GOSS_ELSEWHERE_S = {200: 2.07}
OVER_THE_WAVES = 2.0
NAME = "{} endpoints at 100 ms"
ROWS = tuple(NAME.format(endpoints) for endpoints in ENDPOINTS for _ in ("waves", "goss"))
CHECK = "tests_app/test_health.py::test_service_answers_its_health_path"


def measure(options: Options) -> Iterator[Measurement]:
    """Yield the time to ask every endpoint, against goss and against waves of so many at a time."""
    alone = _least(options, 1)
    for endpoints in ENDPOINTS:
        options.say(f"   {endpoints} health endpoints")
        folder = options.folder / f"{endpoints}-endpoints"
        with place(folder, Size(endpoints, replicas=1), LATENCY_S) as where:
            ran = _quickest(where, endpoints, options.rounds)
            yield _against_the_waves(endpoints, ran, alone)
            yield against_goss(endpoints, ran, where, options.rounds, shutil.which("goss"))


def _least(options: Options, endpoints: int) -> Ran:
    with place(options.folder / f"{endpoints}-endpoint", Size(endpoints, replicas=1), LATENCY_S) as where:
        return _quickest(where, endpoints, options.rounds)


def _quickest(where: Place, endpoints: int, rounds: int) -> Ran:
    suite(where, CHECK, "--collect-only")
    return min((_asked(where, endpoints) for _ in range(rounds)), key=lambda one: one.wall_s)


def _asked(where: Place, endpoints: int) -> Ran:
    ran = suite(where, CHECK)
    if ran.status or len(ran.results["checks"]) != endpoints:
        raise RuntimeError(
            f"the run over {endpoints} endpoints ended with {ran.status}: {ran.output[-2000:]}"
        )
    return ran


def _against_the_waves(endpoints: int, ran: Ran, alone: Ran) -> Measurement:
    waves = -(-endpoints // CONCURRENCY)
    waves_s = alone.wall_s + (waves - 1) * LATENCY_S
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Measurement(
        NAME.format(endpoints), round(ran.wall_s, 2), "s",
        "one endpoint's run and the waves", round(waves_s, 2), OVER_THE_WAVES,
        note=f"a run over one endpoint + {waves - 1} more waves of {CONCURRENCY}; {ran.cpu_s:.1f} s of CPU; "
        f"{descriptors} descriptors allowed",
    )  # fmt: skip


def against_goss(endpoints: int, ran: Ran, where: Place, rounds: int, goss: str | None) -> Measurement:
    """Return the measurement against goss, where it is installed."""
    against = Measurement(NAME.format(endpoints), round(ran.wall_s, 2), "s", "goss validate")
    if goss is None:
        # Another machine's figure may be looked at, but decides nothing: it has no budget.
        known = GOSS_ELSEWHERE_S.get(endpoints)
        elsewhere = f"; on another machine it took {known} s" if known else ""
        return replace(against, note=f"goss: not installed{elsewhere}")
    file = where.folder / "goss.json"
    file.write_text(json.dumps({"http": dict(_listed(endpoints, where.file))}), encoding="utf-8")
    command = (goss, "-g", str(file), "validate", "--format", "silent")
    green(run(command, os.environ, where.folder))
    best = quickest(command, os.environ, where.folder, rounds)
    note = f"the same list, goss's own concurrency (50); rounds: {rounds}, its: {best.rounds}"
    return replace(against, peer_value=round(best.wall_s, 2), budget=1.0, note=note)


def _listed(endpoints: int, file: Path) -> Iterator[tuple[str, dict[str, object]]]:
    port = json.loads(file.read_text(encoding="utf-8"))["services"]["defaults"]["port"]
    for number in range(endpoints):
        # Each has to be a URL of its own: the list is a mapping.
        yield f"http://127.0.0.1:{port}{HEALTH}?{number}", {"status": 200, "timeout": 5000, "body": ["ok"]}
