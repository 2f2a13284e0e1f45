"""The S3 canary: the only thing that a run writes, gone afterwards whatever happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from postflight.probes.aws import canary
from postflight.probes.aws.canary_records import CanaryRecords
from postflight.probes.aws.canary_upload import Removal, Upload
from postflight.probes.aws.client import ATTEMPTS
from sandbox import names
from sandbox.aws.client import Aws
from selftests.aws_looks import VERSIONED, connections, difference, look, refusal
from selftests.aws_server import Cloud
from selftests.s3_proxy import How, S3Proxy, standing_before

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


def test_canary_is_sent_without_asking_leave(cloud: Cloud) -> None:
    """Botocore asks first, and waits a second for an answer that many proxies and gateways never give."""
    reached = connections(cloud.aws.endpoint_url)
    sent: list[Any] = []
    s3 = reached.aws.client("s3", role=names.API_ROLE)
    s3.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request.headers))
    assert look(reached, canary.canary, names.MEDIA_BUCKET, PREFIX, names.API_ROLE).is_complete
    assert [("Content-Length" in headers, "Expect" in headers) for headers in sent] == [(True, False)]


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


def test_a_canary_of_another_run_is_left_alone_while_it_may_live(cloud: Cloud) -> None:
    """On another machine there is no record; none lives for two minutes, and its key has its time."""
    now = datetime.now(UTC)
    young, old = (
        f"{PREFIX}{now - age:%Y%m%dT%H%M%S}Z-shop-stage-20261201T014810Z-0123456789abcdef"
        for age in (timedelta(seconds=60), timedelta(seconds=180))
    )
    store = cloud.aws.client("s3")
    for key in (young, old):
        store.put_object(Bucket=names.MEDIA_BUCKET, Key=key, Body=b"x")
    try:
        seen = upload(cloud)
        assert (seen.swept, seen.left) == ((old,), ())
        assert keys(cloud) == [young]
    finally:
        store.delete_object(Bucket=names.MEDIA_BUCKET, Key=young)


def test_a_look_ends_and_removes_its_canary_however_slowly_it_is_read(cloud: Cloud) -> None:
    """A byte a second is no silence: no time limit of a connection ends that."""
    with standing_before(str(cloud.aws.endpoint_url)) as proxy:
        proxy.behaviour["GetObject"] = "drip"
        said = refusal(lambda: look_at(proxy, names.MEDIA_BUCKET))
    assert "step get" in str(said)
    assert keys(cloud) == []


@pytest.mark.parametrize("how", ["hang", "page"])
def test_a_removal_without_an_answer_of_s3_is_none(cloud: Cloud, tmp_path: Path, how: How) -> None:
    """A sign-in page with status 200 is no deletion, and the run's folder keeps what is left."""
    with standing_before(str(cloud.aws.endpoint_url)) as proxy:
        proxy.behaviour["DeleteObject"] = how
        said = refusal(lambda: look_at(proxy, names.MEDIA_BUCKET, tmp_path / "sandbox-1"))
    assert "s3:DeleteObject" in str(said)
    left = CanaryRecords(tmp_path / "sandbox-1").of_this_run()
    assert [one.canary.key for one in left] == keys(cloud)

    seen = look_at(cloud.aws, names.MEDIA_BUCKET, tmp_path / "sandbox-2")
    assert seen.swept == tuple(one.canary.key for one in left)
    assert keys(cloud) == []
    assert CanaryRecords(tmp_path / "sandbox-1").of_this_run() == []


def look_at(place: S3Proxy | Aws, bucket: str, run: Path | None = None) -> canary.Canary:
    """Let a canary fly as the run itself, by way of a proxy, in a run with a folder."""
    if run is not None:
        run.mkdir()
    reached = connections(place.url if isinstance(place, S3Proxy) else place.endpoint_url)
    reached.canaries = CanaryRecords(run)
    seen: canary.Canary = look(reached, canary.canary, bucket, PREFIX, None)
    return seen


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


def test_a_canary_that_cannot_be_recorded_is_not_written(cloud: Cloud, tmp_path: Path) -> None:
    """The next run could not find it again."""
    reached = connections(cloud.aws.endpoint_url)
    reached.canaries = CanaryRecords(tmp_path / "no-such-folder")
    before = cloud.aws.calls().get("s3:PutObject", 0)
    said = refusal(lambda: look(reached, canary.canary, names.MEDIA_BUCKET, PREFIX, None))
    assert "cannot be recorded" in str(said)
    assert cloud.aws.calls().get("s3:PutObject", 0) == before


def test_nothing_is_written_once_the_run_is_ended(cloud: Cloud) -> None:
    """What is begun now could not be removed in time."""
    reached = connections(cloud.aws.endpoint_url)
    reached.ending.set()
    before = cloud.aws.calls().get("s3:PutObject", 0)
    said = refusal(lambda: look(reached, canary.canary, names.MEDIA_BUCKET, PREFIX, names.API_ROLE))
    assert "was ended" in str(said)
    assert cloud.aws.calls().get("s3:PutObject", 0) == before


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


@pytest.mark.parametrize("permission", ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"])
def test_run_that_may_not_write_is_unverified(cloud: Cloud, permission: str) -> None:
    """Without a role of the application the run's own rights say nothing about the application's."""
    cloud.aws.deny([permission])
    try:
        said = refusal(lambda: upload(cloud, None))
    finally:
        cloud.aws.deny([])
    for key in keys(cloud):
        assert permission == "s3:DeleteObject"
        cloud.aws.client("s3").delete_object(Bucket=names.MEDIA_BUCKET, Key=key)
    assert said.permission == permission


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


def test_role_that_cannot_be_assumed_is_told_as_such(cloud: Cloud) -> None:
    """Roles are assumed on the way of another call, which is not the one that was refused."""
    before = cloud.aws.calls()
    cloud.aws.throttle(["sts:AssumeRole"])
    try:
        said = refusal(lambda: upload(cloud))
    finally:
        cloud.aws.throttle([])
    assert "AWS throttled sts:AssumeRole" in str(said)
    # Nothing was sent, so nothing has to be removed: it is tried for one step only.
    assert difference(cloud.aws.calls(), before) == {"s3:ListObjectsV2": 1, "sts:AssumeRole": ATTEMPTS}


def test_a_canary_that_is_not_sent_any_more_is_not_recorded(cloud: Cloud, tmp_path: Path) -> None:
    """A listing may answer when the run has ended: its record would be a leftover that does not exist."""
    reached = connections(cloud.aws.endpoint_url)
    reached.canaries = CanaryRecords(tmp_path)
    upload = Upload(reached, names.MEDIA_BUCKET, None)
    assert upload.end(is_under_way=True) == Removal()
    assert "was ended" in str(refusal(lambda: upload.carry(f"{PREFIX}late")))
    assert not reached.canaries.is_any_pending
    assert list(tmp_path.iterdir()) == []
