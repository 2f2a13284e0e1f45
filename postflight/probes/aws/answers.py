"""The border to AWS: whether what came back over HTTP is an answer of the API that was asked.

A proxy, a captive portal or a broken connection answers as well, often with status 200. Nothing may be
concluded from that, least of all that something is absent.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.parsers import ResponseParser, ResponseParserError, ResponseParserFactory

from postflight.probes.aws.refusals import NOT_AN_ANSWER

# What botocore's parsers raise on a shape that they do not expect.
_UNEXPECTED: Final = (AttributeError, LookupError, TypeError, ValueError, RecursionError, ResponseParserError)
# botocore takes these and everything above for errors.
_FIRST_ERROR: Final = 301
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
# Where a response keeps its status: botocore changes that of S3's successes that it cannot read.
TRUE_STATUS: Final = "true_status"
_SUCCESS: Final = range(200, 300)
_BEGINNING: Final = 60
_READ_OF_A_BODY: Final = 4000
_ROOT: Final = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*(?:<!--.*?-->\s*)*<(?:[\w.-]+:)?([\w.-]+)", re.DOTALL
)
# Roots that botocore's model of S3 does not name. Source: Amazon S3 API reference.
_ROOTS_OF_S3: Final[Mapping[str, str]] = {
    "GetBucketCorsOutput": "CORSConfiguration",
    "ListBucketsOutput": "ListAllMyBucketsResult",
    "ListObjectsV2Output": "ListBucketResult",
}
_ERROR_ROOTS: Final = ("Error", "ErrorResponse", "Response")
# Every answer of AWS has one of these. moto, LocalStack and MinIO send them too.
_REQUEST_IDS: Final = ("x-amzn-requestid", "x-amz-request-id")
_REGION_OF_A_BUCKET: Final = "x-amz-bucket-region"


class NotAnAnswerError(ResponseParserError):
    """What came back is not an answer of AWS; it says why not, who sent it, and how it begins."""


def note_status(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Keep the status of a response, before botocore's own handlers see it."""
    response_dict["context"][TRUE_STATUS] = response_dict["status_code"]


class Parsers(ResponseParserFactory):
    """botocore's parsers behind `oddity`. `shorten` redacts a text, and then cuts it to a length."""

    def __init__(self, shorten: Callable[[str, int], str]) -> None:
        super().__init__()
        self._shorten = shorten

    def create_parser(self, protocol_name: str) -> Parser:
        """Return the parser of a protocol, `query` or `rest-json`."""
        return Parser(protocol_name, super().create_parser(protocol_name), self._shorten)


class Parser(ResponseParser):
    """One protocol's parser, which parses answers of AWS only."""

    def __init__(self, protocol: str, parser: Any, shorten: Callable[[str, int], str]) -> None:
        super().__init__()
        self._protocol = protocol
        self._parser = parser
        self._shorten = shorten

    def parse(self, response: Mapping[str, Any], shape: Any) -> Any:
        """Return what botocore makes of an answer. Raises NotAnAnswerError.

        An unknown sender's server error is returned as an error, since botocore tries those again.
        """
        why = oddity(self._protocol, response, shape)
        if why is None:
            try:
                return self._parser.parse(response, shape)
            except _UNEXPECTED as error:
                why = f"it cannot be read: {type(error).__name__}"
        said = f"{why}; {_sender(response, self._shorten)}"
        if response["status_code"] < _FIRST_SERVER_ERROR:
            raise NotAnAnswerError(said)
        metadata = {"HTTPStatusCode": response["status_code"], "HTTPHeaders": {}}
        return {"Error": {"Code": NOT_AN_ANSWER, "Message": said}, "ResponseMetadata": metadata}


