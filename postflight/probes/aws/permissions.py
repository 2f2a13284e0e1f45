"""What each AWS call is called by IAM, and which calls may be made at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_READS: Final = re.compile(r"^(Describe|Get|List|Head|Lookup|Scan|Query|BatchGet)")

# Where IAM has another name for the right than the API has for the call.
_IAM_NAMES: Final[Mapping[str, str]] = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}

# The canary's calls: the only writes there are.
CANARY_WRITES: Final = frozenset({"s3:PutObject", "s3:DeleteObject"})


def permission_of(service: str, operation: str) -> str:
    """Return the IAM action that a call needs: HeadObject of s3 needs `s3:GetObject`.

    `service` is the service's signing name, `operation` the API's.
    """
    name = f"{service}:{operation}"
    return _IAM_NAMES.get(name, name)


def is_read(operation: str) -> bool:
    """Whether a call of this name changes nothing."""
    return _READS.match(operation) is not None
