"""Every call to AWS of a healthy run, answered in every odd way: unverified, in time, without a traceback."""

from __future__ import annotations

import json
import time
import typing
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from pydantic import TypeAdapter

from postflight.discovery import looks as _looks  # noqa: F401 - importing declares
from postflight.evidence import LiveAnswers, Unverified
from postflight.probes.aws.canary import Canary
from postflight.probes.aws.eks import Cluster
from postflight.probes.aws.sts import Caller
from postflight.probes.connections import Connections
from postflight.probes.reads import Probe, declared_probes
from postflight.subjects import rows
from sandbox import names
from sandbox.aws.client import Aws
from sandbox.aws.odd_answers import ODD_ANSWERS, ODD_CONNECTIONS
from selftests.aws_looks import connections
from selftests.proofs.harness import Sandbox

# Last come those that are given up, since botocore goes on trying behind our back.
_SLOW: Final = ("throttling", "drip", "hang")
HOWS: Final = (*(one for one in (*ODD_ANSWERS, *ODD_CONNECTIONS) if one not in _SLOW), *_SLOW)
# botocore tries some of them three times, with pauses.
DEADLINE_S: Final = 20.0
SLOW_DEADLINE_S: Final = 1.0
_AT_ONCE: Final = 24

# Where an answer is not odd. Reviewed by hand.
_HAS_NO_BODY: Final = {"aws.s3.bucket"}
_SAYS_NOT_WHOSE_IT_IS: Final = {
    # Names, ids and words without an ARN; of the repository, that it has no policy.
    "aws.ecr.repository_policy",
    "aws.eks.node_groups", "aws.elbv2.target_health", "aws.iam.inline_policies", "aws.iam.role_policy",
    "aws.iam.default_version", "aws.iam.managed_policy", "aws.rds.cluster_parameters",
    "aws.rds.instance_parameters", "aws.route53.records", "aws.route53.zones", "aws.terraform.lock",
    "aws.terraform.state", "aws.canary.canary", "aws.s3.bucket", "aws.s3.cors", "aws.s3.public_access_block",
    "postflight.discovery.looks.clusters", "postflight.discovery.looks.buckets",
    "postflight.discovery.looks.tables", "postflight.discovery.looks.state_files",
    "postflight.discovery.looks.role_policies",
    # Whose roles a policy names is what its check judges.
    "aws.s3.policy",
    # A VPC and what is in it may be shared by another account (AWS RAM).
    "aws.ec2.nat_gateways", "aws.ec2.route_tables", "aws.ec2.subnets", "aws.ec2.vpcs",
    "aws.security_groups.prefix_lists", "aws.security_groups.security_groups",
}  # fmt: skip
_HAS_ONE_PAGE: Final = {
    "aws.acm.certificate", "aws.ecr.repository_policy", "aws.eks.cluster", "aws.eks.node_group",
    "aws.elbv2.tags", "aws.elbv2.target_health", "aws.iam.role", "aws.iam.role_policy",
    "aws.iam.default_version", "aws.iam.managed_policy", "aws.s3.bucket", "aws.s3.cors", "aws.s3.policy",
    "aws.s3.public_access_block", "aws.sts.caller", "aws.terraform.lock", "aws.terraform.state",
}  # fmt: skip
_NOT_ODD: Final[Mapping[str, set[str]]] = {
    "cut": _HAS_NO_BODY,
    "other-account": _SAYS_NOT_WHOSE_IT_IS,
    "token": _HAS_ONE_PAGE,
}

# Only `postflight init` asks these: of a run there is no record of them.
_OF_DISCOVERY: Final[Mapping[str, tuple[Any, ...]]] = {
    "postflight.discovery.looks.clusters": (),
    "postflight.discovery.looks.buckets": (),
    "postflight.discovery.looks.tables": (),
    "postflight.discovery.looks.state_files": (names.MEDIA_BUCKET,),
    "postflight.discovery.looks.role_policies": (names.API_ROLE,),
}


