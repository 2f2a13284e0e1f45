"""The S3 canary, the only thing that a run ever writes: put, look, read, compare, delete."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws.refusals import error_code, one_line, translated
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# A canary this old was left by a run that was killed; a younger one may be another run's.
LEFT_BEHIND_AFTER: Final = timedelta(minutes=10)
STEPS: Final = ("put", "head", "get", "compare", "delete")

_DENIED: Final = ("403", "AccessDenied", "AllAccessDisabled")
_ABSENT: Final = ("404", "NoSuchKey", "NoSuchBucket")


class Canary(Evidence):
    """One upload: the steps that succeeded, and which one failed and why.

    `swept` are the canaries of killed runs that were removed first; `left` what still lies there after all.
    """

    bucket: str
    key: str
    role: str | None
    done: tuple[str, ...] = ()
    failed_step: str = ""
    problem: str = ""
    swept: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

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

    @property
    def client(self) -> Any:
        return self.connections.aws.client("s3", role=self.role)

    def steps(self) -> Mapping[str, Callable[[], str]]:
        """Return each step but the removal; a step returns what is wrong, empty when all is well."""
        content = secrets.token_bytes(64)
        received: list[bytes] = []

        def put() -> str:
            self.client.put_object(Bucket=self.bucket, Key=self.key, Body=content)
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
        self.client.delete_object(Bucket=self.bucket, Key=self.key)
        return ""


@reads("s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject", deadline_s=30.0)
def canary(connections: Connections, bucket: str, prefix: str, role: str | None) -> Canary:
    """Upload one object under `prefix` as IAM role `role` (None: as the run itself), and remove it.

    That the role is refused is evidence; that the run itself is refused is Unverified. What the run cannot
    list it does not write, since it could not clean up.
    """
    now = datetime.now(UTC)
    swept = _sweep(connections, bucket, prefix, role, now)
    if swept is None:
        problem = f"there is no bucket {bucket}"
        return Canary(bucket=bucket, key="", role=role, failed_step="put", problem=problem)
    key = f"{prefix}{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}"
    upload = _Upload(connections, bucket, key, role)
    done, failed, problem = _carry_out(upload)
    left = [
        item["Key"]
        for item in _listed(connections, bucket, prefix) or []
        if item["Key"] == key or now - item["LastModified"] > LEFT_BEHIND_AFTER
    ]
    return Canary(
        bucket=bucket,
        key=key,
        role=role,
        done=done,
        failed_step=failed,
        problem=problem,
        swept=swept,
        left=tuple(left),
    )


def _carry_out(upload: _Upload) -> tuple[tuple[str, ...], str, str]:
    """Return the steps done, the first that failed, and why. The object is removed whatever happens."""
    done: list[str] = []
    failed = problem = ""
    try:
        for name, step in upload.steps().items():
            problem = _attempt(step, upload.role)
            if problem:
                failed = name
                break
            done.append(name)
    finally:
        # Also when a step failed: a put that was refused half way may still have written.
        removal = _attempt(upload.delete, upload.role)
    if removal and not failed:
        return tuple(done), "delete", removal
    return (*done, *(() if removal else ("delete",))), failed, problem


def _attempt(step: Callable[[], str], role: str | None) -> str:
    """Return what is wrong with a step, empty when all is well. Raises Unverified."""
    from botocore.exceptions import ClientError

    with translated("s3:PutObject"):
        try:
            return step()
        except ClientError as error:
            code = error_code(error.response)
            is_of_the_role = role is not None and error.operation_name != "AssumeRole"
            if code in _ABSENT or (code in _DENIED and is_of_the_role):
                return f"{code}: {one_line(str(error.response['Error'].get('Message', '')))}"
            raise


def _sweep(
    connections: Connections, bucket: str, prefix: str, role: str | None, now: datetime
) -> tuple[str, ...] | None:
    """Remove what killed runs left, and return its keys; None where there is no bucket."""
    found = _listed(connections, bucket, prefix)
    if found is None:
        return None
    old = [item["Key"] for item in found if now - item["LastModified"] > LEFT_BEHIND_AFTER]
    removed = [key for key in old if not _attempt(_Upload(connections, bucket, key, role).delete, role)]
    return tuple(removed)


def _listed(connections: Connections, bucket: str, prefix: str) -> list[Any] | None:
    pages = connections.aws.one(
        "s3", "ListObjectsV2", None, Bucket=bucket, Prefix=prefix, absent=("NoSuchBucket",)
    )
    if pages is None:
        return None
    if "Contents" not in pages and pages.get("KeyCount") != 0:
        raise Unverified(f"S3's listing of {bucket}/{prefix} is not one that AWS gives.")
    return list(pages.get("Contents", ()))
