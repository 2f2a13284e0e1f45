"""Fleet: fifty environments verified from one machine, and what that asks of AWS and Kubernetes."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from bench.environments.running import Place, Ran, place, suite
from bench.environments.size import Size
from bench.measurement import Measurement, Options
from bench.processes import PYTEST, green, run
from bench.sandboxes import ROOT, sandbox

ENVIRONMENTS = 50
SERVERS = 5
SERVICES = 19
SIDE_BY_SIDE = 4

# What an account lets be asked. Sources: docs/performance.md.
ROUTE_53_A_SECOND = 5.0
EC2_A_SECOND = 20.0

THROUGHPUT_NAME = f"{ENVIRONMENTS} environments, {SIDE_BY_SIDE} at a time"
MEMORY_NAME = "memory of each environment's run"
CALLS_NAME = "AWS and Kubernetes calls of each environment's run"
ROUTE_53_NAME = "Route 53 calls, all in one account"
EC2_NAME = "calls of one EC2 action, all in one account"
KUBERNETES_NAME = "Kubernetes calls, all in one cluster"
ROWS = (THROUGHPUT_NAME, MEMORY_NAME, CALLS_NAME, ROUTE_53_NAME, EC2_NAME, KUBERNETES_NAME)

Calls = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Fleet:
    """What a fleet took, one environment of it alone, and the calls of an environment that has everything."""

    ran: list[Ran]
    took_s: float
    alone: Ran
    rounds: int
    sandbox_calls: Calls


def measure(options: Options) -> Iterator[Measurement]:
    """Yield the throughput of a fleet, and its calls a second against the limits of one account."""
    options.say(f"   {ENVIRONMENTS} environments of {SERVICES} services, {SIDE_BY_SIDE} at a time")
    with ExitStack() as open_places:
        places = [
            open_places.enter_context(place(options.folder / f"server-{number}", Size(SERVICES)))
            for number in range(SERVERS)
        ]
        suite(places[0], "--collect-only")
        alone = min((_well(suite(places[0])) for _ in range(options.rounds)), key=lambda one: one.wall_s)
        began = time.monotonic()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            ran = [
                _well(one) for one in pool.map(lambda number: _verified(places, number), range(ENVIRONMENTS))
            ]
        took_s = time.monotonic() - began
    fleet = Fleet(ran, took_s, alone, options.rounds, _calls_of_the_sandbox(options))
    yield from _taken(fleet)
    yield from _asked(fleet)


def _well(ran: Ran) -> Ran:
    if ran.status:
        raise RuntimeError(f"a run of the fleet ended with {ran.status}: {ran.output[-2000:]}")
    return ran


def _verified(places: list[Place], number: int) -> Ran:
    shared = places[number % len(places)]
    folder = shared.folder / f"environment-{number}"
    folder.mkdir()
    file = folder / f"environment-{number}.yaml"
    file.write_bytes(shared.file.read_bytes())
    return suite(Place(folder, file, shared.variables, shared.server))


def _calls_of_the_sandbox(options: Options) -> Calls:
    """Return what a run asks where everything is declared that can be, from its `results.json`."""
    reports = options.folder / "everything"
    with sandbox(options.folder / "fleet-sandbox", 0) as variables:
        green(run((*PYTEST, "--env", "sandbox", "-q", "--reports", str(reports)), variables, ROOT))
    calls: Calls = json.loads((reports / "latest" / "results.json").read_text(encoding="utf-8"))["calls"]
    return calls


def _taken(fleet: Fleet) -> Iterator[Measurement]:
    yield Measurement(
        THROUGHPUT_NAME, round(fleet.took_s, 1), "s",
        "one after the other", round(fleet.alone.wall_s * ENVIRONMENTS, 1), 1.0,
        note=f"{60 * ENVIRONMENTS / fleet.took_s:.0f} environments a minute; its: extrapolated, "
        f"{ENVIRONMENTS} times the best of {fleet.rounds}; {fleet.alone.cpu_s:.1f} s of CPU each",
    )  # fmt: skip
    peak = max(one.peak_mb for one in fleet.ran)
    yield Measurement(MEMORY_NAME, round(peak, 1), "MB", "the Job's request", 256.0, 1.0)


def _asked(fleet: Fleet) -> Iterator[Measurement]:
    """Yield the calls; no budget: where a limit is the lower one, it tells what to shard by."""
    own = max(_total(one.results["calls"]) for one in fleet.ran)
    everything = fleet.sandbox_calls
    yield Measurement(
        CALLS_NAME, own, "calls", "the sandbox's run", _total(everything),
        note=f"the sandbox's has everything: {sum(everything['aws'].values())} AWS, "
        f"{sum(everything['kubernetes'].values())} Kubernetes",
    )  # fmt: skip
    a_second = ENVIRONMENTS / fleet.took_s
    route_53 = sum(count for name, count in everything["aws"].items() if name.startswith("route53:"))
    ec2 = max(count for name, count in everything["aws"].items() if name.startswith("ec2:"))
    kubernetes = sum(everything["kubernetes"].values())
    limits = (
        (ROUTE_53_NAME, route_53, "an account's limit", ROUTE_53_A_SECOND, ""),
        (EC2_NAME, ec2, "a bucket's refill", EC2_A_SECOND, ""),
        (KUBERNETES_NAME, kubernetes, "", None, "; its limit is of calls at the same moment"),
    )
    for name, calls, peer, limit, more in limits:
        note = f"extrapolated: {a_second:.2f} environments a second, each with the sandbox's {calls}{more}"
        yield Measurement(name, round(a_second * calls, 2), "a second", peer, limit, note=note)


def _total(calls: Calls) -> int:
    return sum(sum(calls[protocol].values()) for protocol in ("aws", "kubernetes"))
