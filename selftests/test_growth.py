"""What must not grow with the environment: calls, the time of telling causes, and what there is to read."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.environments.running import Place, place, suite
from bench.environments.size import Size
from bench.growth import MIDDLE, SMALL, SUMMARY_LIMIT_KB, TERMINAL_LIMIT, without_pages
from postflight.causes import Failure, explain
from postflight.doomed import Doomed
from postflight.report import summary, terminal
from postflight.runbook import Entry, Link
from selftests.run_findings import findings, outcome

SERVICES = 1900
CHECKS = ("tests_platform/test_workloads.py::test_image_can_be_pulled", "tests_platform/test_nodes.py")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A pretend environment of 19 services."""
    with place(tmp_path_factory.mktemp("growth") / "small", Size(SMALL)) as where:
        yield where


def test_ten_times_the_services_take_the_same_calls(small: Place, tmp_path: Path) -> None:
    """A call a service runs into AWS's and the API server's limits just where it matters."""
    few = suite(small, *CHECKS)
    with place(tmp_path / "middle", Size(MIDDLE)) as where:
        many = suite(where, *CHECKS)
    assert (few.status, many.status) == (0, 0), few.output + many.output
    assert len(many.results["checks"]) - len(few.results["checks"]) == MIDDLE - SMALL
    assert without_pages(many.results["calls"], Size(MIDDLE)) == without_pages(
        few.results["calls"], Size(SMALL)
    )


def test_a_pretend_environment_is_green(small: Place) -> None:
    """The bench measures runs that pass; one that is unverified in part asks for other things."""
    ran = suite(small)
    assert ran.status == 0, ran.output
    assert ran.results["checks"]


def test_durations_tell_of_set_ups_too(small: Place) -> None:
    """Evidence is waited for in set-ups: what is forgotten to save memory is kept where it is asked for."""
    ran = suite(small, "--durations=0", "--durations-min=0", "-vv", CHECKS[0])
    assert ran.status == 0, ran.output
    assert " setup " in ran.output.partition("slowest durations")[2]


def entry(check: str, *leads_to: Link) -> Entry:
    return Entry(check, "", "", "", "", "", "", leads_to)


def told_in(services: int) -> float:
    """Return the seconds of CPU that it takes to tell that one cause broke all checks of so many services."""
    runbook = {
        "role": entry("role", Link("pull", None)),
        "pull": entry("pull", Link("ready", "service")),
        "ready": entry("ready"),
    }
    scopes = [{"service": frozenset({f"service-{number}"})} for number in range(services)]
    failures = [
        Failure("role", "role", {}),
        *(Failure(f"pull-{number}", "pull", scope) for number, scope in enumerate(scopes)),
        *(Failure(f"ready-{number}", "ready", scope) for number, scope in enumerate(scopes)),
    ]
    # What else this process holds is no part of it, and is searched for garbage all the same.
    gc.disable()
    began = time.process_time()
    explanation = explain(failures, runbook)
    took = time.process_time() - began
    gc.enable()
    assert explanation.causes == ("role",)
    assert len(explanation.consequences("role")) == 2 * services
    return took


def test_causes_of_four_times_the_services_are_told_in_about_four_times_as_long() -> None:
    """One broken role fails thousands of checks; nobody waits minutes to be told that it is one cause."""
    few = min(told_in(SERVICES) for _ in range(3))
    many = min(told_in(4 * SERVICES) for _ in range(3))
    # Told in the square it would be sixteen times as long; caches that others use make four up to ten.
    assert many < 13 * few


def test_what_follows_from_the_doomed_is_doomed() -> None:
    """Nobody waits for what cannot heal, nor for its neighbours less than they deserve."""
    doomed = Doomed({"pull": entry("pull", Link("ready", "service")), "ready": entry("ready")})
    mine, other = ({"service": frozenset({name})} for name in ("cart", "search"))
    doomed.add(Failure("pull-cart", "pull", mine))
    assert doomed.leads_to(Failure("ready-cart", "ready", mine))
    assert not doomed.leads_to(Failure("ready-search", "ready", other))
    assert not doomed.leads_to(Failure("pull-cart", "pull", mine))


@pytest.mark.parametrize("is_one_cause", [True, False])
def test_what_there_is_to_read_stays_short(is_one_cause: bool) -> None:
    """A summary of a megabyte is read by nobody, and GitHub does not show it."""
    words = [f"word{chr(97 + number % 26)}{chr(97 + number // 26 % 26)}" for number in range(SERVICES)]
    failed = [
        outcome(f"test_{word if not is_one_cause else 'pods_run'}", f"service-{number}", message=f"no {word}")
        for number, word in enumerate(words)
    ]
    cause = outcome("test_role_may_pull", None)
    because_of = {one.id: [cause.id] for one in failed} if is_one_cause else {}
    found = findings([cause, *failed] if is_one_cause else failed, because_of)
    told = summary.markdown(found)
    assert len(told.encode()) < SUMMARY_LIMIT_KB * 1024
    assert " more: results.json" in told or "more causes: results.json" in told
    assert len(list(terminal.lines(found, 100))) < TERMINAL_LIMIT


def test_a_long_list_of_what_could_not_be_seen_is_cut() -> None:
    """One denied permission leaves each check unverified: the summary names some and counts the rest."""
    unseen = [outcome("test_pods_run", f"service-{number}", "unverified") for number in range(SERVICES)]
    told = summary.markdown(findings(unseen))
    assert f"Not verified: {SERVICES}" in told
    assert f"…and {SERVICES - 50} more: results.json" in told
