"""Buckets: the application and its browsers are let in, the public is not."""

from __future__ import annotations

from typing import Any

import pytest


def test_bucket_exists(declared_bucket: Any, bucket: Any) -> None:
    """Uploads and the images of every product lie in it."""
    assert bucket.found, f"there is no bucket {declared_bucket.bucket}"


@pytest.mark.where("public_access_block")
def test_bucket_blocks_public_access(declared_bucket: Any, public_access_block: Any) -> None:
    """One wrong ACL or policy statement must not publish what users upload."""
    assert public_access_block.is_complete, (
        f"bucket {declared_bucket.bucket} does not block public access: "
        f"{', '.join(public_access_block.off)} off"
    )


@pytest.mark.where("role")
def test_bucket_policy_lets_the_application_in(
    declared_bucket: Any, bucket_policy: Any, environment: Any
) -> None:
    """A policy that denies the application's role, or lacks it where it is let in by it, means 403."""
    is_wanted = declared_bucket.bucket_policy
    role = f"arn:{environment.aws.partition}:iam::{environment.aws.account}:role/{declared_bucket.role}"
    assert bucket_policy.found or not is_wanted, (
        f"bucket {declared_bucket.bucket} has no policy, so none that lets in {role}"
    )
    denied = bucket_policy.denied(role, ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"))
    assert not denied, f"the policy of bucket {declared_bucket.bucket} denies {', '.join(denied)} to {role}"
    assert bucket_policy.allows(role, "s3:GetObject") or not is_wanted, (
        f"the policy of bucket {declared_bucket.bucket} does not let in {role}: no statement allows it "
        "s3:GetObject"
    )


@pytest.mark.where("role", "role_policy")
def test_role_may_write_to_the_bucket(
    declared_bucket: Any, bucket_role_policy: Any, environment: Any
) -> None:
    """The API uploads as this role; without the policy every upload is refused."""
    role, policy = declared_bucket.role, declared_bucket.role_policy
    assert bucket_role_policy.found, f"role {role} has no policy {policy}, neither inline nor attached"
    objects = f"arn:{environment.aws.partition}:s3:::{declared_bucket.bucket}/any-object"
    assert bucket_role_policy.allows("s3:PutObject", objects), (
        f"policy {policy} of role {role} does not allow s3:PutObject in bucket {declared_bucket.bucket}"
    )


def test_bucket_admits_the_origin(declared_bucket_origin: Any, bucket_cors: Any) -> None:
    """The dashboard uploads from the browser, which asks the bucket for leave first."""
    refused = bucket_cors.refused(declared_bucket_origin.origin, declared_bucket_origin.methods)
    assert not refused, (
        f"the CORS rules of bucket {bucket_cors.bucket} do not let origin {declared_bucket_origin.origin} "
        f"use {', '.join(refused)}"
    )
