"""Puts what runs left behind where others find it: a bucket of results, never one that is verified."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from pathlib import Path

_LATEST = ("results.json", "summary.md")


class PublishingError(Exception):
    """The results could not be put there: where, and why."""


def publish(reports: Path, address: str, endpoint_url: str | None = None) -> int:
    """Copy the files of a reports folder to `s3://bucket/prefix`, and return how many.

    `reports/latest` is a link; of the run that it points at, what tells the verdict is put under `latest/`
    as well. Raises PublishingError.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    bucket, prefix = _parts(address)
    files = list(_files(reports))
    if not files:
        raise PublishingError(f"There is nothing in {reports} to publish.")
    try:
        client = boto3.client("s3", endpoint_url=endpoint_url)
        for key, file in files:
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            body = file.read_bytes()
            client.put_object(Bucket=bucket, Key=f"{prefix}{key}", Body=body, ContentType=kind)
    except (BotoCoreError, ClientError) as error:
        raise PublishingError(f"The results could not be put into {address}: {error}") from error
    return len(files)


def _parts(address: str) -> tuple[str, str]:
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    if not address.startswith("s3://") or not bucket:
        raise PublishingError(f"{address!r} is no place for results; write s3://bucket/prefix")
    return bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""


def _files(reports: Path) -> Iterator[tuple[str, Path]]:
    latest = reports / "latest"
    for file in sorted(reports.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(reports).as_posix(), file
    for name in _LATEST:
        if (latest / name).is_file():
            yield f"latest/{name}", latest / name