@dataclass(frozen=True)
class Ask:
    """A look of a healthy run."""

    probe: Probe[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a look that was answered oddly; `said`: evidence, or why there is none."""

    how: str
    probe: str
    said: Any
    seconds: float

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.how} {self.probe} after {self.seconds:.1f} s: {type(self.said).__name__}: {self.said}"

    @property
    def is_green(self) -> bool:
        """Whether a check could take it for seen."""
        match self.said:
            case BaseException():
                return False
            case Caller():
                return bool(self.said.account == names.ACCOUNT)
            case Cluster():
                # This is compared before the first check: selftests/test_identity.
                return f":{names.ACCOUNT}:" in self.said.arn
            case Canary():
                return self.said.is_complete
        return True

    @property
    def is_traceback(self) -> bool:
        """Whether it is an exception that a run would print as one."""
        return isinstance(self.said, BaseException) and not isinstance(self.said, Unverified)

    @property
    def is_hang(self) -> bool:
        """Whether it had to be given up though the other side answered, or was not given up in time."""
        limit_s = SLOW_DEADLINE_S + 5 if self.how in _SLOW else DEADLINE_S
        return self.seconds > limit_s


@pytest.fixture(scope="module")
def asks(sandbox: Sandbox) -> tuple[Ask, ...]:
    """One look of each AWS probe that a healthy run takes."""
    rows()
    known = declared_probes()
    found: dict[str, Ask] = {}
    for file in sorted((sandbox.run_suite("-q").folder / "evidence").glob("aws.*.json")):
        recorded = json.loads(file.read_text(encoding="utf-8"))
        probe = known[recorded["probe"]]
        if any(":" in one for one in probe.reads):
            found.setdefault(probe.name, Ask(probe, _arguments(probe, recorded["arguments"])))
    found |= {name: Ask(known[name], given) for name, given in _OF_DISCOVERY.items()}
    return tuple(found.values())


def _arguments(probe: Probe[..., Any], recorded: Mapping[str, Any]) -> tuple[Any, ...]:
    types = typing.get_type_hints(probe.function)
    in_order = (name for name in types if name in recorded)
    return tuple(TypeAdapter(types[name]).validate_python(recorded[name]) for name in in_order)


@pytest.fixture(scope="module")
def outcomes(sandbox: Sandbox, asks: tuple[Ask, ...]) -> tuple[Outcome, ...]:
    """What came of every look, answered in every odd way."""
    aws = Aws(sandbox.variables["AWS_ENDPOINT_URL"])
    reached = connections(aws.endpoint_url, sandbox.variables["AWS_ACCESS_KEY_ID"])
    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return tuple(one for how in HOWS for one in _answered(aws, reached, asks, how, pool))
    finally:
        aws.withhold("*", "")


def _answered(
    aws: Aws, reached: Connections, asks: tuple[Ask, ...], how: str, pool: ThreadPoolExecutor
) -> Iterator[Outcome]:
    aws.withhold("*", how)
    odd = [ask for ask in asks if ask.probe.name not in _NOT_ODD.get(how, ())]
    yield from pool.map(lambda ask: _look(reached, ask, how), odd)


def _look(reached: Connections, ask: Ask, how: str) -> Outcome:
    looking = ask.probe.looking(reached, *ask.arguments)
    limit_s = SLOW_DEADLINE_S if how in _SLOW else DEADLINE_S
    began = time.monotonic()
    said: Any
    try:
        said = LiveAnswers().ask(replace(looking, deadline_s=limit_s))
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        said = error
    return Outcome(how, ask.probe.name, said, time.monotonic() - began)


def test_no_odd_answer_of_aws_is_taken_for_seen(asks: tuple[Ask, ...], outcomes: tuple[Outcome, ...]) -> None:
    """Absence, too, is only what AWS says in its own words."""
    greens = [one for one in outcomes if one.is_green]
    tracebacks = [one for one in outcomes if one.is_traceback]
    hangs = [one for one in outcomes if one.is_hang]
    operations = {permission for ask in asks for permission in ask.probe.reads}
    print(
        f"{len(operations)} operations x {len(HOWS)} answers: {len(greens)} green, "
        f"{len(tracebacks)} tracebacks, {len(hangs)} hangs"
    )
    assert len(operations) > 35
    assert [str(one) for one in (*greens, *tracebacks, *hangs)] == []


def test_the_true_answers_are_evidence(sandbox: Sandbox, asks: tuple[Ask, ...]) -> None:
    """A border that nothing passes would hold every property above."""
    reached = connections(sandbox.variables["AWS_ENDPOINT_URL"], sandbox.variables["AWS_ACCESS_KEY_ID"])
    assert [str(one) for one in (_look(reached, ask, "") for ask in asks) if not one.is_green] == []
