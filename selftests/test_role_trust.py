"""IRSA: which ServiceAccounts a role's trust policy lets assume it, as AWS compares."""

from __future__ import annotations

from typing import Any, Final

import pytest

from postflight.evidence import Unverified
from postflight.probes.aws import iam
from postflight.probes.aws.policies import statements
from postflight.subjects.infra import ControllerRole

ISSUER: Final = "https://oidc.eks.ap-northeast-2.amazonaws.com/id/NEW"
PROVIDER: Final = ISSUER.removeprefix("https://")
OLD: Final = PROVIDER.replace("NEW", "OLD")
SUBJECT: Final = "system:serviceaccount:kube-system:external-dns"
SUB, AUD = f"{PROVIDER}:sub", f"{PROVIDER}:aud"


def allow(condition: dict[str, Any], provider: str = PROVIDER, **more: Any) -> dict[str, Any]:
    """Return a statement that lets tokens of an OIDC provider in."""
    return {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
        **more,
    }


def trusts(*found: dict[str, Any], account: str = "external-dns", issuer: str = ISSUER) -> bool:
    """Whether a role with these statements trusts a ServiceAccount of kube-system."""
    role = iam.Role(name="dns", trust=statements({"Statement": list(found)}))
    return role.trusts("kube-system", account, issuer)


def test_trust_of_another_cluster_or_account_does_not_count() -> None:
    """A cluster that was made again has another OIDC issuer, and every old trust is void."""
    trust = allow({"StringEquals": {SUB: SUBJECT}})
    assert trusts(trust)
    assert not trusts(trust, issuer=ISSUER.replace("NEW", "OLD"))
    assert not trusts(trust, account="aws-load-balancer-controller")
    assert not trusts(allow({"StringEquals": {SUB: SUBJECT}}, provider=OLD))
    assert not trusts(allow({"StringEquals": {f"{OLD}:sub": SUBJECT}}))
    assert not trusts(trust, issuer="")


@pytest.mark.parametrize(
    ("condition", "is_trusted"),
    [
        ({"StringEquals": {SUB: SUBJECT, AUD: "sts.amazonaws.com"}}, True),
        ({"StringEquals": {SUB: ["system:serviceaccount:a:b", SUBJECT]}}, True),
        ({"StringLike": {SUB: "system:serviceaccount:kube-system:*"}}, True),
        ({"StringLike": {SUB: "system:serviceaccount:*:external-???"}}, True),
        ({"ForAnyValue:StringLike": {SUB: "system:serviceaccount:kube-system:*"}}, True),
        ({"ForAnyValue:StringEquals": {SUB: SUBJECT}}, True),
        ({"StringEquals": {SUB.upper().replace("/ID/", "/id/"): SUBJECT}}, True),
        ({"StringEquals": {AUD: "sts.amazonaws.com"}}, True),
        ({}, True),
        ({"StringEquals": {SUB: "system:serviceaccount:kube-system:*"}}, False),
        ({"ForAnyValue:StringEquals": {SUB: "system:serviceaccount:kube-system:*"}}, False),
        ({"StringLike": {SUB: "system:serviceaccount:kube-system:External-*"}}, False),
        ({"StringEquals": {SUB: SUBJECT, AUD: "sts.amazonaws.com.cn"}}, False),
        ({"StringEquals": {AUD: "vault"}, "StringLike": {SUB: "*"}}, False),
        ({"StringNotEquals": {SUB: SUBJECT}}, False),
        ({"StringEquals": {SUB: SUBJECT}, "StringNotLike": {SUB: "*:external-*"}}, False),
    ],
)
def test_trust_is_judged_as_aws_does(condition: dict[str, Any], *, is_trusted: bool) -> None:
    """`StringEquals` knows no wildcard: the classic trust that looks right, and lets nobody in."""
    assert trusts(allow(condition)) is is_trusted


@pytest.mark.parametrize(
    ("operator", "key"),
    [("StringEquals", f"{PROVIDER}:amr"), ("IpAddress", "aws:SourceIp"), ("NumericEquals", SUB)],
)
def test_trust_under_an_unknown_condition_is_unverified(operator: str, key: str) -> None:
    """It may hold and may not; and where another statement trusts the ServiceAccount it does not matter."""
    doubtful = allow({"StringLike": {SUB: "*"}, operator: {key: "1"}})
    with pytest.raises(Unverified) as doubt:
        trusts(doubtful)
    assert "trust policy of role dns allows sts:AssumeRoleWithWebIdentity" in str(doubt.value)
    assert f"{key} ({operator})" in str(doubt.value)
    assert trusts(doubtful, allow({"StringEquals": {SUB: SUBJECT}}))


def test_leave_for_others_and_for_other_calls_is_no_trust() -> None:
    """Nodes, people and services assume roles in other ways, which no token of a pod takes."""
    nodes = allow({}, Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")
    root = allow({}, Principal={"AWS": "arn:aws:iam::123456789012:root"}, Action="sts:*")
    tagging = allow({"StringEquals": {SUB: SUBJECT}}, Action="sts:TagSession")
    assert not trusts(nodes, root, tagging)


def test_denial_voids_a_trust() -> None:
    """A Deny wins, whoever wrote it, and an unknown one leaves the trust unknown."""
    trust = allow({"StringEquals": {SUB: SUBJECT}})
    assert not trusts(trust, allow({}, Effect="Deny", Principal="*", Action="sts:*"))
    assert not trusts(trust, allow({"StringLike": {SUB: "*:external-dns"}}, Effect="Deny"))
    with pytest.raises(Unverified, match=r"denies .* aws:SourceIp"):
        trusts(trust, allow({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, Effect="Deny", Principal="*"))


def test_words_show_a_wildcard_that_is_none_and_another_audience() -> None:
    """`trusts system:serviceaccount:kube-system:*` alone would look as if all was well."""
    found = allow({"StringEquals": {SUB: "system:serviceaccount:kube-system:*", AUD: "vault"}})
    role = iam.Role(name="dns", trust=statements({"Statement": found}))
    assert ControllerRole(role=role, issuer=ISSUER).words == (
        "role dns trusts system:serviceaccount:kube-system:* (letter by letter, by StringEquals), "
        f"audience vault (OIDC issuer of the cluster: {ISSUER})"
    )
