"""What S3 judges before it serves: policies, and the CORS rules of a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from uuid import uuid4

from sandbox.aws import records
from sandbox.aws.errors import Answer
from sandbox.aws.identities import ACCOUNT, Identity
from sandbox.aws.policies import Request, judge_identity, judge_resource, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sandbox.aws.operations import Operation


@dataclass(frozen=True)
class Judgement:
    """Whether a call may go on; `explicit` when a Deny statement stopped it."""

    allowed: bool
    explicit: bool = False


def judge(operation: Operation, identity: Identity) -> Judgement:
    """Judge a call to S3 as AWS does within one account: no Deny, and an Allow on either side.

    Users are taken to be allowed by their own policies; roles and anonymous callers have to be let in.
    """
    bucket = _bucket(operation.bucket)
    if bucket is None or identity.standing == "admin":
        return Judgement(allowed=True)
    path = "/".join(part for part in (operation.bucket, operation.key) if part)
    request = Request(
        operation.permission,
        f"arn:aws:s3:::{path}",
        identity.principals,
        (("aws:principalarn", identity.role or identity.arn), ("aws:securetransport", "true")),
    )
    by_bucket = judge_resource(parse(bucket.policy), request)
    by_caller = judge_identity(_role_policies(identity), request)
    if "denied" in (by_bucket, by_caller):
        return Judgement(allowed=False, explicit=True)
    return Judgement(allowed=identity.standing == "user" or "allowed" in (by_bucket, by_caller))


def preflight(operation: Operation, headers: Mapping[str, str]) -> Answer:
    """Answer an OPTIONS request by the bucket's CORS rules."""
    origin = headers.get("HTTP_ORIGIN", "")
    method = headers.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
    asked = [
        h.strip() for h in headers.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").split(",") if h.strip()
    ]
    bucket = _bucket(operation.bucket)
    if bucket is None:
        return _refusal(404, "NoSuchBucket", "The specified bucket does not exist")
    if not origin or not method:
        return _refusal(400, "BadRequest", "Insufficient information. Origin request header needed.")
    for rule in bucket.cors:
        if _rule_covers(rule, origin, method) and _headers_allowed(rule, asked):
            return Answer(200, (*_cors_headers(rule, origin), *_preflight_headers(asked)), b"")
    return _refusal(
        403,
        "AccessForbidden",
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
        "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not "
        "whitelisted by the resource's CORS spec.",
    )


def cors_headers(operation: Operation, origin: str, method: str) -> tuple[tuple[str, str], ...]:
    """Give the headers that let a browser's script on `origin` read an ordinary answer."""
    bucket = _bucket(operation.bucket)
    rules = bucket.cors if bucket is not None else ()
    found = next((rule for rule in rules if _rule_covers(rule, origin, method)), None)
    return _cors_headers(found, origin) if found is not None else ()


def _bucket(name: str | None) -> Any:
    from moto.s3.models import s3_backends

    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(name) if name else None
    return records.judged_bucket(bucket) if bucket is not None else None


def _role_policies(identity: Identity) -> Iterator[Mapping[str, Any]]:
    from moto.iam.models import iam_backends

    for role in list(iam_backends[ACCOUNT]["aws"].roles.values()):
        if role.arn != identity.role:
            continue
        attached = (version for policy in role.managed_policies.values() for version in policy.versions)
        documents: Iterable[Any] = (
            *role.policies.values(),
            *(version.document for version in attached if version.is_default),
        )
        for document in documents:
            text = unquote(document) if isinstance(document, str) and document.startswith("%") else document
            parsed = parse(text)
            if parsed is not None:
                yield parsed


def _rule_covers(rule: Any, origin: str, method: str) -> bool:
    return method in (rule.allowed_methods or ()) and any(
        fnmatchcase(origin, pattern) for pattern in rule.allowed_origins or ()
    )


def _headers_allowed(rule: Any, asked: Iterable[str]) -> bool:
    allowed = [pattern.lower() for pattern in rule.allowed_headers or ()]
    return all(any(fnmatchcase(header.lower(), pattern) for pattern in allowed) for header in asked)


def _cors_headers(rule: Any, origin: str) -> tuple[tuple[str, str], ...]:
    anyone = "*" in rule.allowed_origins
    headers = [
        ("Access-Control-Allow-Origin", "*" if anyone else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.allowed_methods)),
        ("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"),
    ]
    if not anyone:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if rule.exposed_headers:
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed_headers)))
    if rule.max_age_seconds:
        headers.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    return tuple(headers)


def _preflight_headers(asked: list[str]) -> tuple[tuple[str, str], ...]:
    return (("Access-Control-Allow-Headers", ", ".join(asked)),) if asked else ()


def _refusal(status: int, code: str, message: str) -> Answer:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
        f"<RequestId>{uuid4().hex[:16].upper()}</RequestId></Error>"
    )
    return Answer(status, (("Content-Type", "application/xml"),), body.encode())
