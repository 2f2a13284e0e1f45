"""Faults of the media bucket and of who may use it."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.faults import fault
from sandbox.faults.ingress import without_policy

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site

BUCKET = names.MEDIA_BUCKET
CANARIES = "postflight/canary/"


@fault("s3-policy")
def s3_policy(site: Site) -> Generator[None]:
    """The media bucket's policy denies the API's role."""
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    yield from _denied(site, "DenyEverybodyElse", "s3:*", resources)


@fault("s3-cors")
def s3_cors(site: Site, origin: str = f"https://{names.DASHBOARD_HOST}") -> Generator[None]:
    """The media bucket's CORS rules lack an origin."""
    s3: Any = site.aws.client("s3")
    before = s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"]
    after = [
        {**rule, "AllowedOrigins": [item for item in rule["AllowedOrigins"] if item != origin]}
        for rule in before
    ]
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": after})
    yield
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": before})


@fault("s3-iam")
def s3_iam(site: Site) -> Generator[None]:
    """The API's role lacks its policy for the media bucket."""
    yield from without_policy(site, names.API_ROLE, names.API_POLICY)


@fault("canary-left")
def canary_left(site: Site) -> Generator[None]:
    """What a killed run wrote an hour ago lies in the media bucket, and the API's role may not remove it."""
    s3: Any = site.aws.client("s3")
    written = datetime.now(UTC) - timedelta(hours=1)
    key = f"{CANARIES}{written:%Y%m%dT%H%M%S}Z-{secrets.token_hex(8)}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"left behind")
    yield from _denied(site, "KeepForTheAudit", "s3:DeleteObject", f"arn:aws:s3:::{BUCKET}/{key}")
    s3.delete_object(Bucket=BUCKET, Key=key)


def _denied(site: Site, sid: str, action: str, resource: str | list[str]) -> Generator[None]:
    """Let the bucket's policy deny the API's role something, and take that back."""
    s3: Any = site.aws.client("s3")
    before = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    document = json.loads(before)
    denial = {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": {"AWS": names.role_arn(names.API_ROLE)},
        "Action": action,
        "Resource": resource,
    }
    document["Statement"].append(denial)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(document))
    yield
    s3.put_bucket_policy(Bucket=BUCKET, Policy=before)
