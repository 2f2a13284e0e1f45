"""How a run looks at who may pull images: the nodes' roles, and what a repository has against them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from postflight.environment import Environment, Service
from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import ecr, eks, iam
from postflight.probes.aws.conditions import of_a_request
from postflight.probes.aws.policies import ANYONE, Request, Statement, allows, surely
from postflight.probes.kubernetes import nodes
from postflight.subjects.registry import Ask, about

# AWS's own policies that let a role pull from every repository.
_PULL_POLICIES = frozenset(
    {
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonEC2ContainerRegistryFullAccess",
        "AdministratorAccess",
    }
)
_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
_EVERYTHING = Statement(effect="Allow", actions=("ecr:*",), resources=("*",))


class PullDenial(Evidence):
    """Actions of pulling that a repository's policy denies to a role of the nodes."""

    role: str
    actions: tuple[str, ...]


class PullRights(Evidence):
    """What a repository's policy has against the nodes' roles."""

    repository: str
    roles: tuple[str, ...]
    denials: tuple[PullDenial, ...]


class NodeRole(Evidence):
    """A role of the nodes, its policies, and what they do not let it do of all that pulling takes."""

    name: str
    policies: tuple[str, ...]
    refused: tuple[str, ...]


class NodeRoles(Evidence):
    """The roles of the cluster's managed node groups."""

    items: tuple[NodeRole, ...]

    @property
    def refused_role(self) -> str | None:
        """Name of the first that may not pull, for the runbook's commands."""
        return next((role.name for role in self.items if role.refused), None)


@about("service")
def pull_rights(ask: Ask, environment: Environment, declared: Service) -> PullRights:
    """Compare the repository's policy with the roles as which the nodes pull."""
    policy = ask(ecr.repository_policy, declared.image_repository or "")
    groups = _node_groups(ask, environment)
    # A role that is denied for sure is not to be hidden by one of which that is not known.
    hit = surely(groups, lambda group: bool(policy.denied(group.role_arn)))
    if not hit:
        _require_managed_nodes(ask)
    return PullRights(
        repository=policy.repository,
        roles=tuple(dict.fromkeys(group.role for group in groups)),
        denials=tuple(PullDenial(role=group.role, actions=policy.denied(group.role_arn)) for group in hit),
    )


@about()
def node_roles(ask: Ask, environment: Environment) -> NodeRoles:
    """Compare the policies of the roles as which the nodes act with what pulling takes."""
    roles = dict.fromkeys(group.role for group in _node_groups(ask, environment))
    items: list[NodeRole] = []

    def refuses(name: str) -> bool:
        items.append(_node_role(ask, environment, name))
        return bool(items[-1].refused)

    # A role that is refused for sure is not to be hidden by one of which that is not known.
    if not surely(roles, refuses):
        _require_managed_nodes(ask)
    return NodeRoles(items=tuple(items))


def refused(found: Iterable[Statement], repositories: Iterable[str], role: str = "") -> Iterator[str]:
    """Yield what a role's policies do not let it do: log in to ECR, and pull from repositories (ARNs).

    Raises Unverified where they refuse nothing for sure, and something hangs on an unknown condition.
    """
    known = tuple(found)
    wanted = [(ecr.LOGIN, ANYONE), *((action, arn) for arn in repositories for action in ecr.PULLING)]

    def refuses(one: tuple[str, str]) -> bool:
        request = Request(f"policy of role {role}", *one, context=of_a_request())
        return not allows(known, request)

    missing: dict[str, list[str]] = {}
    for action, arn in surely(wanted, refuses):
        missing.setdefault(arn, []).append(action)
    for arn, actions in missing.items():
        yield " and ".join(actions) if arn == ANYONE else f"{' and '.join(actions)} on {arn}"


def _node_groups(ask: Ask, environment: Environment) -> tuple[eks.NodeGroup, ...]:
    """Return the managed node groups. Raises Unverified where nodes come another way (Karpenter, Fargate)."""
    cluster = environment.cluster.name if environment.cluster else ""
    names = ask(eks.node_groups, cluster).names if cluster else ()
    groups = tuple(group for name in names if (group := ask(eks.node_group, cluster, name)).role_arn)
    if not groups:
        raise Unverified("The cluster has no managed node group, so as whom its nodes pull is not known.")
    return groups


def _require_managed_nodes(ask: Ask) -> None:
    """Require that every node is of a managed node group, where those may pull. Raises Unverified."""
    others = [node.name for node in ask(nodes.nodes).items if _GROUP_LABEL not in node.labels]
    if others:
        raise Unverified(
            f"{len(others)} of the nodes are of no managed node group (Karpenter, Auto Mode, Fargate …), "
            f"{others[0]} for one, so as whom they pull is not known."
        )


def _node_role(ask: Ask, environment: Environment, name: str) -> NodeRole:
    attached = ask(iam.attached_policies, name).attached
    inline = ask(iam.inline_policies, name).inline
    managed = tuple(arn.rpartition("/")[2] for arn in attached)
    documents = [
        *(ask(iam.role_policy, name, policy).statements for policy in inline),
        *(_managed(ask, arn) for arn in attached if ":aws:policy/" not in arn),
    ]
    found = [statement for document in documents for statement in document]
    if _PULL_POLICIES & set(managed):
        found.append(_EVERYTHING)
    missing = refused(found, _repositories(environment), name)
    return NodeRole(name=name, policies=(*managed, *inline), refused=tuple(missing))


def _repositories(environment: Environment) -> tuple[str, ...]:
    """Return the ARNs of all repositories that the environment declares."""
    place = (
        f"arn:{environment.aws.partition}:ecr:{environment.aws.region}:{environment.aws.account}:repository"
    )
    declared = (service.image_repository for service in environment.services.values())
    return tuple(dict.fromkeys(f"{place}/{name}" for name in declared if name))


def _managed(ask: Ask, arn: str) -> tuple[Statement, ...]:
    return ask(iam.managed_policy, arn, ask(iam.default_version, arn).version).statements
