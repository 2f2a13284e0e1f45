"""Policies under conditions: what a run cannot tell is neither allowed nor denied, but unverified."""

from __future__ import annotations

from typing import Any, Final

import pytest

from postflight.evidence import Unverified
from postflight.probes.aws import ecr, s3
from postflight.probes.aws.policies import statements
from postflight.subjects import pulling

ROLE: Final = "arn:aws:iam::123456789012:role/api"
ACTIONS: Final = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
ALLOW: Final = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": "*"}
PULL: Final = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}


def policy(*found: dict[str, Any]) -> s3.BucketPolicy:
    """Return a bucket policy of these statements."""
    return s3.BucketPolicy(bucket="media", statements=statements({"Statement": list(found)}))


def deny(operator: str, key: str, value: object, action: object = "s3:*") -> dict[str, Any]:
    """Return a statement that denies everybody under one condition."""
    condition = {operator: {key: value}}
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*", "Condition": condition}


def under(operator: str, key: str, value: object) -> dict[str, Any]:
    """Return a statement that lets everybody in under one condition."""
    return {**ALLOW, "Principal": "*", "Condition": {operator: {key: value}}}


UNKNOWN = [
    ("StringNotEquals", "aws:SourceVpce", "vpce-1"),
    ("StringNotEquals", "aws:PrincipalOrgID", "o-1"),
    ("StringNotLike", "aws:userId", ["AROA1:*", "123456789012"]),
    ("Null", "s3:x-amz-server-side-encryption", "true"),
    ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),
    ("StringEquals", "aws:SourceVpc", "vpc-1"),
    ("NumericLessThan", "s3:TlsVersion", "1.3"),
    ("StringNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/${aws:PrincipalTag/team}"),
    ("DateGreaterThan", "aws:PrincipalArn", "2026-01-01"),
]


@pytest.mark.parametrize(("operator", "key", "value"), UNKNOWN)
def test_denial_under_an_unknown_condition_is_not_passed_over(operator: str, key: str, value: object) -> None:
    """A Deny for whoever comes by another VPC endpoint locks the application out, and we saw green."""
    locked = policy(ALLOW, deny(operator, key, value))
    with pytest.raises(Unverified) as doubt:
        locked.denied(ROLE, ACTIONS)
    assert str(doubt.value) == (
        "The policy of bucket media denies s3:GetObject under a condition on "
        f"{key} ({operator}), which is not evaluated."
    )
    with pytest.raises(Unverified, match=key):
        locked.allows(ROLE, "s3:GetObject")


KNOWN = [
    ("Bool", "aws:SecureTransport", "false", False),
    ("Bool", "aws:SecureTransport", False, False),
    ("BoolIfExists", "aws:SecureTransport", "False", False),
    ("StringEquals", "AWS:securetransport", "false", False),
    ("Null", "aws:SecureTransport", "true", False),
    ("NumericLessThan", "s3:TlsVersion", "1.2", False),
    ("NumericLessThan", "s3:TlsVersion", 1.2, False),
    ("StringNotEquals", "aws:PrincipalAccount", "123456789012", False),
    ("StringNotEquals", "aws:PrincipalArn", [ROLE, "arn:aws:iam::123456789012:role/other"], False),
    ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*", False),
    ("StringEquals", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*", False),
    ("StringLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/[a]pi", False),
    ("Bool", "aws:PrincipalIsAWSService", "true", False),
    ("StringEquals", "aws:SourceAccount", "123456789012", False),
    ("ForAnyValue:StringNotEquals", "aws:SourceAccount", "123456789012", False),
    ("Null", "aws:SourceArn", "false", False),
    ("StringNotEqualsIgnoreCase", "aws:PrincipalType", "assumedrole", False),
    ("StringNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/admin", True),
    ("StringNotEquals", "aws:SourceAccount", "123456789012", True),
    ("ForAllValues:StringLike", "aws:SourceArn", "arn:*", True),
    ("ArnLikeIfExists", "aws:SourceArn", "arn:*", True),
    ("Null", "aws:SourceArn", "true", True),
    ("Bool", "aws:ViaAWSService", "false", True),
]


@pytest.mark.parametrize(("operator", "key", "value", "is_met"), KNOWN)
def test_condition_on_what_is_known_is_decided(
    operator: str, key: str, value: object, *, is_met: bool
) -> None:
    """Nearly every bucket denies plain HTTP; a run that would not tell of those is of no use."""
    assert policy(ALLOW, deny(operator, key, value)).denied(ROLE, ACTIONS) == (ACTIONS if is_met else ())
    assert policy(ALLOW, deny(operator, key, value)).allows(ROLE, "s3:GetObject") is not is_met
    assert policy(under(operator, key, value)).allows(ROLE, "s3:GetObject") is is_met


def test_distribution_and_tls_only_leave_the_application_alone() -> None:
    """The ordinary bucket behind CloudFront: its statement for the distribution is about nobody else."""
    distribution = {
        **ALLOW,
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Condition": {"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}},
    }
    tls_only = deny("Bool", "aws:SecureTransport", "false")
    assert policy(distribution, tls_only).denied(ROLE, ACTIONS) == ()
    assert not policy(distribution, tls_only).allows(ROLE, "s3:GetObject")
    assert policy(ALLOW, distribution, tls_only).allows(ROLE, "s3:GetObject")


