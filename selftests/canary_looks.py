"""Takes one look at a canary through the sandbox's S3, or a proxy before it, and lists what lies there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from postflight.probes.aws import canary
from postflight.probes.aws.canary_records import CanaryRecords
from sandbox import names
from sandbox.aws.client import Aws
from selftests.aws_looks import connections, look
from selftests.aws_server import Cloud
from selftests.s3_proxy import S3Proxy

PREFIX = "postflight/canary/"
# The canary of a run that is long over.
OLD = f"{PREFIX}20200101T000000Z-0123456789abcdef"


def keys(cloud: Cloud) -> list[str]:
    """Return what lies under the prefix."""
    found: dict[str, Any] = cloud.aws.client("s3").list_objects_v2(Bucket=names.MEDIA_BUCKET, Prefix=PREFIX)
    return [item["Key"] for item in found.get("Contents", ())]


def look_at(place: S3Proxy | Aws, bucket: str, run: Path | None = None) -> canary.Canary:
    """Let a canary fly as the run itself, by way of a proxy, in a run with a folder."""
    if run is not None:
        run.mkdir()
    reached = connections(place.url if isinstance(place, S3Proxy) else place.endpoint_url)
    reached.canaries = CanaryRecords(run)
    seen: canary.Canary = look(reached, canary.canary, bucket, PREFIX, None)
    return seen
