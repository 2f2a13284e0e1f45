"""Where a run is: account, region, cluster and context, compared before the first check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from postflight.environment import Environment
from postflight.evidence import Looking, Unverified
from postflight.identity import Identity, WrongPlaceError, establish
from postflight.probes.aws.eks import Cluster
from postflight.probes.aws.sts import Caller
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.context import Context
from postflight.subjects import Ask
from selftests.recorded_answers import Recorded

PLACE = {
    "aws": {"account": "123456789012", "region": "ap-northeast-2"},
    "cluster": {"name": "shop-eks", "node_security_group": "nodes"},
}
CA = "-----BEGIN CERTIFICATE-----\nc2hvcA==\n-----END CERTIFICATE-----\n"
ENDPOINT = "https://8F3C.gr7.ap-northeast-2.eks.amazonaws.com"


def in_a_pod(own_ca: str | None, ca_of_eks: str) -> Ask:
    """Return the answers that a pod gets whose ServiceAccount names this CA."""
    context = Context(
        label="the cluster that this pod runs in", server="https://172.20.0.1:443", user="a pod", ca=own_ca,
        fingerprints=(), version="v1.33.1", in_cluster=True,
    )  # fmt: skip
    arn = "arn:aws:eks:ap-northeast-2:123456789012:cluster/shop-eks"
    found = Cluster(found=True, name="shop-eks", arn=arn, endpoint=ENDPOINT, ca=ca_of_eks)
    answers = {
        "aws.sts.caller": Caller(account="123456789012", arn="arn:aws:sts::123456789012:assumed-role/a/b"),
        "aws.eks.cluster": found,
        "kubernetes.context.context": context,
    }
    return Ask(Recorded(answers), Connections(place(), "inside", {}))


def place() -> Environment:
    """Return the environment that is declared."""
    return Environment.model_validate(PLACE)


def test_pod_is_in_the_cluster_whose_ca_it_has() -> None:
    """Compared by address, every Job in the cluster would stop as one in the wrong place."""
    assert establish(place(), in_a_pod(CA, CA)).endpoint == ENDPOINT


def test_pod_of_another_cluster_is_told_apart() -> None:
    """The manifests of stage, applied to prod's cluster, must not verify prod under stage's name."""
    with pytest.raises(WrongPlaceError, match="CA"):
        establish(place(), in_a_pod(CA.replace("c2hvcA", "b3RoZXI"), CA))


@pytest.mark.parametrize(("own", "of_eks"), [(None, CA), (CA, "")])
def test_pod_without_a_ca_to_compare_does_not_guess(own: str | None, of_eks: str) -> None:
    """What cannot be told is unverified, and no check runs."""
    with pytest.raises(Unverified, match="CA"):
        establish(place(), in_a_pod(own, of_eks))


ARN = "arn:aws:eks:ap-northeast-2:123456789012:cluster/shop-eks"


@dataclass(frozen=True)
class Failing:
    """Answers of which one is an exception."""

    renewals = 0

    by_probe: Mapping[str, Any]

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return what was recorded, or raise it."""
        found = Recorded(self.by_probe).ask(looking, since)
        if isinstance(found, Exception):
            raise found
        return found


def outside(**cluster: Any) -> dict[str, Any]:
    """Return the answers of a run in the right place, but for what is said of the cluster."""
    plain = {"name": "shop-eks", "arn": ARN, "status": "ACTIVE", "endpoint": ENDPOINT, "ca": CA}
    return {
        "aws.sts.caller": Caller(account="123456789012", arn="arn:aws:sts::123456789012:assumed-role/a/b"),
        "aws.eks.cluster": Cluster(**(plain | cluster)),
        "kubernetes.context.context": Context(
            label="context shop", server=ENDPOINT, user="a", ca=CA, fingerprints=(), version="v1.33.1"
        ),
    }


def established(answers: Mapping[str, Any]) -> Identity:
    """Return who and where a run with these answers is."""
    return establish(place(), Ask(Failing(answers), Connections(place(), "outside", {})))


def test_run_in_the_declared_place_is_told_who_it_is() -> None:
    """The rest would prove nothing of a comparison that never holds."""
    assert established(outside()).cluster == "shop-eks"


@pytest.mark.parametrize(
    ("arn", "named"),
    [
        (ARN.replace("ap-northeast-2", "eu-central-1"), "region eu-central-1"),
        (ARN.replace("123456789012", "999999999999"), "account 999999999999"),
    ],
)
def test_cluster_of_another_region_or_account_is_the_wrong_place(arn: str, named: str) -> None:
    """An endpoint or proxy that leads to another region answers for a cluster of the same name there."""
    with pytest.raises(WrongPlaceError, match=named) as caught:
        established(outside(arn=arn))
    assert "region ap-northeast-2" in str(caught.value)


@pytest.mark.parametrize("probe", ["aws.sts.caller", "aws.eks.cluster", "kubernetes.context.context"])
def test_what_cannot_be_read_is_unverified(probe: str) -> None:
    """Nothing stands between this and pytest's INTERNALERROR."""
    with pytest.raises(Unverified, match=r"could not be read \(KeyError\)"):
        established({**outside(), probe: KeyError("name")})


@pytest.mark.parametrize(("told", "why"), [({"endpoint": ""}, "no endpoint"), ({"arn": "shop"}, "no ARN")])
def test_cluster_that_tells_too_little_is_unverified(told: dict[str, str], why: str) -> None:
    """A cluster that is being made has no endpoint yet, and so is nowhere that could be compared."""
    with pytest.raises(Unverified, match=why):
        established(outside(**told))
