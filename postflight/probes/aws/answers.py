"""The border to AWS: whether what came back over HTTP is an answer of the API that was asked.

A proxy, a captive portal or a broken connection answers as well, often with status 200. Nothing may be
concluded from that, least of all that something is absent.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from botocore.parsers import ResponseParser, ResponseParserError, ResponseParserFactory

from postflight.probes.aws.refusals import NOT_AN_ANSWER, garbage

# What botocore's parsers raise on a shape that they do not expect.
_UNEXPECTED: Final = (AttributeError, LookupError, TypeError, ValueError, RecursionError, ResponseParserError)
# botocore takes these and everything above for errors.
_FIRST_ERROR: Final = 301
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500
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
# What a listing says that it holds, and where. ListObjectsV2 counts no common prefixes without a delimiter.
_COUNTS: Final = (("Quantity", "Items"), ("KeyCount", "Contents"))
# As long as a probe may take. That many empty pages in a row come from nobody who has more to give.
_LONGEST_LISTING_S: Final = 20.0
_EMPTY_PAGES: Final = 100
_TYPES: Final[Mapping[str, Any]] = {
    "structure": Mapping,
    "map": Mapping,
    "list": list,
    "string": str,
    "character": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
    "timestamp": datetime,
    "blob": (bytes, str),
}
# IAM's documents: botocore has made dictionaries of their JSON already.
_DOCUMENT: Final = "policyDocumentType"


class NotAnAnswerError(ResponseParserError):
    """What came back is not an answer of AWS; it says why not, who sent it, and how it begins."""


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
    parts = [f"HTTP {response['status_code']}"]
    for header, words in (("server", "from"), ("via", "via"), ("location", "to"), ("content-type", "as")):
        if header in headers:
            parts.append(f"{words} {shorten(_printable(headers[header]), _BEGINNING)}")
    if isinstance(body, bytes):
        text = shorten(_printable(body[:_READ_OF_A_BODY].decode(errors="replace")), _BEGINNING)
        parts.append(f"beginning with {text!r}" if text else "without a body")
    return ", ".join(parts)


def _printable(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


class Answer(dict[str, Any]):
    """A structure of an answer. To ask it for what it lacks raises Unverified: AWS would have sent it."""

    def __init__(self, members: Mapping[str, Any], permission: str, place: str) -> None:
        super().__init__(members)
        self._permission = permission
        self._place = place

    def __missing__(self, key: str) -> Any:
        raise garbage(self._permission, f"{self._place} has no {key}")


def checked(shape: Any, answer: Mapping[str, Any], permission: str) -> Answer:
    """Return an answer that botocore has parsed, where each part is what its model says. Raises Unverified.

    botocore passes on what JSON holds: a number where a name should be, or a text in place of a list.
    """
    found = _checked(shape, answer, permission, "it") if shape is not None else answer
    return Answer(found, permission, "it")


def _checked(shape: Any, value: Any, permission: str, place: str) -> Any:
    if shape.name == _DOCUMENT or shape.serialization.get("streaming"):
        return value
    kind = shape.type_name
    if not isinstance(value, _TYPES.get(kind, object)) or (isinstance(value, bool) and kind != "boolean"):
        raise garbage(permission, f"{place} is no {kind}")
    if kind == "structure":
        members = shape.members
        if "IsTruncated" in members and not _is_counted(value):
            raise garbage(permission, f"{place} does not say what it lists")
        return Answer(
            {
                name: _checked(members[name], one, permission, name) if name in members else one
                for name, one in value.items()
            },
            permission,
            place,
        )
    if kind == "list":
        return [_checked(shape.member, one, permission, f"an item of {place}") for one in value]
    if kind == "map":
        return {
            name: _checked(shape.value, one, permission, f"{place}.{name}") for name, one in value.items()
        }
    return value


def _is_counted(listing: Mapping[str, Any]) -> bool:
    """Whether a listing says if it is all, and holds as much as it says, where it does."""
    counts = (
        listing.get(said, len(listing.get(items, ()))) == len(listing.get(items, ()))
        for said, items in _COUNTS
    )
    return "IsTruncated" in listing and all(counts)


def whole_listing(pages: Iterable[Mapping[str, Any]], shape: Any, permission: str) -> Iterator[Answer]:
    """Yield the pages of a listing, checked. Raises Unverified, also where it does not come to its end."""
    ends = time.monotonic() + _LONGEST_LISTING_S
    empty, last = 0, Answer({}, permission, "it")
    for page in pages:
        last = checked(shape, page, permission)
        yield last
        empty = 0 if any(_lists(last)) else empty + 1
        if empty > _EMPTY_PAGES or time.monotonic() > ends:
            raise garbage(permission, "it gives one page after the other and does not end")
    if any(one.get("IsTruncated") for one in (last, *last.values()) if isinstance(one, Answer)):
        raise garbage(permission, "it is cut off and does not say how to go on")


def _lists(page: Answer) -> Iterator[bool]:
    """Yield of each list of a page, or of a structure in it, whether it has items."""
    for value in page.values():
        yield bool(value) if isinstance(value, list) else isinstance(value, Answer) and any(_lists(value))
