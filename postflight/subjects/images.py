"""How a run looks at images: what the registry has, who may pull it, what runs of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from postflight.environment import Environment, Service
from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import ecr, eks, iam
from postflight.probes.aws.policies import Statement, allows
from postflight.probes.kubernetes.deployments import Deployment
from postflight.subjects.platform import deployment, service_pods
from postflight.subjects.registry import Ask, about

# AWS's own policies that let a role pull from every repository of its account.
_PULL_POLICIES = frozenset(
    {
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonEC2ContainerRegistryFullAccess",
        "AdministratorAccess",
    }
)


class ImageOfWorkload(Evidence):
    """An image that a Deployment asks for out of its repository. `digest` None: the registry has it not."""

    reference: str
    tag: str
    digest: str | None


class WorkloadImages(Evidence):
    """A Deployment's images out of its declared repository, and what that repository has."""

    title: str
    repository: ecr.Repository
    all: tuple[str, ...]
    items: tuple[ImageOfWorkload, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Images that the registry does not have."""
        return tuple(f"{item.reference} (tag {item.tag})" for item in self.items if item.digest is None)

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: no tag appears in a registry by itself."""
        return bool(self.missing)


class RunningImage(Evidence):
    """What a container of a pod runs, and what its tag stands for in the registry now (None: nothing)."""

    pod: str
    container: str
    reference: str
    digest: str
    current: str | None

    @property
    def is_current(self) -> bool:
        """Whether it runs what its tag stands for; a tag that is gone stands for nothing else."""
        return self.current in (None, self.digest)


class RunningImages(Evidence):
    """What the pods of a service run out of its repository."""

    title: str
    has_pods: bool
    items: tuple[RunningImage, ...]


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
    """A role of the nodes, its policies, and whether one of them lets it pull images."""

    name: str
    policies: tuple[str, ...]
    may_pull: bool


class NodeRoles(Evidence):
    """The roles of the cluster's managed node groups."""

    items: tuple[NodeRole, ...]


class Release(Evidence):
    """What --release names: a commit, a tag, or the digest of an image (`sha256:…`)."""

    revision: str

    @property
    def is_digest(self) -> bool:
        """Whether the digest of one image is named."""
        return self.revision.startswith("sha256:")

    def is_of(self, image: str, digest: str | None) -> bool:
        """Whether an image is this release: by its digest, or by its tag.

        A commit matches whichever of the two is cut short, to seven characters or more; any other tag has
        to be the same.
        """
        if self.is_digest:
            return digest == self.revision
        tag = _tag(image)
        if _COMMIT.fullmatch(tag) and _COMMIT.fullmatch(self.revision):
            return tag.startswith(self.revision) or self.revision.startswith(tag)
        return tag == self.revision

    def told(self, image: str, digest: str | None) -> str:
        """Return an image with what is compared of it, for messages."""
        if not self.is_digest or (digest is not None and digest in image):
            return image
        return f"{image} ({digest or 'whose tag ECR does not have'})"


# Seven characters is where Git begins to cut; SHA-256 repositories have 64.
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@about("service")
def workload_images(ask: Ask, environment: Environment, declared: Service) -> WorkloadImages:
    """Look up the Deployment's images in its ECR repository."""
    found = deployment(ask, environment, declared)
    repository = ask(ecr.repository, declared.image_repository or "")
    return WorkloadImages(
        title=found.title,
        repository=repository,
        all=found.images,
        items=tuple(_looked_up(found, repository)),
    )


@about("service")
def running_images(ask: Ask, environment: Environment, declared: Service) -> RunningImages:
    """Compare what the pods run with what the tags stand for in ECR."""
    repository = ask(ecr.repository, declared.image_repository or "")
    pods = service_pods(ask, environment, declared)
    if not repository.images:
        raise Unverified(f"ECR repository {repository.name} lists no image to compare the pods' with.")
    items = (
        RunningImage(
            pod=pod.name,
            container=container.name,
            reference=container.image,
            digest=container.image_id.rpartition("@")[2],
            current=repository.digest_of(_tag(container.image)),
        )
        for pod, container in pods.containers
        if "@" in container.image_id and _is_of(container.image, repository.name)
    )
    title = deployment(ask, environment, declared).title
    return RunningImages(title=title, has_pods=bool(pods.items), items=tuple(items))


@about("service")
def pull_rights(ask: Ask, environment: Environment, declared: Service) -> PullRights:
    """Compare the repository's policy with the roles as which the nodes pull."""
    policy = ask(ecr.repository_policy, declared.image_repository or "")
    groups = _node_groups(ask, environment)
    if not groups:
        raise Unverified("The cluster has no managed node group, so as whom its nodes pull is not known.")
    denied = ((group, policy.denied(group.role_arn)) for group in groups)
    return PullRights(
        repository=policy.repository,
        roles=tuple(dict.fromkeys(group.role for group in groups)),
        denials=tuple(PullDenial(role=group.role, actions=actions) for group, actions in denied if actions),
    )


@about()
def node_roles(ask: Ask, environment: Environment) -> NodeRoles:
    """Look at the policies of the roles as which the nodes act."""
    names = dict.fromkeys(group.role for group in _node_groups(ask, environment))
    return NodeRoles(items=tuple(_node_role(ask, name) for name in names))


@about()
def release(ask: Ask, _: Environment) -> Release:
    """Return the revision that the run was told to expect."""
    if ask.release is None:
        raise Unverified("This run was not told which release was deployed: say --release REVISION.")
    return Release(revision=ask.release)


def _looked_up(found: Deployment, repository: ecr.Repository) -> Iterator[ImageOfWorkload]:
    for image in found.images:
        if _is_of(image, repository.name):
            tag = _tag(image)
            digest = image.rpartition("@")[2] if "@" in image else repository.digest_of(tag)
            yield ImageOfWorkload(reference=image, tag=tag, digest=digest)


def _node_groups(ask: Ask, environment: Environment) -> tuple[eks.NodeGroup, ...]:
    if environment.cluster is None:
        return ()
    cluster = environment.cluster.name
    names = ask(eks.node_groups, cluster).names
    return tuple(group for name in names if (group := ask(eks.node_group, cluster, name)).role_arn)


def _node_role(ask: Ask, name: str) -> NodeRole:
    attached = ask(iam.attached_policies, name).attached
    inline = ask(iam.inline_policies, name).inline
    managed = tuple(arn.rpartition("/")[2] for arn in attached)
    own = [ask(iam.role_policy, name, policy).statements for policy in inline]
    made_here = [_managed(ask, arn) for arn in attached if ":aws:policy/" not in arn]
    found = [statement for policy in (*own, *made_here) for statement in policy]
    may_pull = bool(_PULL_POLICIES & set(managed)) or allows(found, ecr.PULLING[0], "*", {}, None)
    return NodeRole(name=name, policies=(*managed, *inline), may_pull=may_pull)


def _managed(ask: Ask, arn: str) -> tuple[Statement, ...]:
    return ask(iam.managed_policy, arn, ask(iam.default_version, arn).version).statements


def _is_of(image: str, repository: str) -> bool:
    name = image.partition("@")[0]
    path = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
    return path.partition("/")[2] == repository or path == repository


def _tag(image: str) -> str:
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or "latest"
