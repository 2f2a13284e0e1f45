"""The S3 canary, the only thing that a run ever writes: put, look, read, compare, delete."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws.credentials import NotAssumed
from postflight.probes.aws.refusals import error_code, garbage, one_line, translated
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# A canary this old was left by a run that was killed; a younger one may be another run's.
LEFT_BEHIND_AFTER: Final = timedelta(minutes=10)
STEPS: Final = ("put", "head", "get", "compare", "delete")

# What each step needs; a comparison calls nobody.
_PERMISSION: Final[Mapping[str, str]] = {
    "put": "s3:PutObject",
    "head": "s3:GetObject",
    "get": "s3:GetObject",
    "compare": "s3:GetObject",
    "delete": "s3:DeleteObject",
}
_TIME: Final = "%Y%m%dT%H%M%S"
_OUR_KEY: Final = re.compile(r"(?P<time>\d{8}T\d{6})Z-[0-9a-f]{16}")
_DENIED: Final = ("403", "AccessDenied", "AllAccessDisabled")
_ABSENT: Final = ("404", "NoSuchKey", "NoSuchBucket")


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
class _Upload:
    """One canary on its way."""

    connections: Connections
    bucket: str
    key: str
    role: str | None
    versions: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def client(self) -> Any:
        return self.connections.aws.client("s3", role=self.role)

    def steps(self) -> Mapping[str, Callable[[], str]]:
        """Return each step but the removal; a step returns what is wrong, empty when all is well."""
        content = secrets.token_bytes(64)
        received: list[bytes] = []

        def put() -> str:
            written = self.client.put_object(Bucket=self.bucket, Key=self.key, Body=content)
            self.versions.append(written.get("VersionId", ""))
            return ""

        def head() -> str:
            size = self.client.head_object(Bucket=self.bucket, Key=self.key)["ContentLength"]
            return "" if size == len(content) else f"S3 says {size} bytes, {len(content)} were sent"

        def get() -> str:
            received.append(self.client.get_object(Bucket=self.bucket, Key=self.key)["Body"].read())
            return ""

        def compare() -> str:
            return "" if received == [content] else "what came back is not what was sent"

        return {"put": put, "head": head, "get": get, "compare": compare}

    def delete(self) -> str:
        """Remove the object; where the bucket keeps versions, its version: else it would be hidden only."""
        from botocore.exceptions import ClientError

        version = self.versions[-1] if self.versions else self._current_version()
        if version:
            try:
                self.client.delete_object(Bucket=self.bucket, Key=self.key, VersionId=version)
            except ClientError as error:
                if error_code(error.response) not in _DENIED:
                    raise
                self.kept.append(f"{self.key} ({version})")
            else:
                return ""
        self.client.delete_object(Bucket=self.bucket, Key=self.key)
        return ""

    def _current_version(self) -> str:
        """Return the version of an object that somebody else wrote, or whose writing was not answered."""
        from botocore.exceptions import ClientError

        try:
            return str(self.client.head_object(Bucket=self.bucket, Key=self.key).get("VersionId", ""))
        except ClientError:
            # It is not there, or may not be looked at; what deletes it next says so.
            return ""


@reads(
    "s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion",
    deadline_s=30.0,
)  # fmt: skip
def canary(connections: Connections, bucket: str, prefix: str, role: str | None) -> Canary:
    """Upload one object under `prefix` as IAM role `role` (None: as the run itself), and remove it.

    That the role is refused is evidence; that the run itself is refused is Unverified. What the run cannot
    list it does not write, since it could not clean up.
    """
    now = datetime.now(UTC)
    key = f"{prefix}{now.strftime(_TIME)}Z-{secrets.token_hex(8)}"
    upload = _Upload(connections, bucket, key, role)
    swept = _sweep(upload, prefix, now)
    if swept is None:
        problem = f"there is no bucket {bucket}"
        return Canary(bucket=bucket, key="", role=role, failed_step="put", problem=problem)
    done, failed, problem = _carry_out(upload)
    still_there = _listed(connections, bucket, prefix) or ()
    left = tuple(one for one in still_there if one == key or _is_left_behind(one, prefix, now))
    return Canary(
        bucket=bucket,
        key=key,
        role=role,
        done=done,
        failed_step=failed,
        problem=problem,
        swept=swept,
        left=left,
        kept=tuple(upload.kept),
    )


def _carry_out(upload: _Upload) -> tuple[tuple[str, ...], str, str]:
    """Return the steps done, the first that failed, and why. The object is removed whatever happens.

    Raises Unverified when the run is being ended: then nothing is begun any more but the removal.
    """
    done: list[str] = []
    failed = problem = removal = ""
    is_sent = True
    try:
        for name, step in upload.steps().items():
            if upload.connections.ending.is_set():
                raise Unverified("The run was ended before the canary had been read again.")
            problem = _attempt(step, _PERMISSION[name], upload.role)
            if problem:
                failed = name
                break
            done.append(name)
    except NotAssumed:
        is_sent = bool(done)
        raise
    finally:
        # Also when a step failed: a put that was refused half way may still have written.
        if is_sent:
            removal = _attempt(upload.delete, _PERMISSION["delete"], upload.role)
    if removal and not failed:
        return tuple(done), "delete", removal
    return (*done, *(() if removal else ("delete",))), failed, problem


def _attempt(step: Callable[[], str], permission: str, role: str | None) -> str:
    """Return what is wrong with a step, empty when all is well. Raises Unverified."""
    from botocore.exceptions import ClientError

    with translated(permission):
        try:
            return step()
        except ClientError as error:
            code = error_code(error.response)
            if code in _ABSENT or (code in _DENIED and role is not None):
                return f"{code}: {one_line(str(error.response['Error'].get('Message', '')))}"
            raise


def _sweep(upload: _Upload, prefix: str, now: datetime) -> tuple[str, ...] | None:
    """Remove what killed runs left, and return its keys; None where there is no bucket."""
    found = _listed(upload.connections, upload.bucket, prefix)
    if found is None:
        return None
    # What may not be deleted for good is told together with what becomes of this upload.
    old = (replace(upload, key=one, versions=[]) for one in found if _is_left_behind(one, prefix, now))
    return tuple(one.key for one in old if not _attempt(one.delete, _PERMISSION["delete"], upload.role))


def _listed(connections: Connections, bucket: str, prefix: str) -> tuple[str, ...] | None:
    pages = connections.aws.pages(
        "s3", "ListObjectsV2", None, Bucket=bucket, Prefix=prefix, absent=("NoSuchBucket",)
    )
    if pages is None:
        return None
    if any("Contents" not in page and page.get("KeyCount") != 0 for page in pages):
        raise garbage("s3:ListBucket", "it lists nothing and does not say so")
    return tuple(item["Key"] for page in pages for item in page.get("Contents", ()))


def _is_left_behind(key: str, prefix: str, now: datetime) -> bool:
    """Whether a key is that of a canary that is old. A key that we did not write is left alone."""
    written = _OUR_KEY.fullmatch(key.removeprefix(prefix))
    if written is None:
        return False
    return now - datetime.strptime(written["time"], _TIME).replace(tzinfo=UTC) > LEFT_BEHIND_AFTER
