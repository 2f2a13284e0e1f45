"""Images are judged as registries, nodes and IAM have them: releases, references, and who may pull."""

from __future__ import annotations

import pytest

from postflight.probes.aws.policies import statements
from postflight.subjects import pulling
from postflight.subjects.images import ImageOfWorkload, Release
from postflight.subjects.references import Reference, parsed

COMMIT = "7114918aa0c3f1e2d4b5a69788776655443322ff"
DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("revision", "image", "digest", "is_of"),
    [
        (COMMIT, f"r/cart:{COMMIT}", None, True),
        (COMMIT, "r/cart:7114918", None, True),
        ("7114918", f"r/cart:{COMMIT}", None, True),
        ("7114918", "r/cart:7114918", None, True),
        ("7114918", f"r/cart:7114918@{DIGEST}", DIGEST, True),
        ("711491", f"r/cart:{COMMIT}", None, False),
        (COMMIT, "r/cart:711491", None, False),
        ("7114919", f"r/cart:{COMMIT}", None, False),
        ("release-1.2", "r/cart:release-1", None, False),
        ("release-1", "r/cart:release-1.2", None, False),
        ("v1.2", "r/cart:v1.2", None, True),
        (DIGEST, "r/cart:7114918", DIGEST, True),
        (DIGEST, "r/cart:7114918", f"sha256:{'cd' * 32}", False),
        (DIGEST, "r/cart:7114918", None, False),
    ],
)
def test_release_is_known_by_commit_tag_or_digest(
    revision: str, image: str, digest: str | None, *, is_of: bool
) -> None:
    """Pipelines cut commits where they like; a tag that merely begins alike is another release."""
    release = Release(revision=revision)
    seen = ImageOfWorkload(reference=image, tags=(parsed(image).tag,), digest=digest)
    assert release.is_of(seen) is is_of
    if not is_of and release.is_digest:
        assert (digest or "not in ECR") in release.told(seen)


def test_release_of_a_pinned_image_is_known_by_its_tags_in_the_registry() -> None:
    """A service that is pinned by a digest names no tag, and was never live for a pipeline that names one."""
    release = Release(revision="7114918")
    pinned = f"r/cart@{DIGEST}"
    assert release.is_of(ImageOfWorkload(reference=pinned, tags=("latest", COMMIT), digest=DIGEST))
    other = ImageOfWorkload(reference=pinned, tags=("5e1c0aa",), digest=DIGEST)
    assert not release.is_of(other)
    assert release.told(other) == f"{pinned} (in ECR 5e1c0aa)"
    assert "without a tag" in release.told(ImageOfWorkload(reference=pinned, tags=(), digest=DIGEST))
    assert "not in ECR" in release.told(ImageOfWorkload(reference=pinned, tags=(), digest=None))


@pytest.mark.parametrize(
    ("image", "path", "tag", "digest"),
    [
        ("host:5000/team/cart", "host:5000/team/cart", "latest", ""),
        ("host:5000/team/cart:v1", "host:5000/team/cart", "v1", ""),
        (f"host/team/cart@{DIGEST}", "host/team/cart", "", DIGEST),
        (f"host:5000/team/cart:v1@{DIGEST}", "host:5000/team/cart", "v1", DIGEST),
        ("cart", "cart", "latest", ""),
    ],
)
def test_image_reference_is_taken_apart(image: str, path: str, tag: str, digest: str) -> None:
    """`latest` is meant only where neither tag nor digest is said; a port is no tag."""
    assert parsed(image) == Reference(path, tag, digest)


ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("registry", "is_own"),
    [
        (f"{ACCOUNT}.dkr.ecr.ap-northeast-2.amazonaws.com", True),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", True),
        (f"{ACCOUNT}.dkr-ecr.ap-northeast-2.on.aws", True),
        (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", True),
        ("999999999999.dkr.ecr.ap-northeast-2.amazonaws.com", False),
        ("docker.io", False),
        ("host:5000", False),
        (ACCOUNT, False),
    ],
)
def test_image_is_of_a_repository_in_the_accounts_own_registry(registry: str, *, is_own: bool) -> None:
    """A repository of the same name in another registry holds somebody else's images."""
    assert parsed(f"{registry}/team/cart:v1").is_of("team/cart", ACCOUNT) is is_own
    assert not parsed(f"{registry}/team/cart:v1").is_of("cart", ACCOUNT)
    assert not parsed("team/cart:v1").is_of("team/cart", ACCOUNT)


ECR = "arn:aws:ecr:ap-northeast-2:123456789012:repository"


@pytest.mark.parametrize(
    ("login", "pull", "refused"),
    [
        ("*", "*", []),
        ("*", f"{ECR}/*", []),
        ("*", f"{ECR}/shop/*", []),
        ("*", f"{ECR}/blog/*", [f"ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on {ECR}/shop/cart"]),
        (f"{ECR}/*", f"{ECR}/*", ["ecr:GetAuthorizationToken"]),
    ],
)
def test_role_that_may_pull_only_what_it_needs_may_pull(login: str, pull: str, refused: list[str]) -> None:
    """Least privilege is what AWS advises: the login for no repository, the rest for ours alone."""
    document = [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": login},
        {"Effect": "Allow", "Action": ["ecr:Batch*", "ecr:GetDownloadUrlForLayer"], "Resource": pull},
    ]
    assert list(pulling.refused(statements({"Statement": document}), [f"{ECR}/shop/cart"])) == refused


def test_role_that_is_denied_one_repository_may_not_pull_it() -> None:
    """A Deny wins over AWS's own policy, which would let it pull everything."""
    document = [
        {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "ecr:BatchGetImage", "Resource": f"{ECR}/shop/*"},
    ]
    found = list(pulling.refused(statements({"Statement": document}), [f"{ECR}/shop/cart", f"{ECR}/blog"]))
    assert found == [f"ecr:BatchGetImage on {ECR}/shop/cart"]
