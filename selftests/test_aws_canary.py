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
from selftests.aws_looks import connections, difference, look, refusal
from selftests.aws_server import Cloud
from selftests.canary_looks import OLD, PREFIX, keys, look_at
from selftests.s3_proxy import How, standing_before

pytest_plugins = ["selftests.aws_fixtures"]

FOREIGN = f"{PREFIX}holiday.png"


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


@pytest.mark.parametrize("how", ["hang", "page", "late"])
def test_what_a_sweep_cannot_remove_the_run_reports(cloud: Cloud, tmp_path: Path, how: How) -> None:
    """The key and the command of a killed run's canary are this run's to report; the next one sweeps it."""
    cloud.aws.client("s3").put_object(Bucket=names.MEDIA_BUCKET, Key=OLD, Body=b"x")
    with standing_before(str(cloud.aws.endpoint_url)) as proxy:
        proxy.behaviour["DeleteObject"] = how
        if how == "late":
            look_at(proxy, names.MEDIA_BUCKET, tmp_path / "sandbox-1")
        else:
            refusal(lambda: look_at(proxy, names.MEDIA_BUCKET, tmp_path / "sandbox-1"))
        assert proxy.count("PutObject") == (how == "late"), "nothing is written that could not be removed"
    left = [one.canary for one in CanaryRecords(tmp_path / "sandbox-1").of_this_run()]
    assert [one.key for one in left] == ([] if how == "late" else [OLD])
    assert all(one.why and OLD in one.command for one in left)

    seen = look_at(cloud.aws, names.MEDIA_BUCKET, tmp_path / "sandbox-2")
    assert (seen.swept, keys(cloud)) == (() if how == "late" else (OLD,), [])
    assert list(tmp_path.glob("*/canaries/*.json")) == []


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
