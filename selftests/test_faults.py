"""Every fault is named as the cause, on the right subject, in the right words, and alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from selftests.proofs.expected import EXPECTED
from selftests.proofs.harness import Sandbox
from selftests.proofs.proof import prove

SHARES = 6


def todays_share() -> list[str]:
    """A sixth of the faults, another one each day: all are proved in six days, and by `make faults`."""
    first = datetime.now(UTC).toordinal() % SHARES
    return list(EXPECTED)[first::SHARES]


@pytest.mark.parametrize("fault", todays_share())
def test_a_fault_is_named_as_the_cause(sandbox: Sandbox, fault: str) -> None:
    """A check that no fault makes fail proves nothing; one that names the wrong cause sends people astray."""
    proof = prove(sandbox, fault)

    assert proof.holds, proof.line()
