"""IAM roles: whom they trust, and their inline policies."""

from __future__ import annotations

from fnmatch import fnmatchcase

from postflight.evidence import Evidence
from postflight.probes.aws.policies import Condition, Statement, allows, statements
from postflight.probes.connections import Connections
from postflight.probes.reads import reads


class Role(Evidence):
    """An IAM role with its trust policy."""

    found: bool = True
    name: str
    arn: str = ""
    trust: tuple[Statement, ...] = ()

    @property
    def service_accounts(self) -> tuple[str, ...]:
        """The subjects that may assume it through the cluster's OIDC provider."""
        return tuple(value for test in self._subject_tests() for value in test.values)

    def trusts(self, namespace: str, service_account: str, issuer: str) -> bool:
        """Whether it trusts this ServiceAccount of the cluster with this OIDC issuer."""
        provider = issuer.removeprefix("https://")
        subject = f"system:serviceaccount:{namespace}:{service_account}"
        return any(
            test.key == f"{provider}:sub" and any(fnmatchcase(subject, value) for value in test.values)
            for test in self._subject_tests()
        )

    def _subject_tests(self) -> tuple[Condition, ...]:
        return tuple(
            test
            for statement in self.trust
            if statement.effect == "Allow"
            for test in statement.conditions
            if test.key.endswith(":sub") and test.operator in ("StringEquals", "StringLike")
        )


class RolePolicy(Evidence):
    """An inline policy of a role."""

    found: bool = True
    role: str
    policy: str
    statements: tuple[Statement, ...] = ()

    def allows(self, action: str, resource: str) -> bool:
        """Whether it lets the role do this."""
        return allows(self.statements, action, resource, {"aws:SecureTransport": "true"}, None)


@reads("iam:GetRole")
def role(connections: Connections, name: str) -> Role:
    """Look at one role."""
    found = connections.aws.one("iam", "GetRole", "Role", RoleName=name, absent=("NoSuchEntity",))
    if found is None:
        return Role(found=False, name=name)
    return Role(
        name=found["RoleName"],
        arn=found["Arn"],
        trust=statements(found.get("AssumeRolePolicyDocument", {})),
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
        "iam", "ListAttachedRolePolicies", "AttachedPolicies", RoleName=role, absent=("NoSuchEntity",)
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
    found = connections.aws.one("iam", "GetPolicy", "Policy", PolicyArn=arn, absent=("NoSuchEntity",))
    return PolicyVersion(arn=arn, version=(found or {}).get("DefaultVersionId", ""))


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
    return ManagedPolicy(arn=arn, statements=statements((found or {}).get("Document", {})))
