"""The proofs themselves: no fault without its proof, no check without its fault, and docs that say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.faults import catalogue
from selftests.proofs.expected import EVERY, EXPECTED
from selftests.proofs.guides import GUIDES
from selftests.proofs.pairs import leads_to_each_other, pairs
from selftests.proofs.seen import seen
from selftests.proofs.table import table
from selftests.proofs.unproved import ELSEWHERE, UNPROVED
from selftests.test_absent_things import ABSENT
from selftests.test_runbook import CHECKS

ROOT = Path(__file__).resolve().parent.parent


def seen_failing() -> set[str]:
    """The checks that some fault made fail, hid from us, or that tell of what is absent."""
    return {identity.partition("[")[0] for failed in seen().values() for identity in failed} | ABSENT.keys()


def test_the_guides_have_seventy_faults() -> None:
    """64 that the guides tell of and six that every user meets; each says where."""
    assert len(EXPECTED) == 70
    assert sorted(GUIDES) == sorted(EXPECTED)


@pytest.mark.parametrize("fault", catalogue())
def test_every_fault_of_the_sandbox_has_its_proof(fault: str) -> None:
    """A way to break that nobody proves is a way that nobody is told of."""
    assert fault in {name.split()[0] for name in EVERY} | ELSEWHERE.keys()


@pytest.mark.parametrize("name", EVERY)
def test_every_proof_is_of_a_fault_and_a_check_that_there_are(name: str) -> None:
    """A proof of something else can only ever fail."""
    expected = EVERY[name]
    fault, *parameters = name.split()

    assert {word.partition("=")[0] for word in parameters} <= catalogue()[fault].parameters.keys()
    assert {check for check in (expected.check, *expected.blinded) if check} <= CHECKS.keys()


@pytest.mark.parametrize("check", CHECKS)
def test_a_fault_makes_every_check_fail(check: str) -> None:
    """A check that nothing makes fail may say nothing at all. `make faults` keeps the record, seen.json."""
    if check in UNPROVED:
        assert check not in seen_failing(), f"{check} is proved now: strike it from UNPROVED"
    else:
        assert check in seen_failing()


def test_the_table_of_faults_is_current() -> None:
    """Users read there what is covered."""
    written = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")

    assert written == table(), "run `python -m selftests.proofs --table > docs/faults.md`"


def test_pairs_are_of_different_layers_and_the_same_for_a_seed() -> None:
    """A pair that fails must be there again when somebody looks into it."""
    chosen = pairs(60, seed=1)

    assert len(set(chosen)) == 60
    assert chosen == pairs(60, seed=1)
    assert chosen != pairs(60, seed=2)
    assert all(EXPECTED[one].layer != EXPECTED[other].layer for one, other in chosen)


def test_a_pair_of_which_one_leads_to_the_other_is_left_out() -> None:
    """Whoever mends ExternalDNS mends the stale record too: by right there is one cause."""
    assert leads_to_each_other("dns-record-stale", "externaldns-down")
    assert not leads_to_each_other("health-404", "api-500"), "of two services, neither explains the other"
    assert not leads_to_each_other("subnet-tags-public", "superuser-missing")
