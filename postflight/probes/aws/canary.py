"""The S3 canary, the only thing that a run ever writes: put, look, read, compare, delete."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws.canary_records import Record, WrittenCanary
from postflight.probes.aws.canary_removal import current_version, delete
from postflight.probes.aws.canary_sending import ENDED
from postflight.probes.aws.canary_upload import (
    REMOVAL_S,
    Removal,
    Upload,
    attempt,
    ends_in_time,
    in_background,
    remove,
)
from postflight.probes.aws.refusals import garbage
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# No canary gets older than half a minute: of one that nothing else is known of, its run was killed.
LEFT_BEHIND_AFTER: Final = timedelta(minutes=2)
STEPS: Final = ("put", "head", "get", "compare", "delete")

# Together with the removal they fit into the deadline.
_STEPS_S: Final = 20.0
_SWEEP_S: Final = 8.0
_LAST_LISTING_S: Final = 4.0
_TIME: Final = "%Y%m%dT%H%M%S"
_OUR_KEY: Final = re.compile(r"(?P<time>\d{8}T\d{6})Z-(?:[A-Za-z0-9.-]+-)?[0-9a-f]{16}")


class Canary(Evidence):
    """One upload: the steps that succeeded, and which one failed and why.

    `swept` are the canaries of killed runs that were removed first; `left` what still lies there after all.
    `kept` are the versions that a bucket with versioning keeps, since they may not be deleted.
    """

    bucket: str
    key: str
    role: str | None
    done: tuple[str, ...] = ()
    failed_step: str = ""
    problem: str = ""
    swept: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every step succeeded."""
        return self.done == STEPS

    @property
    def who(self) -> str:
        """Who wrote it, in words."""
        return f"role {self.role}" if self.role else "the run itself"


@dataclass(frozen=True)
class _Bucket:
    """What lies below the prefix, and S3's own time then: clocks of several machines differ."""

    keys: tuple[str, ...]
    now: datetime


@reads(
    "s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion",
    deadline_s=30.0,
)  # fmt: skip
def canary(connections: Connections, bucket: str, prefix: str, role: str | None) -> Canary:
    """Upload one object under `prefix` as IAM role `role` (None: as the run itself), and remove it.

    That the role is refused is evidence; that the run itself is refused is Unverified. What the run cannot
    list it does not write, since it could not clean up. The removal waits for no step: it begins when the
    steps are done, when their time is over, or when the run is ended.
    """
    upload = Upload(connections, bucket, role)
    carrying = in_background(lambda: _swept_and_carried(connections, upload, prefix))
    # Made ahead, since the removal is waited for. What may be wrong with it, the steps meet as well.
    in_background(lambda: connections.aws.client("s3", role=role, brief=True))
    is_done = False
    try:
        is_done = ends_in_time(carrying, _STEPS_S, connections.ending)
    finally:
        removal = upload.end(is_under_way=not is_done)
    if not is_done:
        late = f"The canary's step {upload.step} in {bucket} did not end within {_STEPS_S:g} s."
        raise Unverified(ENDED if connections.ending.is_set() else late)
    seen = carrying.result()
    if removal.error is not None:
        raise removal.error
    return _with_removal(seen, removal, _left(connections, seen, prefix)) if seen.key else seen


def _with_removal(seen: Canary, removal: Removal, left: tuple[str, ...]) -> Canary:
    changes: dict[str, Any] = {"left": left}
    if removal.kept:
        changes["kept"] = (*seen.kept, f"{seen.key} ({removal.kept})")
    if not removal.problem:
        changes["done"] = (*seen.done, "delete")
    elif not seen.failed_step:
        changes |= {"failed_step": "delete", "problem": removal.problem}
    return seen.model_copy(update=changes)


def _swept_and_carried(connections: Connections, upload: Upload, prefix: str) -> Canary:
    bucket, role = upload.canary.bucket, upload.canary.role
    found = _listed(connections, bucket, prefix)
    if found is None:
        problem = f"there is no bucket {bucket}"
        return Canary(bucket=bucket, key="", role=role, failed_step="put", problem=problem)
    swept, kept = _sweep(connections, upload, found, prefix)
    key = connections.canaries.new_key(prefix, found.now.strftime(_TIME))
    done, failed, problem = upload.carry(key)
    return Canary(
        bucket=bucket,
        key=key,
        role=role,
        done=done,
        failed_step=failed,
        problem=problem,
        swept=tuple(swept),
        kept=tuple(kept),
    )


