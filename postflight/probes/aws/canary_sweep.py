"""Removes the canaries of runs that are over; what it cannot remove, its own run reports."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from postflight.evidence import Unverified
from postflight.probes.aws.canary_records import Record, WrittenCanary
from postflight.probes.aws.canary_removal import current_version, delete
from postflight.probes.aws.canary_upload import Removal, Upload, attempt, record_removal
from postflight.probes.connections import Connections

# No canary gets older than half a minute: of one that nothing else is known of, its run was killed.
LEFT_BEHIND_AFTER: Final = timedelta(minutes=2)
TIME: Final = "%Y%m%dT%H%M%S"
# A sweep must leave time for the upload; the next run goes on.
_SWEEP_S: Final = 8.0
_MOST: Final = 100
_UNREMOVED: Final = "an earlier run left it, and this one had no time left to remove it"
_OUR_KEY: Final = re.compile(r"(?P<time>\d{8}T\d{6})Z-(?:[A-Za-z0-9.-]+-)?[0-9a-f]{16}")


@dataclass(frozen=True)
class Listed:
    """What lies below the prefix, and S3's own time then: clocks of several machines differ."""

    keys: tuple[str, ...]
    now: datetime


def sweep(
    connections: Connections, upload: Upload, found: Listed, prefix: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys that were removed, and the versions that may not be deleted. Raises Unverified.

    Each is recorded as this run's before it is removed: however that ends, the run's reports name it.
    """
    records = connections.canaries
    earlier = records.of_bucket(upload.canary.bucket)
    until = time.monotonic() + _SWEEP_S
    adopted: list[WrittenCanary] = []
    for one, record in islice(_left_behind(upload.canary, found, prefix, earlier), _MOST):
        adopted.append(replace(one, why=_UNREMOVED))
        records.leave(adopted[-1])
        if record is not None and record.file != records.file(one):
            record.drop()
    swept: list[str] = []
    kept: list[str] = []
    for one in adopted:
        if upload.sending.is_stopped or time.monotonic() > until:
            break
        removal = _removed(connections, one)
        record_removal(records, one, removal)
        if removal.error is not None:
            raise removal.error
        if removal.kept:
            kept.append(f"{one.key} ({removal.kept})")
        if not removal.problem:
            swept.append(one.key)
    return tuple(swept), tuple(kept)


def _removed(connections: Connections, one: WrittenCanary) -> Removal:
    kept: list[str] = []
    client = connections.aws.client("s3", role=one.role)

    def step() -> str:
        version = one.version or current_version(client, one)
        kept.extend(delete(client, replace(one, version=version)))
        return ""

    try:
        problem = attempt(step, "s3:DeleteObject", one.role)
    except Unverified as error:
        return Removal(error=error)
    return Removal(problem=problem, kept=", ".join(kept))


def _left_behind(
    ours: WrittenCanary, found: Listed, prefix: str, records: Mapping[str, Record]
) -> Iterator[tuple[WrittenCanary, Record | None]]:
    """Yield the canaries of runs that are over: listed ones, and versions that no listing shows."""
    for key in found.keys:
        record = records.get(key)
        if is_left_behind(key, prefix, found.now, record):
            yield (replace(ours, key=key, version=record.canary.version if record else ""), record)
    for key, record in records.items():
        if not key.startswith(prefix) or key in found.keys or record.is_of_a_live_process:
            continue
        if record.canary.version:
            yield replace(ours, key=key, version=record.canary.version), record
        else:
            # It has been removed meanwhile, or never arrived.
            record.drop()


def is_left_behind(key: str, prefix: str, now: datetime, record: Record | None) -> bool:
    """Whether a key is that of a canary whose run is over. A key that we did not write is left alone.

    On this machine a record tells, whatever the key's age; else a canary that is older than any gets.
    """
    written = _OUR_KEY.fullmatch(key.removeprefix(prefix))
    if written is None:
        return False
    if record is not None:
        return not record.is_of_a_live_process
    return now - datetime.strptime(written["time"], TIME).replace(tzinfo=UTC) > LEFT_BEHIND_AFTER
