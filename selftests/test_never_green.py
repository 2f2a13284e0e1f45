"""No check is green that could not look: permissions denied, throttled, left without an answer, empty."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from postflight.probes.reads import declared_probes
from selftests.denials.denial import HOWS, WRONG_PLACE, Dependents, How, denied, dependents, worth_trying
from selftests.proofs.harness import Sandbox

# All of them in so many days; `python -m selftests.denials --how …` takes them all at once.
SHARES = {"denied": 12, "throttled": 48, "hang": 48, "empty": 24}

# One operation of each service that a run asks, in an odd way each; some of them in so many days.
ODDLY = (
    ("acm:DescribeCertificate", "proxy-object"),
    ("cloudfront:ListDistributions", "nothing"),
    ("dynamodb:GetItem", "html"),
    ("ec2:DescribeSubnets", "token"),
    ("ecr:DescribeImages", "null"),
    ("eks:DescribeNodegroup", "object"),
    ("elasticache:DescribeReplicationGroups", "forbidden-page"),
    ("elasticloadbalancing:DescribeLoadBalancers", "other-account"),
    ("iam:GetRole", "bytes"),
    ("rds:DescribeDBInstances", "cut"),
    ("route53:ListHostedZones", "redirect"),
    ("s3:GetBucketPolicy", "html"),
)
DAYS_OF_ODD = 4
# What a run asks before its first check.
FIRST = tuple(
    (one, how) for one in ("sts:GetCallerIdentity", "eks:DescribeCluster") for how in ("html", "list", "cut")
)

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


def test_no_check_is_green_that_was_answered_oddly(sandbox: Sandbox, resting: Dependents) -> None:
    """Which answers are evidence is proved in selftests/test_aws_odd_answers; this is the whole run."""
    today = ODDLY[datetime.now(UTC).toordinal() % DAYS_OF_ODD :: DAYS_OF_ODD]
    denials = [denied(sandbox, one, how, resting[one]) for one, how in today]
    wrong = [one.line() for one in denials if not one.holds]
    print(f"{len(denials)} operations answered oddly: {sum(len(one.greens) for one in denials)} false greens")

    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(("permission", "how"), FIRST)
def test_odd_answer_about_the_place_ends_the_run_with_one_sentence(
    sandbox: Sandbox, permission: str, how: str
) -> None:
    """Nothing stands between identity and pytest's INTERNALERROR."""
    sandbox.break_("answer-withheld", f"action={permission}", f"how={how}")
    try:
        run = sandbox.run_suite("-q")
    finally:
        sandbox.mend("answer-withheld")
    assert run.exit_status == WRONG_PLACE
    assert f"The answer to {permission} is not one that AWS gives" in run.output
    assert "INTERNALERROR" not in run.output
    assert "Traceback" not in run.output