def oddity(protocol: str, response: Mapping[str, Any], shape: Any) -> str | None:
    """Say why an HTTP response is not an answer of AWS, None where it is one.

    `response` is botocore's: `status_code`, `headers`, `body` (bytes, or a stream of an object's content) and
    the operation's name in `context`. `shape` is what the operation returns (None: nothing).
    """
    status, headers, body = response["status_code"], response["headers"], response["body"]
    if status < _FIRST_ERROR and status not in _SUCCESS:
        return "no call to AWS ends with this status"
    if not isinstance(body, bytes):
        return _unsigned(headers)
    # DynamoDB's, of the body as it is sent.
    if (
        headers.get("x-amz-crc32", "") not in ("", str(zlib.crc32(body)))
        and "content-encoding" not in headers
    ):
        return "its checksum is another one"
    is_json = protocol in ("json", "rest-json")
    if status >= _FIRST_ERROR:
        return _odd_json_error(headers, body) if is_json else _odd_xml_error(status, headers, body)
    if is_json:
        return _odd_json(headers, body, shape)
    return _odd_xml(protocol, response["context"]["operation_name"], response, shape)


def _unsigned(headers: Mapping[str, str]) -> str | None:
    """Complain of an answer without an id of AWS, where nothing else in it shows that it is one."""
    return None if any(one in headers for one in _REQUEST_IDS) else "it has no request id"


def _odd_json(headers: Mapping[str, str], body: bytes, shape: Any) -> str | None:
    found = _json(body)
    if not isinstance(found, dict):
        return "it is not a JSON object"
    members = shape.members if shape is not None else {}
    known = {member.serialization.get("name", name) for name, member in members.items()}
    if found and known and not known & found.keys():
        return "it has nothing that this call returns"
    if not found and "json" not in headers.get("content-type", ""):
        # An empty object is how DynamoDB says that there is no such item, but it is soon said by others, too.
        return "an empty object is no answer without its content type"
    return None if found else _unsigned(headers)


def _odd_json_error(headers: Mapping[str, str], body: bytes) -> str | None:
    found = _json(body) if body else {}
    if not isinstance(found, dict):
        return "it is no error of AWS"
    own = [headers.get("x-amzn-errortype"), found.get("__type")]
    # Others have a `code`, too.
    own += [found.get("code"), found.get("Code")] if _unsigned(headers) is None else []
    return None if any(isinstance(one, str) and one for one in own) else "it is no error of AWS"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _odd_xml(protocol: str, operation: str, response: Mapping[str, Any], shape: Any) -> str | None:
    headers, body = response["headers"], response["body"]
    members = shape.members if shape is not None else {}
    payload = members.get(shape.serialization.get("payload")) if shape is not None else None
    if protocol == "rest-xml":
        if all(member.serialization.get("location") for member in members.values()):
            return _unsigned(headers) if not body else "it has a body, and the answer to this call has none"
        if payload is not None and payload.type_name in ("string", "blob"):
            return _unsigned(headers)
        root = payload or shape
        wanted = _ROOTS_OF_S3.get(root.name, root.serialization.get("name") or root.name)
    else:
        wanted = f"{operation}Response"
    return None if _root(body) == wanted else f"it is not a {wanted}"


def _odd_xml_error(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    if not body:
        # S3's answers to HEAD have no body. A redirection without a region would be followed for ever.
        if status < _FIRST_CLIENT_ERROR and _REGION_OF_A_BUCKET not in headers:
            return "it leads elsewhere, and not to a region"
        return _unsigned(headers)
    is_error = _root(body) in _ERROR_ROOTS and b"<Code>" in body
    return None if is_error else "it is no error of AWS"


def _root(body: bytes) -> str:
    found = _ROOT.match(body)
    return found.group(1).decode() if found else ""


def _sender(response: Mapping[str, Any], shorten: Callable[[str, int], str]) -> str:
    """Say who sent a response and how it begins."""
    headers, body = response["headers"], response["body"]
    parts = [f"HTTP {response['context'].get(TRUE_STATUS, response['status_code'])}"]
    for header, words in (("server", "from"), ("via", "via"), ("location", "to"), ("content-type", "as")):
        if header in headers:
            parts.append(f"{words} {shorten(_printable(headers[header]), _BEGINNING)}")
    if isinstance(body, bytes):
        text = shorten(_printable(body[:_READ_OF_A_BODY].decode(errors="replace")), _BEGINNING)
        parts.append(f"beginning with {text!r}" if text else "without a body")
    return ", ".join(parts)


def _printable(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
