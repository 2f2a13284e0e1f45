"""The error answers of AWS, in each protocol's own words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import uuid4
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.aws.operations import Operation

Kind = Literal["denied", "throttled", "expired", "unknown-key", "failed"]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, headers, body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """Code, status and message of an error, before a protocol wraps it."""

    code: str
    status: int
    message: str


_INVALID_TOKEN = "The security token included in the request is invalid."
_EXPIRED_TOKEN = "The security token included in the request is expired"
_INTERNAL = "An internal error has occurred."

_FAULTS: Mapping[tuple[Kind, str], Fault] = {
    ("throttled", "ec2"): Fault("RequestLimitExceeded", 503, "Request limit exceeded."),
    ("throttled", "query"): Fault("Throttling", 400, "Rate exceeded"),
    ("throttled", "json"): Fault("ThrottlingException", 400, "Rate exceeded"),
    ("throttled", "rest-json"): Fault("TooManyRequestsException", 429, "Too Many Requests"),
    ("throttled", "rest-xml"): Fault("Throttling", 400, "Rate exceeded"),
    ("throttled", "s3"): Fault("SlowDown", 503, "Please reduce your request rate."),
    ("expired", "ec2"): Fault("RequestExpired", 400, "Request has expired."),
    ("expired", "query"): Fault("ExpiredToken", 403, _EXPIRED_TOKEN),
    ("expired", "json"): Fault("ExpiredTokenException", 400, _EXPIRED_TOKEN),
    ("expired", "rest-json"): Fault("ExpiredTokenException", 403, _EXPIRED_TOKEN),
    ("expired", "rest-xml"): Fault("ExpiredToken", 403, _EXPIRED_TOKEN),
    ("expired", "s3"): Fault("ExpiredToken", 400, "The provided token has expired."),
    ("unknown-key", "ec2"): Fault(
        "AuthFailure", 401, "AWS was not able to validate the provided access credentials"
    ),
    ("unknown-key", "query"): Fault("InvalidClientTokenId", 403, _INVALID_TOKEN),
    ("unknown-key", "json"): Fault("UnrecognizedClientException", 400, _INVALID_TOKEN),
    ("unknown-key", "rest-json"): Fault("UnrecognizedClientException", 403, _INVALID_TOKEN),
    ("unknown-key", "rest-xml"): Fault("InvalidClientTokenId", 403, _INVALID_TOKEN),
    ("unknown-key", "s3"): Fault(
        "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."
    ),
    ("failed", "ec2"): Fault("InternalError", 500, _INTERNAL),
    ("failed", "query"): Fault("InternalFailure", 500, _INTERNAL),
    ("failed", "json"): Fault("InternalServerError", 500, _INTERNAL),
    ("failed", "rest-json"): Fault("ServerException", 500, _INTERNAL),
    ("failed", "rest-xml"): Fault("InternalFailure", 500, _INTERNAL),
    ("failed", "s3"): Fault("InternalError", 500, "We encountered an internal error. Please try again."),
}
_NAMESPACES: Mapping[str, str] = {
    "cloudfront": "http://cloudfront.amazonaws.com/doc/2020-05-31/",
    "elasticache": "http://elasticache.amazonaws.com/doc/2015-02-02/",
    "elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "rds": "http://rds.amazonaws.com/doc/2014-10-31/",
    "route53": "https://route53.amazonaws.com/doc/2013-04-01/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


def error_answer(kind: Kind, operation: Operation, principal: str, *, explicit: bool = False) -> Answer:
    """Refuse `operation` the way its service does.

    `explicit` words a denial as one by a Deny statement instead of a missing Allow.
    """
    fault = (
        _denial(operation, principal, explicit=explicit)
        if kind == "denied"
        else _FAULTS[kind, operation.protocol]
    )
    return _RENDERERS[operation.protocol](fault, operation)


def _denial(operation: Operation, principal: str, *, explicit: bool) -> Fault:
    reason = (
        "with an explicit deny in a resource-based policy"
        if explicit
        else f"because no identity-based policy allows the {operation.permission} action"
    )
    on = f' on resource: "{_resource(operation)}"' if operation.protocol == "s3" else ""
    text = f"User: {principal} is not authorized to perform: {operation.permission}{on} {reason}"
    match operation.protocol:
        case "ec2":
            return Fault(
                "UnauthorizedOperation", 403, f"You are not authorized to perform this operation. {text}"
            )
        case "json" | "rest-json":
            status = 400 if operation.protocol == "json" else 403
            return Fault("AccessDeniedException", status, text)
        case _:
            return Fault("AccessDenied", 403, text)


def _resource(operation: Operation) -> str:
    path = "/".join(part for part in (operation.bucket, operation.key) if part)
    return f"arn:aws:s3:::{path}"


def _xml(fault: Fault, body: str, request_id: str) -> Answer:
    return Answer(
        fault.status,
        (("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)),
        f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode(),
    )


def _ec2(fault: Fault, _operation: Operation) -> Answer:
    request_id = str(uuid4())
    body = (
        f"<Response><Errors><Error><Code>{fault.code}</Code><Message>{escape(fault.message)}</Message></Error>"
        f"</Errors><RequestID>{request_id}</RequestID></Response>"
    )
    return _xml(fault, body, request_id)


def _query(fault: Fault, operation: Operation) -> Answer:
    request_id = str(uuid4())
    kind = "Sender" if fault.status < 500 else "Receiver"
    namespace = _NAMESPACES.get(operation.service, f"https://{operation.service}.amazonaws.com/doc/")
    body = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{fault.code}</Code>'
        f"<Message>{escape(fault.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return _xml(fault, body, request_id)


def _json(fault: Fault, operation: Operation) -> Answer:
    version = "1.0" if operation.service == "dynamodb" else "1.1"
    field = "Message" if fault.code == "AccessDeniedException" else "message"
    return Answer(
        fault.status,
        (("Content-Type", f"application/x-amz-json-{version}"), ("x-amzn-RequestId", str(uuid4()))),
        json.dumps({"__type": fault.code, field: fault.message}).encode(),
    )


def _rest_json(fault: Fault, _operation: Operation) -> Answer:
    return Answer(
        fault.status,
        (
            ("Content-Type", "application/json"),
            ("x-amzn-ErrorType", fault.code),
            ("x-amzn-RequestId", str(uuid4())),
        ),
        json.dumps({"message": fault.message}).encode(),
    )


def _s3(fault: Fault, _operation: Operation) -> Answer:
    request_id = uuid4().hex[:16].upper()
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{fault.code}</Code>'
        f"<Message>{escape(fault.message)}</Message><RequestId>{request_id}</RequestId>"
        f"<HostId>{uuid4().hex}</HostId></Error>"
    )
    headers = (("Content-Type", "application/xml"), ("x-amz-request-id", request_id))
    return Answer(fault.status, headers, body.encode())


_RENDERERS = {
    "ec2": _ec2,
    "query": _query,
    "json": _json,
    "rest-json": _rest_json,
    "rest-xml": _query,
    "s3": _s3,
}
