"""The S3 canary in a bucket that keeps versions: none of it stays, or what stays is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from postflight.probes.aws import canary
from postflight.probes.aws.canary_records import CanaryRecords
from sandbox import names
from selftests.aws_looks import VERSIONED, connections, look, refusal
from selftests.aws_server import Cloud
from selftests.canary_looks import OLD, PREFIX, look_at
from selftests.s3_proxy import standing_before

pytest_plugins = ["selftests.aws_fixtures"]


@pytest.fixture
def versioned(cloud: Cloud) -> str:
    """A bucket that keeps versions, as the runbook advises."""
    store = cloud.aws.client("s3")
    store.create_bucket(Bucket=VERSIONED, CreateBucketConfiguration={"LocationConstraint": names.REGION})
    store.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    store.put_object(Bucket=VERSIONED, Key=OLD, Body=b"x")
    return VERSIONED


def versions(cloud: Cloud, bucket: str) -> list[str]:
    """Return the keys of all versions and deletion markers below the prefix, and remove them."""
    store: Any = cloud.aws.client("s3")
    told = store.list_object_versions(Bucket=bucket, Prefix=PREFIX)
    found = [*told.get("Versions", ()), *told.get("DeleteMarkers", ())]
    for one in found:
        store.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    return [one["Key"] for one in found]


def test_nothing_stays_in_a_bucket_that_keeps_versions(cloud: Cloud, versioned: str) -> None:
    """A deletion without a version only hides: one more object a run, for ever, that no listing shows."""
    reached = connections(cloud.aws.endpoint_url)
    seen = look(reached, canary.canary, versioned, PREFIX, None)
    left = versions(cloud, versioned)
    cloud.aws.client("s3").delete_bucket(Bucket=versioned)

    assert seen.is_complete, seen
    assert seen.swept == (OLD,)
    assert seen.kept == ()
    assert left == []


def test_a_version_that_may_not_be_deleted_is_told(cloud: Cloud, versioned: str) -> None:
    """It is hidden at least, and whoever may delete it has to be told that it is there."""
    reached = connections(cloud.aws.endpoint_url)
    cloud.aws.deny(["s3:DeleteObjectVersion"])
    try:
        seen = look(reached, canary.canary, versioned, PREFIX, None)
    finally:
        cloud.aws.deny([])
    left = versions(cloud, versioned)
    cloud.aws.client("s3").delete_bucket(Bucket=versioned)

    assert seen.is_complete, seen
    assert seen.left == ()
    assert [one.split()[0] for one in seen.kept] == [OLD, seen.key]
    assert set(left) == {OLD, seen.key}


def test_a_version_that_a_sweep_may_not_delete_is_named_until_it_is_gone(
    cloud: Cloud, versioned: str, tmp_path: Path
) -> None:
    """Once it is hidden no listing shows it, and a deletion without its version would only hide it again."""
    versioned_store = cloud.aws.client("s3")
    (version,) = versioned_store.list_object_versions(Bucket=versioned, Prefix=OLD)["Versions"]
    cloud.aws.deny(["s3:DeleteObjectVersion"])
    try:
        look_at(cloud.aws, versioned, tmp_path / "run-1")
    finally:
        cloud.aws.deny([])
    (left,) = [one.canary for one in CanaryRecords(tmp_path / "run-1").of_this_run() if one.canary.key == OLD]
    look_at(cloud.aws, versioned, tmp_path / "run-2")
    gone = versions(cloud, versioned)
    cloud.aws.client("s3").delete_bucket(Bucket=versioned)

    assert left.command.endswith(f"--key {OLD} --version-id {version['VersionId']}")
    assert [key for key in gone if key == OLD] == [OLD], "the marker stays; the version is gone"
    assert list(tmp_path.glob("*/canaries/*.json")) == []


def test_an_unanswered_upload_leaves_no_version(cloud: Cloud, versioned: str) -> None:
    """Its version is not known; the deletion's marker tells that there is one, and both are removed."""
    with standing_before(str(cloud.aws.endpoint_url)) as proxy:
        proxy.behaviour["PutObject"] = "mute"
        refusal(lambda: look_at(proxy, versioned))
    left = versions(cloud, versioned)
    cloud.aws.client("s3").delete_bucket(Bucket=versioned)
    assert left == []


def test_a_canary_under_retention_is_named_with_its_version(cloud: Cloud, tmp_path: Path) -> None:
    """Object lock forbids the deletion of a version for everybody: it is hidden, and named."""
    store = cloud.aws.client("s3")
    store.create_bucket(
        Bucket=VERSIONED,
        CreateBucketConfiguration={"LocationConstraint": names.REGION},
        ObjectLockEnabledForBucket=True,
    )
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    store.put_object_lock_configuration(
        Bucket=VERSIONED, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    try:
        seen = look_at(cloud.aws, VERSIONED, tmp_path / "run")
        (record,) = CanaryRecords(tmp_path / "run").of_this_run()
    finally:
        found = store.list_object_versions(Bucket=VERSIONED, Prefix=PREFIX)
        for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            store.delete_object(
                Bucket=VERSIONED, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True
            )
        store.delete_bucket(Bucket=VERSIONED)
    assert seen.kept == (f"{seen.key} ({record.canary.version})",)
    assert [one["VersionId"] for one in found["Versions"]] == [record.canary.version]
    assert record.canary.command.endswith(f"--key {seen.key} --version-id {record.canary.version}")
