"""Removes an object of S3 for good, also where the bucket keeps versions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from postflight.probes.aws.canary_records import WrittenCanary
from postflight.probes.aws.refusals import error_code, garbage

_MOST_VERSIONS: Final = 3
_DENIED: Final = ("403", "AccessDenied", "AllAccessDisabled")
_ABSENT: Final = ("404", "NoSuchKey", "NoSuchVersion")


def delete(client: Any, canary: WrittenCanary) -> list[str]:
    """Delete an object and its version; return the version that stays, since it may not be deleted.

    A deletion without a version hides the object only (S3 DeleteObject: it answers with a delete marker).
    Then the marker is deleted, and the versions below it. Raises what botocore raises, and Unverified.
    """
    if canary.version:
        if _is_deleted(client, canary, canary.version):
            return []
        _deleted(client, canary)
        return [canary.version]
    marker = _deleted(client, canary)
    return _uncovered_and_deleted(client, canary, marker) if marker else []


def _uncovered_and_deleted(client: Any, canary: WrittenCanary, marker: str) -> list[str]:
    if not _is_deleted(client, canary, marker):
        return [marker]
    # An upload that was tried again may have written each time.
    for _ in range(_MOST_VERSIONS):
        version = current_version(client, canary)
        if not version:
            return []
        if not _is_deleted(client, canary, version):
            _deleted(client, canary)
            return [version]
    return []


def current_version(client: Any, canary: WrittenCanary) -> str:
    """Return the version of an object; empty where it is not there, or the bucket keeps none."""
    from botocore.exceptions import ClientError

    try:
        return str(client.head_object(Bucket=canary.bucket, Key=canary.key).get("VersionId", ""))
    except ClientError as error:
        if error_code(error.response) not in (*_DENIED, *_ABSENT):
            raise
        return ""


def _is_deleted(client: Any, canary: WrittenCanary, version: str) -> bool:
    """Delete one version; return whether that is allowed: rights, retention and legal holds may forbid it."""
    from botocore.exceptions import ClientError

    try:
        _deleted(client, canary, VersionId=version)
    except ClientError as error:
        if error_code(error.response) not in _DENIED:
            raise
        return False
    return True


def _deleted(client: Any, canary: WrittenCanary, **which: str) -> str:
    """Delete; return the delete marker that hides the object, empty where it is gone. Raises Unverified.

    S3 answers 204; a page of a proxy's would look like a success.
    """
    answer = client.delete_object(Bucket=canary.bucket, Key=canary.key, **which)
    if answer["ResponseMetadata"]["HTTPStatusCode"] != HTTPStatus.NO_CONTENT:
        raise garbage("s3:DeleteObject", "a deletion is answered by 204")
    return str(answer["VersionId"]) if answer.get("DeleteMarker") and not which else ""
