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
