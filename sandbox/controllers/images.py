"""The container registry as a node sees it."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox import names

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from sandbox.controllers.account import Account


class ImageError(Exception):
    """The image cannot be pulled; the text is the container runtime's."""


def split(reference: str) -> tuple[str, str, str]:
    """Split an image reference into registry, repository and tag."""
    path, _, tag = reference.rpartition(":")
    registry, _, repository = path.partition("/")
    return registry, repository, tag


class Images:
    """Pulls images and, like a node, keeps what it has pulled: a tag that moves later is not noticed."""

    def __init__(self, account: Account, pool: ThreadPoolExecutor) -> None:
        self._account = account
        self._pool = pool
        self._held: dict[tuple[str, str], str] = {}

    async def pull(self, node: str, reference: str, policy: str) -> str:
        """Give the `repository@sha256:…` that a container of this image runs; raises ImageError."""
        held = self._held.get((node, reference))
        if held is not None and policy == "IfNotPresent":
            return held
        registry, repository, tag = split(reference)
        if registry == names.REGISTRY:
            loop = asyncio.get_running_loop()
            digest = await loop.run_in_executor(self._pool, self._digest, repository, tag, reference)
        else:
            digest = f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"
        result = f"{reference.rpartition(':')[0]}@{digest}"
        self._held[node, reference] = result
        return result

    def _digest(self, repository: str, tag: str, reference: str) -> str:
        client: Any = self._account.client("ecr")
        try:
            found = client.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except ClientError as error:
            if error.response["Error"]["Code"] not in {
                "ImageNotFoundException",
                "RepositoryNotFoundException",
            }:
                raise
            raise ImageError(
                f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
                f"{reference}: not found"
            ) from error
        digest: str = found["imageDetails"][0]["imageDigest"]
        return digest