@pytest.mark.parametrize("key", ["aws:SourceVpce", "aws:ResourceAccount", "aws:PrincipalOrgID"])
def test_leave_under_an_unknown_condition_is_neither_red_nor_green(key: str) -> None:
    """A bucket that lets the whole organisation in works; one that does it for another one does not."""
    with pytest.raises(Unverified, match=f"allows s3:GetObject under a condition on {key}"):
        policy(under("StringEquals", key, "one")).allows(ROLE, "s3:GetObject")
    assert policy(under("StringEquals", key, "one"), ALLOW).allows(ROLE, "s3:GetObject")


def test_unknown_condition_is_not_asked_for_where_nothing_hangs_on_it() -> None:
    """A statement about others, about other actions, or that is not met anyway, leaves no doubt."""
    elsewhere = deny("StringNotEquals", "aws:SourceVpce", "vpce-1", action="s3:PutBucketPolicy")
    unmet = {
        **deny("StringNotEquals", "aws:SourceVpce", "vpce-1"),
        "Condition": {
            "StringNotEquals": {"aws:SourceVpce": "vpce-1"},
            "Bool": {"aws:SecureTransport": "false"},
        },
    }
    assert policy(ALLOW, elsewhere, unmet).denied(ROLE, ACTIONS) == ()
    assert policy(ALLOW, elsewhere, unmet).allows(ROLE, "s3:GetObject")
    assert not policy(deny("StringNotEquals", "aws:SourceVpce", "vpce-1")).allows(ROLE, "s3:GetObject")


def test_certain_denial_is_not_hidden_by_an_unknown_one() -> None:
    """What is surely wrong is to be told, whatever else is not known."""
    doubtful = deny("StringNotEquals", "aws:SourceVpce", "vpce-1")
    certain = {**ALLOW, "Effect": "Deny", "Action": "s3:DeleteObject"}
    assert policy(ALLOW, doubtful, certain).denied(ROLE, ACTIONS) == ("s3:DeleteObject",)
    assert not policy(ALLOW, doubtful, certain).allows(ROLE, "s3:DeleteObject")


def test_every_unknown_condition_of_a_statement_is_named() -> None:
    """Whoever looks after it by hand has to know all that it hangs on."""
    both = deny("StringNotEquals", "aws:SourceVpce", "vpce-1")
    both["Condition"]["NotIpAddress"] = {"aws:SourceIp": "10.0.0.0/8"}
    with pytest.raises(Unverified) as doubt:
        policy(both).denied(ROLE, ACTIONS)
    assert "aws:SourceVpce (StringNotEquals) and aws:SourceIp (NotIpAddress)" in str(doubt.value)


def test_repository_that_denies_under_an_unknown_condition_is_not_passed_over() -> None:
    """Nodes of another organisation pull nothing; plain HTTP is not how they pull."""

    def denied(*found: dict[str, Any]) -> tuple[str, ...]:
        seen = ecr.RepositoryPolicy(repository="shop/cart", statements=statements({"Statement": list(found)}))
        return seen.denied(ROLE)

    foreign = deny("StringNotEquals", "aws:PrincipalOrgID", "o-1", action="ecr:*")
    assert denied(deny("Bool", "aws:SecureTransport", "false", action="ecr:*")) == ()
    with pytest.raises(Unverified, match=r"repository shop/cart denies ecr:BatchGetImage .*PrincipalOrgID"):
        denied(foreign)
    assert denied(foreign, {**foreign, "Action": ecr.PULLING[1], "Condition": {}}) == (ecr.PULLING[1],)


def test_role_of_the_nodes_under_an_unknown_condition_is_not_passed_over() -> None:
    """A permissions guardrail of the company may deny every pull that leaves its network."""
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/cart"

    def refused(*found: dict[str, Any]) -> list[str]:
        return list(pulling.refused(statements({"Statement": [PULL, *found]}), [arn], "nodes"))

    guard = {**deny("StringNotEquals", "aws:SourceVpc", "vpc-1", action="*"), "Principal": ()}
    assert refused(deny("Bool", "aws:SecureTransport", "false", action="*")) == []
    with pytest.raises(Unverified, match=r"policy of role nodes denies .* aws:SourceVpc \(StringNotEquals\)"):
        refused(guard)
    assert refused(guard, {**PULL, "Effect": "Deny", "Resource": arn}) == [
        f"ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on {arn}"
    ]
