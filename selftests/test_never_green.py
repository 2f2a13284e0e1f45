"""No check is green that could not look: permissions denied, throttled, left without an answer, empty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from postflight.probes.reads import declared_probes
from selftests.denials.denial import HOWS, Dependents, How, denied, dependents, worth_trying
from selftests.proofs.harness import Sandbox

# All of them in so many days; `python -m selftests.denials --how …` takes them all at once.
SHARES = {"denied": 12, "throttled": 48, "hang": 48, "empty": 24}

# What a healthy run does not need, and what tells it where it is.
_NO_CHECK_RESTS_ON = {"sts:GetCallerIdentity", "sts:AssumeRole"}


@pytest.fixture(scope="module")
def resting(sandbox: Sandbox) -> Dependents:
    """Which checks rest on which permission, as a healthy run shows."""
    return dependents(sandbox.run_suite("-q"))


def todays_share(permissions: Sequence[str], how: How) -> list[str]:
    """Another part each day."""
    shares = SHARES[how]
    return list(permissions)[datetime.now(UTC).toordinal() % shares :: shares]


def test_every_permission_in_use_is_declared_and_rested_on(resting: Dependents) -> None:
    """What is denied in turn comes from `@reads`: a call that no probe declares would escape the proof."""
    declared = {permission for probe in declared_probes().values() for permission in probe.reads}

    assert len(resting) > 40
    assert set(resting) - declared <= {"sts:AssumeRole"}
    assert {one for one, checks in resting.items() if not checks} <= _NO_CHECK_RESTS_ON


@pytest.mark.parametrize("how", HOWS)
def test_no_check_is_green_that_could_not_look(sandbox: Sandbox, resting: Dependents, how: How) -> None:
    """Green by blindness is the worst that a verification can do."""
    denials = [
        denied(sandbox, one, how, resting[one]) for one in todays_share(worth_trying(resting, how), how)
    ]
    wrong = [one.line() for one in denials if not one.holds]
    print(f"{len(denials)} permissions ({how}): {sum(len(one.greens) for one in denials)} false greens")

    assert denials
    assert wrong == [], "\n".join(wrong)
