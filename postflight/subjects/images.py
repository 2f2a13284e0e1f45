"""How a run looks at images: what the registry has, and what runs of it."""

from __future__ import annotations

import re

from postflight.environment import Environment, Service
from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import ecr
from postflight.probes.kubernetes.pods import ContainerState, Pod
from postflight.subjects.platform import deployment, service_pods
from postflight.subjects.references import Reference, parsed
from postflight.subjects.registry import Ask, about


class ImageOfWorkload(Evidence):
    """An image that a Deployment asks for out of its repository. `digest` None: the registry has it not.

    `tags`: the tag that is asked for; where only a digest is, the tags that the registry has of it.
    """

    reference: str
    tags: tuple[str, ...]
    digest: str | None

    @property
    def words(self) -> str:
        """The reference, with the tag that it leaves out."""
        return self.reference if "@" in self.reference else f"{self.reference} (tag {self.tags[0]})"


class WorkloadImages(Evidence):
    """A Deployment's images out of its declared repository, and what that repository has."""

    title: str
    repository: ecr.Repository
    all: tuple[str, ...]
    items: tuple[ImageOfWorkload, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Images that the registry does not have."""
        return tuple(item.words for item in self.items if item.digest is None)

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: no image appears in a registry by itself."""
        return bool(self.missing)


class RunningImage(Evidence):
    """What a container of a pod runs, and what its tag stands for in the registry now.

    `current` None: nothing, or the pod asks for a digest, which is what it runs whatever the tag says.
    """

    pod: str
    container: str
    reference: str
    tags: tuple[str, ...]
    digest: str
    current: str | None

    @property
    def is_current(self) -> bool:
        """Whether it runs what its tag stands for; a tag that is gone stands for nothing else."""
        return self.current in (None, self.digest)


class RunningImages(Evidence):
    """What the pods of a service run out of its repository; nothing where no pod has got so far."""

    title: str
    repository: str
    items: tuple[RunningImage, ...]


class Release(Evidence):
    """What --release names: a commit, a tag, or the digest of an image (`sha256:…`)."""

    revision: str

    @property
    def is_digest(self) -> bool:
        """Whether the digest of one image is named."""
        return self.revision.startswith("sha256:")

    def is_of(self, image: ImageOfWorkload | RunningImage) -> bool:
        """Whether an image is this release: by its digest, or by a tag.

        A commit matches whichever of the two is cut short, to seven characters or more; any other tag has
        to be the same.
        """
        if self.is_digest:
            return image.digest == self.revision
        return any(self._is_tag(tag) for tag in image.tags)

    def told(self, image: ImageOfWorkload | RunningImage) -> str:
        """Return an image with what is compared of it, for messages."""
        if self.is_digest:
            is_said = image.digest is not None and image.digest in image.reference
            return image.reference if is_said else f"{image.reference} ({image.digest or 'not in ECR'})"
        if parsed(image.reference).tag:
            return image.reference
        known = f"in ECR {', '.join(image.tags) or 'without a tag'}"
        return f"{image.reference} ({'not in ECR' if image.digest is None else known})"

    def _is_tag(self, tag: str) -> bool:
        if _COMMIT.fullmatch(tag) and _COMMIT.fullmatch(self.revision):
            return tag.startswith(self.revision) or self.revision.startswith(tag)
        return tag == self.revision


# Seven characters is where Git begins to cut; SHA-256 repositories have 64.
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@about("service")
def workload_images(ask: Ask, environment: Environment, declared: Service) -> WorkloadImages:
    """Look up the Deployment's images in its ECR repository."""
    found = deployment(ask, environment, declared)
    repository = ask(ecr.repository, declared.image_repository or "")
    own = (image for image in found.images if parsed(image).is_of(repository.name, environment.aws.account))
    return WorkloadImages(
        title=found.title,
        repository=repository,
        all=found.images,
        items=tuple(_looked_up(ask, repository, image) for image in own),
    )


@about("service")
def running_images(ask: Ask, environment: Environment, declared: Service) -> RunningImages:
    """Compare what the pods run with what the tags stand for in ECR.

    Raises Unverified where pods run, and nothing of it can be compared.
    """
    title = deployment(ask, environment, declared).title
    repository = ask(ecr.repository, declared.image_repository or "")
    started = [
        (pod, container)
        for pod, container in service_pods(ask, environment, declared).containers
        if container.image_id and parsed(container.image).is_of(repository.name, environment.aws.account)
    ]
    seen = [_running(ask, repository, pod, container) for pod, container in started]
    items = tuple(item for item in seen if item is not None)
    if started and not items:
        told = ", ".join(sorted({container.image_id for _, container in started}))
        raise Unverified(
            f"Whether the pods of {title} run what ECR repository {repository.name} has cannot be told: "
            f"their nodes report {told}."
        )
    return RunningImages(title=title, repository=repository.name, items=items)


@about()
def release(ask: Ask, _: Environment) -> Release:
    """Return the revision that the run was told to expect."""
    if ask.release is None:
        raise Unverified("This run was not told which release was deployed: say --release REVISION.")
    return Release(revision=ask.release)


def _looked_up(ask: Ask, repository: ecr.Repository, image: str) -> ImageOfWorkload:
    reference = parsed(image)
    if reference.digest:
        found = _with_digest(ask, repository, reference.digest)
    else:
        found = repository.tagged(reference.tag)
    return ImageOfWorkload(
        reference=image, tags=_tags(reference, found), digest=None if found is None else found.digest
    )


def _running(
    ask: Ask, repository: ecr.Repository, pod: Pod, container: ContainerState
) -> RunningImage | None:
    """Return what a container runs; None where its node tells of it in a way that cannot be compared."""
    reference = parsed(container.image)
    digest = reference.digest or container.image_id.partition("@")[2]
    found, current = None, None
    if reference.digest:
        # A runtime pulls by the digest and holds the content against it, whatever it tells afterwards.
        found = _with_digest(ask, repository, digest)
    elif not repository.images:
        raise Unverified(f"ECR repository {repository.name} lists no image to compare the pods' with.")
    else:
        current = repository.tagged(reference.tag)
        if not digest or (current is not None and _may_be_part(ask, repository, digest, current)):
            return None
    return RunningImage(
        pod=pod.name,
        container=container.name,
        reference=container.image,
        tags=_tags(reference, found),
        digest=digest,
        current=None if current is None else current.digest,
    )


def _may_be_part(ask: Ask, repository: ecr.Repository, digest: str, current: ecr.Image) -> bool:
    """Whether a digest may be one platform's of an index: some runtimes tell that one, not the index's.

    ECR does not list what an index holds, and deletes none of it while the index is there.
    """
    if digest == current.digest or not current.is_index:
        return False
    found = _with_digest(ask, repository, digest)
    return found is not None and not found.is_index


def _with_digest(ask: Ask, repository: ecr.Repository, digest: str) -> ecr.Image | None:
    return repository.with_digest(digest) or ask(ecr.image, repository.name, digest).image


def _tags(reference: Reference, found: ecr.Image | None) -> tuple[str, ...]:
    if reference.tag:
        return (reference.tag,)
    return () if found is None else found.tags
