"""Where a run inside the cluster is: its API server has another address there, and the same CA."""

from __future__ import annotations

import pytest

from postflight.environment import Environment
from postflight.evidence import Unverified
from postflight.identity import WrongPlaceError, establish
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
    found = Cluster(found=True, name="shop-eks", endpoint=ENDPOINT, ca=ca_of_eks)
    answers = {
        "aws.sts.caller": Caller(account="123456789012", arn="arn:aws:sts::123456789012:assumed-role/a/b"),
        "aws.eks.cluster": found,
        "kubernetes.context.context": context,
    }
    return Ask(Recorded(answers), Connections(place(), "inside", {}))


def place() -> Environment:
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