def _sweep(
    connections: Connections, upload: Upload, found: _Bucket, prefix: str
) -> tuple[list[str], list[str]]:
    """Remove what killed runs left; return its keys, and the versions that may not be deleted."""
    records = connections.canaries.of_bucket(upload.canary.bucket)
    until = time.monotonic() + _SWEEP_S
    client = connections.aws.client("s3", role=upload.canary.role)
    swept: list[str] = []
    kept: list[str] = []
    for one, record in _left_behind(replace(upload.canary), found, prefix, records):
        if upload.sending.is_stopped or time.monotonic() > until:
            break

        def step(one: WrittenCanary = one) -> str:
            version = one.version or current_version(client, one)
            kept.extend(f"{one.key} ({each})" for each in delete(client, replace(one, version=version)))
            return ""

        before = len(kept)
        if attempt(step, "s3:DeleteObject", one.role):
            continue
        swept.append(one.key)
        if record is not None and len(kept) == before:
            record.drop()
    return swept, kept


def _left_behind(
    ours: WrittenCanary, found: _Bucket, prefix: str, records: Mapping[str, Record]
) -> Iterator[tuple[WrittenCanary, Record | None]]:
    """Yield the canaries of runs that are over: listed ones, and versions that no listing shows."""
    for key in found.keys:
        record = records.get(key)
        if _is_left_behind(key, prefix, found.now, record):
            yield (replace(ours, key=key, version=record.canary.version if record else ""), record)
    for key, record in records.items():
        if not key.startswith(prefix) or key in found.keys or record.is_of_a_live_process:
            continue
        if record.canary.version:
            yield replace(ours, key=key, version=record.canary.version), record
        else:
            # It has been removed meanwhile, or never arrived.
            record.drop()


def _left(connections: Connections, seen: Canary, prefix: str) -> tuple[str, ...]:
    """Return what lies there after all. Raises Unverified."""
    listing = in_background(lambda: _listed(connections, seen.bucket, prefix))
    if not ends_in_time(listing, _LAST_LISTING_S, connections.ending):
        late = f"{seen.bucket} could not be listed again within {_LAST_LISTING_S:g} s (s3:ListBucket)."
        raise Unverified(ENDED if connections.ending.is_set() else late)
    found = listing.result()
    if found is None:
        return ()
    records = connections.canaries.of_bucket(seen.bucket)
    return tuple(
        key
        for key in found.keys
        if key == seen.key or _is_left_behind(key, prefix, found.now, records.get(key))
    )


def _listed(connections: Connections, bucket: str, prefix: str) -> _Bucket | None:
    pages = connections.aws.pages(
        "s3", "ListObjectsV2", None, Bucket=bucket, Prefix=prefix, absent=("NoSuchBucket",)
    )
    if pages is None:
        return None
    if any("Contents" not in page and page.get("KeyCount") != 0 for page in pages):
        raise garbage("s3:ListBucket", "it lists nothing and does not say so")
    keys = tuple(item["Key"] for page in pages for item in page.get("Contents", ()))
    return _Bucket(keys, _time_of(pages[0]))


def _time_of(page: Mapping[str, Any]) -> datetime:
    """Return S3's time, as the Date of its answer says (RFC 9110, 6.6.1); ours, where that is missing."""
    try:
        return parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (LookupError, TypeError, ValueError):
        return datetime.now(UTC)


def _is_left_behind(key: str, prefix: str, now: datetime, record: Record | None) -> bool:
    """Whether a key is that of a canary whose run is over. A key that we did not write is left alone.

    On this machine a record tells, whatever the key's age; else a canary that is older than any gets.
    """
    written = _OUR_KEY.fullmatch(key.removeprefix(prefix))
    if written is None:
        return False
    if record is not None:
        return not record.is_of_a_live_process
    return now - datetime.strptime(written["time"], _TIME).replace(tzinfo=UTC) > LEFT_BEHIND_AFTER


def remove_abandoned(connections: Connections) -> None:
    """Remove what processes of this run have written that ended before they could, within REMOVAL_S."""
    until = time.monotonic() + REMOVAL_S
    records = connections.canaries
    for record in records.of_this_run():
        one = record.canary
        if one.why or record.is_of_a_live_process:
            continue
        with canary.allowed():
            removal = remove(connections, one, until)
        if removal.why:
            records.keep(replace(one, why=removal.why, version=removal.kept or one.version))
            records.release(one)
        else:
            record.drop()
