"""Whom a policy means: a role by its names, in every partition, and what is not to be told from a policy."""

from __future__ import annotations

import pytest
from botocore.loaders import create_loader

from postflight.environment.infrastructure import Account
from postflight.evidence import Unverified
from postflight.probes.aws.conditions import Condition, of_a_role
from postflight.probes.aws.policies import statements
from selftests.test_aws_judgement import OBJECTS, OTHER, ROLE, policy, statement

WITH_PATH = "arn:aws:iam::123456789012:role/eks/irsa/api"
CHINESE = WITH_PATH.replace("arn:aws:", "arn:aws-cn:")
ROOT = "arn:aws:iam::123456789012:root"


@pytest.mark.parametrize(
    ("principal", "role", "is_meant"),
    [
        ("*", ROLE, True),
        ("123456789012", ROLE, True),
        ("999999999999", ROLE, False),
        (ROOT, ROLE, True),
        (ROOT.replace("arn:aws:", "arn:aws-cn:"), CHINESE, True),
        (ROOT, CHINESE, False),
        (ROLE, ROLE, True),
        (WITH_PATH, ROLE, True),
        (ROLE, WITH_PATH, True),
        (CHINESE, CHINESE.replace("eks/irsa/", ""), True),
        (CHINESE, ROLE, False),
        (OTHER, ROLE, False),
        (ROLE.replace("123456789012", "999999999999"), ROLE, False),
        (ROLE.replace(":role/", ":user/"), ROLE, False),
        ("arn:aws:sts::123456789012:assumed-role/api/session", ROLE, None),
        ("arn:aws:sts::123456789012:assumed-role/other/session", ROLE, False),
        ("AROAEXAMPLEOFANID0001", ROLE, None),
        ("AIDAEXAMPLEOFANID0001", ROLE, False),
        ("ec2.amazonaws.com", ROLE, False),
        ("arn:aws:iam::123456789012:role/*", ROLE, False),
    ],
)
@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_role_is_meant_by_every_name_it_has(
    effect: str, principal: str, role: str, *, is_meant: bool | None
) -> None:
    """Compared letter by letter, a Deny of a role with a path was green, and an Allow of it red."""
    whole = "arn:aws-cn:s3:::media/*" if role == CHINESE or ":aws-cn:" in role else OBJECTS
    judged = policy(
        *((statement(Principal="*", Resource=whole),) if effect == "Deny" else ()),
        statement(effect, Principal={"AWS": principal}, Resource=whole),
    )
    if is_meant is None:
        with pytest.raises(Unverified, match="whether that is"):
            judged.allows(role, "s3:GetObject")
    else:
        assert judged.allows(role, "s3:GetObject") is (is_meant == (effect == "Allow"))


@pytest.mark.parametrize(
    ("effect", "spared", "allowed"),
    [
        ("Deny", [ROLE], None),
        ("Deny", [ROLE, ROOT], None),
        ("Deny", [ROOT], False),
        ("Deny", [OTHER], False),
        ("Deny", ["*"], True),
        ("Allow", [ROOT], None),
        ("Allow", [ROLE], None),
        ("Allow", [OTHER], True),
    ],
)
def test_who_is_spared_is_not_guessed(effect: str, spared: list[str], *, allowed: bool | None) -> None:
    """A role's requests come from a session, which a NotPrincipal has to list as well."""
    judged = policy(
        *((statement(Principal="*"),) if effect == "Deny" else ()),
        statement(effect, NotPrincipal={"AWS": spared}),
    )
    if allowed is None:
        with pytest.raises(Unverified, match="to all but"):
            judged.allows(ROLE, "s3:GetObject")
    else:
        assert judged.allows(ROLE, "s3:GetObject") is allowed


@pytest.mark.parametrize(
    "document",
    ["<html></html>", "[]", "null", "{}", '{"Statement": 5}', '{"Statement": [5]}', '{"Statement": [{}]}'],
)
def test_policy_that_is_none_is_unverified(document: str) -> None:
    """A policy without statements denies nobody, so what is no policy must not be read as one."""
    with pytest.raises(Unverified, match="no policy document"):
        statements(document)


@pytest.mark.parametrize(
    ("role", "pattern", "is_met"),
    [
        (ROLE, "arn:aws:iam::123456789012:role/*", True),
        (ROLE, "arn:aws:iam::123456789012:role/eks/*", None),
        (ROLE, WITH_PATH, None),
        (ROLE, "arn:aws:iam::123456789012:role/eks/irsa/other", False),
        (WITH_PATH, "arn:aws:iam::123456789012:role/eks/*", True),
        (WITH_PATH, "arn:aws:iam::123456789012:role/ops/*", False),
    ],
)
def test_condition_on_a_path_needs_to_know_it(role: str, pattern: str, *, is_met: bool | None) -> None:
    """An environment declares a role by its name; its path may be what a policy looks for."""
    test = Condition(operator="ArnLike", key="aws:PrincipalArn", values=(pattern,))
    assert test.holds(of_a_role(role)) is is_met


def test_every_region_is_in_the_partition_that_botocore_knows() -> None:
    """An ARN with another partition's word names nothing, and a policy that it is held against is misread."""
    known = create_loader().load_data("partitions")["partitions"]
    regions = {region: one["id"] for one in known for region in one["regions"] if "global" not in region}
    assert len(regions) > 30
    assert {name: Account(account="123456789012", region=name).partition for name in regions} == regions
