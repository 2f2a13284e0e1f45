"""The container registry as a node sees it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sandbox import names
from sandbox.aws.seed_platform import NODE_POLICY

if TYPE_CHECKING:
    from collections.abc import Mapping
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

    def forget(self, repository: str) -> None:
        """Let no node hold an image of a repository any more, as after their replacement."""
        self._held = {key: value for key, value in self._held.items() if split(key[1])[1] != repository}

    def _require_pull(self, client: Any, repository: str, reference: str) -> None:
        if not self._role_may_pull() or self._is_denied(client, repository):
            raise ImageError(
                f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
                f"unexpected status from HEAD request to https://{names.REGISTRY}/v2/{repository}: "
                "403 Forbidden"
            )

    def _role_may_pull(self) -> bool:
        inline = self._account.client("iam").list_role_policies(RoleName=names.NODE_ROLE)["PolicyNames"]
        return NODE_POLICY in inline

    @staticmethod
    def _is_denied(client: Any, repository: str) -> bool:
        try:
            policy = json.loads(client.get_repository_policy(repositoryName=repository)["policyText"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "RepositoryPolicyNotFoundException":
                raise
            return False
        return any(_denies_pulling(statement) for statement in policy["Statement"])

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
        self._require_pull(client, repository, reference)
        digest: str = found["imageDetails"][0]["imageDigest"]
        return digest


def _denies_pulling(statement: Mapping[str, Any]) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return statement["Effect"] == "Deny" and bool({"ecr:*", "*", "ecr:BatchGetImage"} & set(actions))
