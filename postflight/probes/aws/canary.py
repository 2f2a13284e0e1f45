"""The S3 canary, the only thing that a run ever writes: put, look, read, compare, delete."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws.canary_sending import ENDED
from postflight.probes.aws.canary_sweep import TIME, Listed, is_left_behind, sweep
from postflight.probes.aws.canary_upload import (
    REMOVAL_S,
    Removal,
    Upload,
    ends_in_time,
    in_background,
    record_removal,
    remove,
)
from postflight.probes.aws.refusals import garbage
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

STEPS: Final = ("put", "head", "get", "compare", "delete")

# Together with the removal they fit into the deadline.
_STEPS_S: Final = 20.0
_LAST_LISTING_S: Final = 4.0


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
    swept, kept = sweep(connections, upload, found, prefix)
    key = connections.canaries.new_key(prefix, found.now.strftime(TIME))
    done, failed, problem = upload.carry(key)
    return Canary(
        bucket=bucket,
        key=key,
        role=role,
        done=done,
        failed_step=failed,
        problem=problem,
        swept=swept,
        kept=kept,
    )


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
        if key == seen.key or is_left_behind(key, prefix, found.now, records.get(key))
    )


def _listed(connections: Connections, bucket: str, prefix: str) -> Listed | None:
    pages = connections.aws.pages(
        "s3", "ListObjectsV2", None, Bucket=bucket, Prefix=prefix, absent=("NoSuchBucket",)
    )
    if pages is None:
        return None
    if any("Contents" not in page and page.get("KeyCount") != 0 for page in pages):
        raise garbage("s3:ListBucket", "it lists nothing and does not say so")
    keys = tuple(item["Key"] for page in pages for item in page.get("Contents", ()))
    return Listed(keys, _time_of(pages[0]))


def _time_of(page: Mapping[str, Any]) -> datetime:
    """Return S3's time, as the Date of its answer says (RFC 9110, 6.6.1); ours, where that is missing."""
    try:
        return parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)
    except (LookupError, TypeError, ValueError):
        return datetime.now(UTC)


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
        record_removal(records, one, removal)
