"""Names the AWS operation that a request asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from wsgiref.types import WSGIEnvironment

Protocol = Literal["ec2", "query", "json", "rest-json", "rest-xml", "s3"]

PROTOCOLS: Mapping[str, Protocol] = {
    "acm": "json",
    "autoscaling": "query",
    "cloudfront": "rest-xml",
    "dynamodb": "json",
    "ec2": "ec2",
    "ecr": "json",
    "eks": "rest-json",
    "elasticache": "query",
    "elasticloadbalancing": "query",
    "iam": "query",
    "rds": "query",
    "route53": "rest-xml",
    "s3": "s3",
    "secretsmanager": "json",
    "sts": "query",
}
_READS = re.compile(
    r"(Describe|Get|List|Head|Query|Scan|BatchGet|BatchCheck|Lookup|Search|Select|Simulate|Test|Assume|Preflight)"
)
_OBJECT_WRITES = frozenset({"PutObject", "DeleteObject", "DeleteObjects"})
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([^/,\s]+)/([^/,\s]+)/aws4_request")
_IAM_NAMES: Mapping[str, str] = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:PutBucketCors": "s3:PutBucketCORS",
    "s3:DeleteBucketCors": "s3:PutBucketCORS",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
}


@dataclass(frozen=True)
class Operation:
    """One API call: the service's signing name, the operation, and how the service speaks."""

    service: str
    action: str
    protocol: Protocol
    bucket: str | None = None
    key: str | None = None
    is_of_version: bool = False

    @property
    def name(self) -> str:
        """As it is counted: `ec2:DescribeSubnets`."""
        return f"{self.service}:{self.action}"

    @property
    def permission(self) -> str:
        """As IAM calls the right to do it: HeadObject needs `s3:GetObject`."""
        if self.is_of_version and self.action in {"GetObject", "DeleteObject"}:
            return f"{self.name}Version"
        return _IAM_NAMES.get(self.name, self.name)

    @property
    def changes_the_world(self) -> bool:
        """Whether controllers have to look again after it. Objects in a bucket concern none of them."""
        if self.service == "s3" and self.action in _OBJECT_WRITES:
            return False
        return _READS.match(self.action) is None


@dataclass(frozen=True)
class Signature:
    """Who signed a request, for which region and service."""

    access_key: str
    region: str
    service: str


def signature_of(environ: WSGIEnvironment) -> Signature | None:
    """Read the credential scope from the Authorization header or from a presigned query string."""
    text = environ.get("HTTP_AUTHORIZATION", "")
    query = parse_qs(environ.get("QUERY_STRING", ""))
    presigned = query.get("X-Amz-Credential")
    found = _CREDENTIAL.search(f"Credential={presigned[0]}" if presigned else text)
    if found is not None:
        return Signature(found.group(1), found.group(2), found.group(3).lower())
    old_style = query.get("AWSAccessKeyId")
    return Signature(old_style[0], "", "s3") if old_style else None


def operation_of(environ: WSGIEnvironment, body: bytes, service: str | None) -> Operation:
    """Name the operation of a request to `service` (a signing name).

    Unsigned requests are S3's, but for those by which a web identity asks STS for credentials.
    """
    if service is None:
        service = "sts" if b"Action=AssumeRoleWith" in body[:4096] else "s3"
    protocol = PROTOCOLS.get(service)
    if service == "s3":
        return _s3_operation(environ)
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return Operation(service, str(target).rsplit(".", 1)[-1], protocol or "json")
    action = _form_action(environ, body)
    if action:
        return Operation(service, action, protocol or "query")
    return Operation(service, _routed_action(environ, service) or "Unknown", protocol or "rest-json")


def _form_action(environ: WSGIEnvironment, body: bytes) -> str | None:
    for text in (environ.get("QUERY_STRING", ""), body[:4096].decode("latin-1")):
        found = re.search(r"(?:^|&)Action=(\w+)", text)
        if found:
            return found.group(1)
    return None


def _s3_operation(environ: WSGIEnvironment) -> Operation:
    bucket, _, key = unquote(str(environ.get("PATH_INFO", "/"))).lstrip("/").partition("/")
    if environ["REQUEST_METHOD"] == "OPTIONS":
        action: str | None = "PreflightRequest"
    elif not bucket:
        action = "ListBuckets"
    else:
        action = _routed_action(environ, "s3")
    is_of_version = "versionId" in parse_qs(environ.get("QUERY_STRING", ""))
    return Operation("s3", action or "Unknown", "s3", bucket or None, key or None, is_of_version)


def _routed_action(environ: WSGIEnvironment, service: str) -> str | None:
    from moto.core.request import Request
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    try:
        operation, _ = get_service_router(service).match(Request(dict(environ)))
    except NotFound:
        return None
    return str(operation.name)
