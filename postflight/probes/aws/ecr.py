"""ECR: the images of a repository by tag, and who may not pull them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.aws.policies import Statement, denies, statements
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# The most that ECR gives at once; it gives 100 if not asked for more.
PAGE: Final = 1000
PULLING: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


class Image(Evidence):
    """An image that has at least one tag."""

    digest: str
    tags: tuple[str, ...]
    pushed: dt.datetime


class Repository(Evidence):
    """A repository with its tagged images, the newest first."""

    found: bool = True
    name: str
    images: tuple[Image, ...] = ()

    def digest_of(self, tag: str) -> str | None:
        """Return the digest that a tag stands for now, None where there is no such tag."""
        return next((image.digest for image in self.images if tag in image.tags), None)

    def newest_tags(self, count: int = 5) -> tuple[str, ...]:
        """Return the tags that were pushed last."""
        return tuple(tag for image in self.images for tag in image.tags)[:count]


class RepositoryPolicy(Evidence):
    """The policy of a repository; not `found`: it has none, and only the puller's own policy decides."""

    found: bool = True
    repository: str
    statements: tuple[Statement, ...] = ()

    def denied(self, role_arn: str) -> tuple[str, ...]:
        """Return the actions of pulling that it denies to a role."""
        return tuple(action for action in PULLING if denies(self.statements, action, "*", {}, role_arn))


@reads("ecr:DescribeImages")
def repository(connections: Connections, name: str) -> Repository:
    """List the tagged images of one repository; ECR has no listing over several."""
    found = connections.aws.listing(
        "ecr",
        "DescribeImages",
        "imageDetails",
        repositoryName=name,
        filter={"tagStatus": "TAGGED"},
        PaginationConfig={"PageSize": PAGE},
        absent=("RepositoryNotFoundException",),
    )
    if found is None:
        return Repository(found=False, name=name)
    images = sorted((_image(item) for item in found), key=lambda image: image.pushed, reverse=True)
    return Repository(name=name, images=tuple(images))


@reads("ecr:GetRepositoryPolicy")
def repository_policy(connections: Connections, name: str) -> RepositoryPolicy:
    """Look at the policy of one repository."""
    document = connections.aws.one(
        "ecr",
        "GetRepositoryPolicy",
        "policyText",
        repositoryName=name,
        absent=("RepositoryPolicyNotFoundException", "RepositoryNotFoundException"),
    )
    if document is None:
        return RepositoryPolicy(found=False, repository=name)
    return RepositoryPolicy(repository=name, statements=statements(document))


def _image(item: Mapping[str, Any]) -> Image:
    pushed = item["imagePushedAt"]
    return Image(
        digest=item["imageDigest"],
        tags=tuple(item.get("imageTags", ())),
        pushed=pushed if pushed.tzinfo else pushed.replace(tzinfo=dt.UTC),
    )
