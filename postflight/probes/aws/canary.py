"""The S3 canary, the only thing that a run ever writes: put, look, read, compare, delete."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws.refusals import error_code, garbage, one_line, translated
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# A canary this old was left by a run that was killed; a younger one may be another run's.
LEFT_BEHIND_AFTER: Final = timedelta(minutes=10)
STEPS: Final = ("put", "head", "get", "compare", "delete")

_TIME: Final = "%Y%m%dT%H%M%S"
_OUR_KEY: Final = re.compile(r"(?P<time>\d{8}T\d{6})Z-[0-9a-f]{16}")
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
    key = f"{prefix}{now.strftime(_TIME)}Z-{secrets.token_hex(8)}"
    upload = _Upload(connections, bucket, key, role)
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
    )


def _carry_out(upload: _Upload) -> tuple[tuple[str, ...], str, str]:
    """Return the steps done, the first that failed, and why. The object is removed whatever happens.

    Raises Unverified when the run is being ended: then nothing is begun any more but the removal.
    """
    done: list[str] = []
    failed = problem = ""
    try:
        for name, step in upload.steps().items():
            if upload.connections.ending.is_set():
                raise Unverified("The run was ended before the canary had been read again.")
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
    old = (one for one in found if _is_left_behind(one, prefix, now))
    return tuple(one for one in old if not _attempt(_Upload(connections, bucket, one, role).delete, role))


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
