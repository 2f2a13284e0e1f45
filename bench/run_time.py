"""Run time: a whole `pytest --env sandbox` against the least it can take, plain pytest, and the guides."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import guides, lower_bound
from bench.guides import Walk
from bench.lower_bound import Bound
from bench.measurement import Measurement, Options
from bench.processes import PYTEST, Best, green, quickest, run
from bench.sandboxes import ROOT, sandbox

OVER_THE_BOUND = 1.5
FASTER_THAN_PLAIN = 8
WORKERS = 8
PLAIN = (*PYTEST, "-c", str(ROOT / "bench" / "plain" / "pytest.ini"), str(ROOT / "bench" / "plain"), "-q")


@dataclass(frozen=True)
class Seen:
    """What was measured at one latency; the peers without a budget are measured at the longest only."""

    latency_ms: int
    own: Best
    bound: Bound
    plain: Best
    at_once: Best | None
    walked: Walk | None


def names(latencies_ms: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the rows, in order."""
    longest = max(latencies_ms)
    return tuple(_name(one) for one in latencies_ms for _ in range(4 if one == longest else 2))


def _name(latency_ms: int) -> str:
    return f"{latency_ms} ms: pytest --env sandbox"


def measure(options: Options) -> Iterator[Measurement]:
    """Yield the run time at each latency, against each peer."""
    seen = []
    for latency_ms in options.latencies_ms:
        folder = options.folder / f"{latency_ms}ms"
        options.say(f"   sandbox with {latency_ms} ms before every answer")
        with sandbox(folder / "sandbox", latency_ms) as variables:
            seen.append(_at(latency_ms, variables, folder, options))
        options.say(f"   {seen[-1].own.wall_s:.2f} s, plain pytest {seen[-1].plain.wall_s:.2f} s")
    # Imports wait for nobody, so no latency changes them: what is more than the least is noise.
    imports_s = min(one.bound.imports_s for one in seen)
    for one in seen:
        yield from told(replace(one, bound=replace(one.bound, imports_s=imports_s)))


def _at(latency_ms: int, variables: Mapping[str, str], folder: Path, options: Options) -> Seen:
    own_command = (*PYTEST, "--env", "sandbox", "-q", "--reports", str(folder / "reports"))
    own = _warm(own_command, variables, options.rounds)
    bound = lower_bound.measure(variables, folder, options.rounds)
    plain = _warm(PLAIN, variables, options.rounds)
    if latency_ms < max(options.latencies_ms):
        return Seen(latency_ms, own, bound, plain, None, None)
    at_once = quickest((*PLAIN, "-n", str(WORKERS)), variables, ROOT, options.rounds)
    return Seen(latency_ms, own, bound, plain, at_once, guides.walk(variables, folder))


def _warm(command: Sequence[str], variables: Mapping[str, str], rounds: int) -> Best:
    # Whoever is measured has written its bytecode before, and its files are in memory.
    green(run((*command, "--collect-only"), variables, ROOT))
    return quickest(command, variables, ROOT, rounds)


def told(seen: Seen) -> Iterator[Measurement]:
    """Yield the rows of one latency."""
    # Budgeted is what a run does while it waits; where nothing has to be waited for there is none.
    waits = seen.latency_ms > 0
    own = Measurement(_name(seen.latency_ms), round(seen.own.wall_s, 2), "s")
    yield replace(
        own,
        peer="the least possible",
        peer_value=round(seen.bound.seconds, 2),
        budget=OVER_THE_BOUND if waits else None,
        note=seen.bound.parts,
    )
    yield replace(
        own,
        peer="plain pytest",
        peer_value=round(seen.plain.wall_s, 2),
        budget=1 / FASTER_THAN_PLAIN if waits else None,
        note=_tests(seen.own, seen.plain),
    )
    if seen.at_once is not None:
        peer, seconds = f"plain pytest -n {WORKERS}", round(seen.at_once.wall_s, 2)
        yield replace(own, peer=peer, peer_value=seconds, note=_tests(seen.own, seen.at_once))
    if seen.walked is not None:
        seconds = round(seen.walked.seconds, 2)
        yield replace(own, peer="the guides' commands", peer_value=seconds, note=seen.walked.words)


def _tests(own: Best, plain: Best) -> str:
    """Say how many checks there were of each, and how many rounds."""
    ours, its = (
        f"{one.cost.last_words.strip('= ').partition(' in ')[0]}, best of {one.rounds}"
        for one in (own, plain)
    )
    return f"{ours}; its: {its}"
