"""Two faults at once: pairs from different layers that have nothing to do with each other."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Final

from postflight import runbook
from postflight.causes import Failure, links
from postflight.collection import Collection
from postflight.environment import load
from postflight.runbook import Entry
from postflight.subjects import rows
from postflight.unjudged import possible_failures
from selftests.proofs.expected import EXPECTED
from selftests.proofs.seen import seen

ROOT: Final = Path(__file__).resolve().parents[2]

_FAILING = 1
_LOGIN = "tests_app/test_database_servers.py::test_password_is_accepted[min-kyeol-sandbox-rds]"
# fault -> what must hold for it to show: pods are asked that start anew with the fault, and may not start
_SHOWS_WHILE = {
    "cors-origin-missing": _LOGIN,
    "cors-wide-open": _LOGIN,
    "graphql-slow": "tests_platform/test_workloads.py::test_deployment_has_its_replicas_ready[saleor-api]",
    "health-404": "tests_platform/test_workloads.py::test_no_container_is_waiting[banner-service]",
}


def pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """Return `count` pairs, the same for the same seed.

    Left out are pairs of which one fault breaks what the other is told by, or leads to it by the runbook
    (there the second is a consequence), or hides it.
    """
    known = seen()
    named = [name for name, one in EXPECTED.items() if one.exit_status == _FAILING and name in known]
    possible = [
        (one, other)
        for one, other in combinations(named, 2)
        if EXPECTED[one].layer != EXPECTED[other].layer
        and not _breaks(known[one], other)
        and not _breaks(known[other], one)
        and not _hides(known[one], other)
        and not _hides(known[other], one)
        and not leads_to_each_other(one, other)
    ]
    # Not for secrets, but to have the same pairs again.
    return random.Random(seed).sample(possible, min(count, len(possible)))  # noqa: S311


def _hides(failed: frozenset[str], fault: str) -> bool:
    """Whether what one fault made fail keeps the other from showing."""
    return _SHOWS_WHILE.get(fault) in failed


def leads_to_each_other(one: str, other: str) -> bool:
    """Whether what tells one fault leads to what tells the other, in a single step of the runbook.

    A record is stale and ExternalDNS, which would renew it, is down: whoever mends the second mends both.
    """
    checks = {EXPECTED[one].check, EXPECTED[other].check}
    if not any(link.check in checks for check in checks for link in _entries()[check].leads_to):
        return False
    sides = {failure.id: fault for fault in (one, other) for failure in _told_by(fault)}
    led_to = links((*_told_by(one), *_told_by(other)), _entries())
    return any(sides[start] != sides[end] for start, ends in led_to.items() for end in ends)


@cache
def _entries() -> Mapping[str, Entry]:
    return runbook.load(ROOT / "runbook")


@cache
def _told_by(fault: str) -> tuple[Failure, ...]:
    """Return the failures that tell a fault."""
    environment = load(ROOT / "environments" / "sandbox.yaml", {})
    collection = Collection(environment, "outside", rows(), release=None)
    expected = EXPECTED[fault]
    possible = possible_failures(ROOT, collection, expected.check)
    return tuple(one for subject, one in possible.items() if expected.is_told_by(expected.check, subject))


def _breaks(failed: frozenset[str], fault: str) -> bool:
    """Whether what one fault made fail holds what the other is told by."""
    expected = EXPECTED[fault]
    return any(
        expected.is_told_by(check, subject.removesuffix("]") or None)
        for check, _, subject in (identity.partition("[") for identity in failed)
    )
