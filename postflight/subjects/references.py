"""What an image reference says: `registry/repository:tag@sha256:…`."""

from __future__ import annotations

import re
from dataclasses import dataclass

# https://docs.aws.amazon.com/general/latest/gr/ecr.html: IPv4 and dual-stack endpoints, with FIPS or without.
_ECR = re.compile(r"(?P<account>\d{12})\.dkr[.-]ecr(-fips)?\..+")


@dataclass(frozen=True)
class Reference:
    """An image reference in its parts. With a digest the tag is a word only: runtimes pull by the digest."""

    path: str
    tag: str
    digest: str

    def is_of(self, repository: str, account: str) -> bool:
        """Whether it names this repository in an account's own ECR registry, of whatever region.

        A repository of the same name elsewhere (Docker Hub, another account) has other images.
        """
        registry, _, path = self.path.partition("/")
        own = _ECR.fullmatch(registry)
        return path == repository and own is not None and own["account"] == account


def parsed(image: str) -> Reference:
    """Take an image reference apart. Without tag and digest it means `latest`, with a digest no tag."""
    name, _, digest = image.partition("@")
    folder, slash, last = name.rpartition("/")  # the colon of a registry's port stands before it
    last, _, tag = last.partition(":")
    return Reference(f"{folder}{slash}{last}", tag or ("" if digest else "latest"), digest)
