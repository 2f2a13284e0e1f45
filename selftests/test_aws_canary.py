"""The S3 canary: the only thing that a run writes, gone afterwards whatever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postflight.probes.aws import canary
from sandbox import names
from selftests.aws_looks import connections, look, refusal
from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]

PREFIX = "postflight/canary/"
OLD = f"{PREFIX}20200101T000000Z-0123456789abcdef"
FOREIGN = f"{PREFIX}holiday.png"


def keys(cloud: Cloud) -> list[str]:
    """Return what lies under the prefix."""
    found: dict[str, Any] = cloud.aws.client("s3").list_objects_v2(Bucket=names.MEDIA_BUCKET, Prefix=PREFIX)
    return [item["Key"] for item in found.get("Contents", ())]


def upload(cloud: Cloud, role: str | None = names.API_ROLE) -> canary.Canary:
    """Let a canary fly."""
    reached = connections(cloud.aws.endpoint_url)
    seen: canary.Canary = look(reached, canary.canary, names.MEDIA_BUCKET, PREFIX, role)
    return seen


def allow(cloud: Cloud, *actions: str) -> None:
    """Let the application's role do just this in the bucket."""
    arn = f"arn:aws:s3:::{names.MEDIA_BUCKET}"
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": [arn, f"{arn}/*"]}
    cloud.aws.client("iam").put_role_policy(
        RoleName=names.API_ROLE,
        PolicyName=names.API_POLICY,
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


EVERYTHING = ("s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket")


@pytest.mark.parametrize("role", [None, names.API_ROLE])
def test_canary_is_written_read_and_removed(cloud: Cloud, role: str | None) -> None:
    """What it proves is that the application can upload; nothing of it stays."""
    seen = upload(cloud, role)
    assert seen.is_complete, seen
    assert keys(cloud) == []


def test_canaries_of_killed_runs_are_swept_and_nothing_else(cloud: Cloud) -> None:
    """A run that was killed must not leave objects for ever; what others put there is theirs."""
    store = cloud.aws.client("s3")
    for key in (OLD, FOREIGN):
        store.put_object(Bucket=names.MEDIA_BUCKET, Key=key, Body=b"x")
    try:
        seen = upload(cloud)
        assert (seen.swept, seen.left) == ((OLD,), ())
        assert keys(cloud) == [FOREIGN]
    finally:
        store.delete_object(Bucket=names.MEDIA_BUCKET, Key=FOREIGN)


def test_refused_role_is_a_finding(cloud: Cloud) -> None:
    """That the application may not upload is what the check is there to find."""
    allow(cloud, "s3:ListBucket")
    try:
        seen = upload(cloud)
    finally:
        allow(cloud, *EVERYTHING)
    assert (seen.failed_step, seen.done) == ("put", ())
    assert "AccessDenied" in seen.problem


def test_canary_that_cannot_be_deleted_is_told(cloud: Cloud) -> None:
    """An object that stays behind is said, by its key."""
    allow(cloud, "s3:PutObject", "s3:GetObject", "s3:ListBucket")
    try:
        seen = upload(cloud)
        assert seen.failed_step == "delete"
        assert seen.left == (seen.key,)
    finally:
        allow(cloud, *EVERYTHING)
        cloud.aws.client("s3").delete_object(Bucket=names.MEDIA_BUCKET, Key=seen.key)


def test_run_that_may_not_write_is_unverified(cloud: Cloud) -> None:
    """Without a role of the application the run's own rights say nothing about the application's."""
    cloud.aws.deny(["s3:PutObject"])
    try:
        said = refusal(lambda: upload(cloud, None))
    finally:
        cloud.aws.deny([])
    assert said.permission == "s3:PutObject"
    assert keys(cloud) == []


def test_what_cannot_be_listed_is_not_written(cloud: Cloud) -> None:
    """A canary that could not be swept later is not let fly."""
    before = cloud.aws.calls().get("s3:PutObject", 0)
    cloud.aws.deny(["s3:ListBucket"])
    try:
        said = refusal(lambda: upload(cloud))
    finally:
        cloud.aws.deny([])
    assert said.permission == "s3:ListBucket"
    assert cloud.aws.calls().get("s3:PutObject", 0) == before


def test_absent_bucket_is_a_finding(cloud: Cloud) -> None:
    """That there is no bucket explains itself."""
    reached = connections(cloud.aws.endpoint_url)
    seen = look(reached, canary.canary, "no-such-bucket", PREFIX, None)
    assert seen.problem == "there is no bucket no-such-bucket"
