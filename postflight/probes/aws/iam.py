"""IAM roles: whom they trust, and their inline policies."""

from __future__ import annotations

from typing import Final

from postflight.evidence import Evidence
from postflight.probes.aws.conditions import Condition, of_a_request
from postflight.probes.aws.policies import ANYONE, Request, Statement, allows, statements
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# What EKS writes into every token that it puts into a pod for IRSA.
AUDIENCE: Final = "sts.amazonaws.com"
_ASSUMING: Final = "sts:AssumeRoleWithWebIdentity"


class Role(Evidence):
    """An IAM role with its trust policy."""

    found: bool = True
    name: str
    arn: str = ""
    trust: tuple[Statement, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """What the trust policy asks of a token of an OIDC provider."""
        tests = (
            test
            for statement in self.trust
            if statement.effect == "Allow" and statement.speaks_of(_ASSUMING, ANYONE)
            for test in statement.conditions
        )
        return tuple(dict.fromkeys(text for test in tests for text in _terms(test)))

    def trusts(self, namespace: str, service_account: str, issuer: str) -> bool:
        """Whether it trusts this ServiceAccount of the cluster with this OIDC issuer.

        A trust that says nothing of the subject trusts all of them. Raises Unverified where it hangs on a
        condition of another kind.
        """
        provider = issuer.removeprefix("https://")
        token = {
            **{test.key: None for one in self.trust for test in one.conditions if _is_of_a_token(test)},
            f"{provider}:sub": f"system:serviceaccount:{namespace}:{service_account}",
            f"{provider}:aud": AUDIENCE,
        }
        request = Request(
            policy=f"trust policy of role {self.name}", action=_ASSUMING, resource=ANYONE, context=token
        )
        return bool(provider) and allows((one for one in self.trust if _is_about(one, provider)), request)


def _is_about(statement: Statement, provider: str) -> bool:
    """Whether a statement of a trust policy means those who come through this OIDC provider."""
    named = statement.not_principals or statement.principals
    hit = any(name.endswith(f":oidc-provider/{provider}") for name in named)
    # Whether `*` lets such tokens in is not said by AWS; that it keeps them out is.
    everybody = ANYONE in statement.principals and statement.effect == "Deny"
    return hit != bool(statement.not_principals) or everybody


def _is_of_a_token(test: Condition) -> bool:
    """Whether a condition is about a provider's token: no other provider's keys are in ours."""
    provider, _, claim = test.key.rpartition(":")
    return "." in provider and claim.lower() in ("sub", "aud")


def _terms(test: Condition) -> list[str]:
    if not _is_of_a_token(test):
        return [f"{test.key} ({test.operator})"]
    if test.key.endswith(":aud"):
        return [f"audience {value}" for value in test.values if value != AUDIENCE]
    literal = "Equals" in test.operator
    return [
        f"{value} (letter by letter, by {test.operator})" if literal and set("*?") & set(value) else value
        for value in test.values
    ]


class RolePolicy(Evidence):
    """A policy of a role, inline or attached (managed); what an attached one says is another question."""

    found: bool = True
    arn: str = ""
    role: str
    policy: str
    statements: tuple[Statement, ...] = ()

    def allows(self, action: str, resource: str) -> bool:
        """Whether it lets the role do this."""
        policy = f"policy {self.policy} of role {self.role}"
        return allows(
            self.statements,
            Request(policy=policy, action=action, resource=resource, context=of_a_request()),
        )


@reads("iam:GetRole")
def role(connections: Connections, name: str) -> Role:
    """Look at one role."""
    found = connections.aws.one(
        "iam", "GetRole", "Role", owner="Arn", RoleName=name, absent=("NoSuchEntity",)
    )
    if found is None:
        return Role(found=False, name=name)
    return Role(
        name=found["RoleName"],
        arn=found["Arn"],
        trust=statements(found["AssumeRolePolicyDocument"]),
    )


@reads("iam:GetRolePolicy")
def role_policy(connections: Connections, role: str, policy: str) -> RolePolicy:
    """Look at one inline policy of a role."""
    document = connections.aws.one(
        "iam",
        "GetRolePolicy",
        "PolicyDocument",
        RoleName=role,
        PolicyName=policy,
        absent=("NoSuchEntity",),
    )
    if document is None:
        return RolePolicy(found=False, role=role, policy=policy)
    return RolePolicy(role=role, policy=policy, statements=statements(document))


class RolePolicies(Evidence):
    """What policies a role has: names of inline ones, ARNs of attached (managed) ones."""

    role: str
    inline: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()

    def attached_named(self, policy: str) -> str | None:
        """Return the ARN of the attached policy of this name."""
        return next((arn for arn in self.attached if arn.rpartition("/")[2] == policy), None)


@reads("iam:ListRolePolicies")
def inline_policies(connections: Connections, role: str) -> RolePolicies:
    """List the names of a role's inline policies."""
    found = connections.aws.listing(
        "iam", "ListRolePolicies", "PolicyNames", RoleName=role, absent=("NoSuchEntity",)
    )
    return RolePolicies(role=role, inline=tuple(found or ()))


@reads("iam:ListAttachedRolePolicies")
def attached_policies(connections: Connections, role: str) -> RolePolicies:
    """List the managed policies that are attached to a role."""
    found = connections.aws.listing(
        "iam",
        "ListAttachedRolePolicies",
        "AttachedPolicies",
        owner="PolicyArn",
        RoleName=role,
        absent=("NoSuchEntity",),
    )
    return RolePolicies(role=role, attached=tuple(item["PolicyArn"] for item in found or ()))


class PolicyVersion(Evidence):
    """Which version of a managed policy is in effect."""

    arn: str
    version: str


class ManagedPolicy(Evidence):
    """A version of a managed policy."""

    arn: str
    statements: tuple[Statement, ...] = ()


@reads("iam:GetPolicy")
def default_version(connections: Connections, arn: str) -> PolicyVersion:
    """Ask which version of a managed policy is in effect."""
    found = connections.aws.one(
        "iam", "GetPolicy", "Policy", owner="Arn", PolicyArn=arn, absent=("NoSuchEntity",)
    )
    return PolicyVersion(arn=arn, version="" if found is None else found["DefaultVersionId"])


@reads("iam:GetPolicyVersion")
def managed_policy(connections: Connections, arn: str, version: str) -> ManagedPolicy:
    """Look at one version of a managed policy."""
    found = connections.aws.one(
        "iam",
        "GetPolicyVersion",
        "PolicyVersion",
        PolicyArn=arn,
        VersionId=version,
        absent=("NoSuchEntity",),
    )
    return ManagedPolicy(arn=arn, statements=() if found is None else statements(found["Document"]))
