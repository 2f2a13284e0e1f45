"""ECR: the images of a repository by tag or digest, and who may not pull them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.aws.conditions import of_a_role
from postflight.probes.aws.policies import ANYONE, Request, Statement, denies, statements, surely
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# The most that ECR gives at once; it gives 100 if not asked for more.
PAGE: Final = 1000
# Logging in is for the whole registry; the rest of pulling is for one repository.
LOGIN: Final = "ecr:GetAuthorizationToken"
PULLING: Final = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


class Image(Evidence):
    """An image by its digest, or an index of images for several platforms, which has a digest of its own."""

    digest: str
    tags: tuple[str, ...]
    pushed: dt.datetime
    is_index: bool = False


class Repository(Evidence):
    """A repository with its tagged images, the newest first."""

    found: bool = True
    name: str
    images: tuple[Image, ...] = ()

    def tagged(self, tag: str) -> Image | None:
        """Return the image that a tag stands for now, None where there is no such tag."""
        return next((image for image in self.images if tag in image.tags), None)

    def with_digest(self, digest: str) -> Image | None:
        """Return a tagged image by its digest."""
        return next((image for image in self.images if image.digest == digest), None)

    def newest_tags(self, count: int = 5) -> tuple[str, ...]:
        """Return the tags that were pushed last."""
        return tuple(tag for image in self.images for tag in image.tags)[:count]


class Lookup(Evidence):
    """What a repository has under a digest; images without a tag are not listed with the others."""

    repository: str
    digest: str
    image: Image | None = None


class RepositoryPolicy(Evidence):
    """The policy of a repository; not `found`: it has none, and only the puller's own policy decides."""

    found: bool = True
    repository: str
    statements: tuple[Statement, ...] = ()

    def denied(self, role_arn: str) -> tuple[str, ...]:
        """Return the actions of pulling that it denies to a role."""
        return surely(PULLING, lambda action: denies(self.statements, self._request(role_arn, action)))

    def _request(self, role_arn: str, action: str) -> Request:
        return Request(
            policy=f"policy of ECR repository {self.repository}",
            action=action,
            resource=ANYONE,
            context=of_a_role(role_arn),
            principal=role_arn,
        )


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
        owner="registryId",
        absent=("RepositoryNotFoundException",),
    )
    if found is None:
        return Repository(found=False, name=name)
    images = sorted((_image(item) for item in found), key=lambda image: image.pushed, reverse=True)
    return Repository(name=name, images=tuple(images))


@reads("ecr:DescribeImages")
def image(connections: Connections, repository: str, digest: str) -> Lookup:
    """Look at one image, tagged or not."""
    found = connections.aws.listing(
        "ecr",
        "DescribeImages",
        "imageDetails",
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        owner="registryId",
        absent=("ImageNotFoundException", "RepositoryNotFoundException"),
    )
    return Lookup(repository=repository, digest=digest, image=_image(found[0]) if found else None)


@reads("ecr:GetRepositoryPolicy")
def repository_policy(connections: Connections, name: str) -> RepositoryPolicy:
    """Look at the policy of one repository."""
    document = connections.aws.one(
        "ecr",
        "GetRepositoryPolicy",
        "policyText",
        repositoryName=name,
        owner="registryId",
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
        is_index=item.get("imageManifestMediaType") in _INDEXES,
    )
