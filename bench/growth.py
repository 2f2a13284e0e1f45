"""Growth: environments of 19, 190 and 1,900 services with three pods each, healthy and broken."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bench.environments.running import Ran, place, suite
from bench.environments.size import Size
from bench.measurement import Measurement, Options

SMALL, MIDDLE, LARGE = 19, 190, 1900
CHECKS = 10_000
# Short ones run more often: their noise weighs as much.
SHORT_RUNS = 3
CHECKS_A_SERVICE = 20
PAGE = 500
MEMORY_LIMIT_MB = 300.0
COLLECTION_LIMIT_S = 5.0
SUMMARY_LIMIT_KB = 64.0
TERMINAL_LIMIT = 120
CALLS_NAME = f"AWS and Kubernetes calls, {LARGE} services"
CPU_NAME, MEMORY_NAME = (f"{what} of each service beyond {MIDDLE}" for what in ("CPU", "memory"))
PEAK_NAME = f"memory of a run over {LARGE * 3} pods"
COLLECTION_NAME = f"collection of {CHECKS} checks"
SUMMARY_NAME, TERMINAL_NAME = (f"{what}, every service broken" for what in ("summary.md", "terminal"))
IMAGES_NAME = "ECR calls a repository"
ROWS = (
    CALLS_NAME, CPU_NAME, MEMORY_NAME, PEAK_NAME, COLLECTION_NAME, SUMMARY_NAME, TERMINAL_NAME, IMAGES_NAME,
)  # fmt: skip


def measure(options: Options) -> Iterator[Measurement]:
    """Yield how calls, time and memory grow, and how large the reports of a broken environment are."""
    ran: dict[int, Ran] = {}
    for services in (SMALL, MIDDLE, LARGE):
        options.say(f"   {services} services of three pods")
        ran[services] = _usual(options, Size(services))
    yield _calls(ran)
    yield from _a_service(ran, options.rounds)
    checks = len(ran[LARGE].results["checks"])
    yield Measurement(
        PEAK_NAME, round(ran[LARGE].peak_mb, 1), "MB", "limit",
        MEMORY_LIMIT_MB, 1.0, note=f"the whole suite, {checks} checks",
    )  # fmt: skip
    yield _collection(options)
    yield from _broken(options)
    yield _images(options, ran[MIDDLE])


def _usual(options: Options, size: Size) -> Ran:
    """Return a run with the mean CPU of several.

    The quickest of short runs would catch moments of a quick machine that no run of half a minute has.
    """
    runs = [_judged(options, size, number=number) for number in range(_runs(options, size))]
    return replace(runs[-1], cpu_s=sum(ran.cpu_s for ran in runs) / len(runs))


def _runs(options: Options, size: Size) -> int:
    return options.rounds if size.services == LARGE else SHORT_RUNS * options.rounds


def _judged(options: Options, size: Size, status: int = 0, number: int = 0) -> Ran:
    name = f"{size.services}-{size.has_images}-{size.trouble.replace(' ', '-')}-{number}"
    folder = options.folder / name
    with place(folder, size) as where:
        ran = suite(where)
    if ran.status != status:
        raise RuntimeError(f"{size} ended with {ran.status}, not {status}: {ran.output[-2000:]}")
    return ran


def _calls(ran: Mapping[int, Ran]) -> Measurement:
    small, large = (without_pages(ran[size].results["calls"], Size(size)) for size in (SMALL, LARGE))
    pages = sum(ran[LARGE].results["calls"]["kubernetes"].values())
    return Measurement(
        CALLS_NAME, large, "calls", f"{SMALL} services", small, 1.0,
        note=f"pages counted once; {pages} Kubernetes calls with every page",
    )  # fmt: skip


def without_pages(calls: Mapping[str, Any], size: Size) -> int:
    """Return the calls to AWS and Kubernetes, a listing as one however many pages it has."""
    objects = {"pods": size.services * size.replicas, "nodes": size.nodes}
    total = sum(calls["aws"].values())
    for name, count in calls["kubernetes"].items():
        verb, _, resource = name.partition(" ")
        pages = -(-objects.get(resource, size.services) // PAGE)
        total += -(-count // pages) if verb == "list" and resource != "configmaps" else count
    return int(total)


def _a_service(ran: Mapping[int, Ran], rounds: int) -> Iterator[Measurement]:
    """Yield what each further service costs, where there are many, against where there are few."""
    few, many = MIDDLE - SMALL, LARGE - MIDDLE
    yield Measurement(
        CPU_NAME,
        round(1000 * (ran[LARGE].cpu_s - ran[MIDDLE].cpu_s) / many, 2), "ms",
        f"each beyond {SMALL}", round(1000 * (ran[MIDDLE].cpu_s - ran[SMALL].cpu_s) / few, 2), 1.0,
        note=f"{CHECKS_A_SERVICE} checks each; means of {SHORT_RUNS * rounds} short and {rounds} long runs",
    )  # fmt: skip
    yield Measurement(
        MEMORY_NAME,
        round(1024 * (ran[LARGE].peak_mb - ran[MIDDLE].peak_mb) / many, 1), "KB",
        f"each beyond {SMALL}", round(1024 * (ran[MIDDLE].peak_mb - ran[SMALL].peak_mb) / few, 1), 1.0,
    )  # fmt: skip


def _collection(options: Options) -> Measurement:
    size = Size(CHECKS // CHECKS_A_SERVICE)
    with place(options.folder / "collected", size) as where:
        rounds = [suite(where, "--collect-only") for _ in range(options.rounds)]
    found = min(rounds, key=lambda ran: ran.wall_s)
    if f"{CHECKS // 1000}" not in found.output or found.status:
        raise RuntimeError(f"the collection ended with {found.status}: {found.output[-500:]}")
    return Measurement(
        COLLECTION_NAME, round(found.wall_s, 2), "s", "limit", COLLECTION_LIMIT_S, 1.0,
        note=f"{found.cpu_s:.2f} s of CPU",
    )  # fmt: skip


def _broken(options: Options) -> Iterator[Measurement]:
    """Yield how much a person has to read when one cause has broken every service."""
    options.say(f"   {LARGE} services, all broken by one cause")
    ran = _judged(options, Size(LARGE, trouble="one cause"), status=1)
    causes, failed = ran.results["causes"], len(ran.results["causes"][0]["consequences"])
    assert ran.run is not None  # noqa: S101 - for the type checker
    summary = (ran.run / "summary.md").stat().st_size / 1024
    yield Measurement(
        SUMMARY_NAME, round(summary, 1), "KB", "limit", SUMMARY_LIMIT_KB, 1.0,
        note=f"{len(causes)} cause, {failed} consequences; told in {ran.wall_s:.0f} s",
    )  # fmt: skip
    told = ran.output[ran.output.find("\nWHAT BROKE FIRST") :]
    yield Measurement(TERMINAL_NAME, told.count("\n"), "lines", "limit", TERMINAL_LIMIT, 1.0)


def _images(options: Options, without: Ran) -> Measurement:
    ran = _judged(options, Size(MIDDLE, has_images=True))
    more = sum(ran.results["calls"]["aws"].values()) - sum(without.results["calls"]["aws"].values())
    return Measurement(
        IMAGES_NAME,
        more / MIDDLE,
        "calls",
        note="the one place where calls grow: docs/decisions.md",
    )
