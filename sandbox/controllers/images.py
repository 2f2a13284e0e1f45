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
    from collections.abc import Callable, Mapping
    from concurrent.futures import ThreadPoolExecutor

    from sandbox.controllers.account import Account


# Where the registries answer: outside the VPC, and so by way of a NAT gateway.
OUTSIDE = "198.51.100.20:443"


class ImageError(Exception):
    """The image cannot be pulled; the text is the container runtime's, the code what the kubelet tells."""

    def __init__(self, text: str, code: str = "NotFound") -> None:
        super().__init__(text)
        self.code = code


def split(reference: str) -> tuple[str, str, dict[str, str]]:
    """Split an image reference into registry, repository, and what ECR knows the image by."""
    name, _, digest = reference.partition("@")
    path, colon, tag = name.rpartition(":")
    registry, _, repository = (path if colon else name).partition("/")
    # With a digest the tag is not looked at.
    return registry, repository, {"imageDigest": digest} if digest else {"imageTag": tag}


class Images:
    """Pulls images and, like a node, keeps what it has pulled: a tag that moves later is not noticed.

    `gets_out` tells whether the node with an address reaches the internet, where the registries are.
    """

    def __init__(self, account: Account, pool: ThreadPoolExecutor, gets_out: Callable[[str], bool]) -> None:
        self._account = account
        self._pool = pool
        self._gets_out = gets_out
        self._held: dict[tuple[str, str], str] = {}

    async def pull(self, node: str, reference: str, policy: str) -> str:
        """Give the `repository@sha256:…` that a container of this image runs; raises ImageError."""
        held = self._held.get((node, reference))
        if held is not None and policy == "IfNotPresent":
            return held
        registry, repository, wanted = split(reference)
        if not self._gets_out(node):
            (version,) = wanted.values()
            head = f'Head "https://{registry}/v2/{repository}/manifests/{version}"'
            raise ImageError(
                f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": '
                f"failed to do request: {head}: dial tcp {OUTSIDE}: i/o timeout",
                "Unknown",
            )
        if registry == names.REGISTRY:
            loop = asyncio.get_running_loop()
            digest = await loop.run_in_executor(self._pool, self._digest, repository, wanted, reference)
        else:
            digest = f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"
        result = f"{registry}/{repository}@{digest}"
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

    def _digest(self, repository: str, wanted: Mapping[str, str], reference: str) -> str:
        client: Any = self._account.client("ecr")
        try:
            found = client.describe_images(repositoryName=repository, imageIds=[wanted])
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
