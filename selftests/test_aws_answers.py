"""The border to AWS: what is an answer of its APIs, and what is said of everything else."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import cloudfront, ec2, eks, s3, sts, terraform
from postflight.probes.reads import Probe
from selftests.aws_looks import connections, look, refusal
from selftests.serving import in_a_thread

ID: Final = {"x-amzn-requestid": "8f0a"}
S3_ID: Final = {"x-amz-request-id": "8F0A"}
JSON: Final = {"content-type": "application/x-amz-json-1.0", **ID}
LOCK: Final = (terraform.lock, ("locks", "state", "shop.tfstate"))
CLUSTER: Final = (eks.cluster, ("shop",))
BUCKET: Final = (s3.bucket, ("media",))
CORS: Final = (s3.cors, ("media",))
Look = tuple[Probe[..., Any], tuple[Any, ...]]


@dataclass
class Server:
    """What is answered, and how often it was."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: list[str] = field(default_factory=list)


@contextmanager
def answering(status: int, headers: Mapping[str, str], body: bytes) -> Iterator[tuple[str, Server]]:
    """Serve one answer to whatever is asked; `%d` in the body counts."""
    given = Server(status, headers, body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given.asked.append(self.path)
            sent = given.body.replace(b"%d", str(len(given.asked)).encode())
            self.send_response_only(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else sent)

        do_POST = do_HEAD = do_GET  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Stay silent."""

    with in_a_thread(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}", given


def seen(what: Look, status: int, headers: Mapping[str, str], body: bytes) -> Evidence:
    """Return what a look makes of an answer. Raises Unverified."""
    probe, arguments = what
    with answering(status, headers, body) as (endpoint, _):
        found: Evidence = look(connections(endpoint), probe, *arguments)
    return found


NO_CLUSTER: Final = b'{"message": "No cluster found for name: shop."}'
NO_BUCKET: Final = b"<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>"
NO_CORS: Final = NO_BUCKET.replace(b"NoSuchBucket", b"NoSuchCORSConfiguration")


@pytest.mark.parametrize(
    ("what", "status", "headers", "body"),
    [
        (LOCK, 200, JSON, b"{}"),
        (LOCK, 200, {**JSON, "x-amz-crc32": str(zlib.crc32(b"{}"))}, b"{}"),
        (LOCK, 200, {**JSON, "content-type": "application/json"}, b"{}"),
        (LOCK, 400, JSON, b'{"__type": "com.amazonaws.dynamodb#ResourceNotFoundException"}'),
        (CLUSTER, 404, {"x-amzn-errortype": "ResourceNotFoundException"}, NO_CLUSTER),
        (CLUSTER, 404, {"x-amzn-errortype": "ResourceNotFoundException:http://internal/"}, NO_CLUSTER),
        (CLUSTER, 404, {"x-amzn-errortype": "ResourceNotFoundException"}, b""),
        (CLUSTER, 404, {}, b'{"__type": "ResourceNotFoundException"}'),
        (BUCKET, 404, S3_ID, b""),
        (BUCKET, 404, ID, b""),
        (CORS, 404, S3_ID, NO_BUCKET),
        (CORS, 404, {}, b'<?xml version="1.0" encoding="UTF-8"?>\n' + NO_CORS),
    ],
)
def test_absence_in_the_words_of_the_api_is_evidence(
    what: Look, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """AWS, moto, LocalStack and MinIO word it somewhat differently."""
    assert getattr(seen(what, status, headers, body), "found") is False  # noqa: B009 - evidence of several types


@pytest.mark.parametrize(
    ("what", "status", "headers", "body"),
    [
        (LOCK, 200, {"content-type": "text/html"}, b"<html>sign in</html>"),
        (LOCK, 200, JSON, b'{"error": "proxy"}'),
        (LOCK, 200, {"content-type": JSON["content-type"]}, b"{}"),
        (LOCK, 200, ID, b"{}"),
        (LOCK, 200, JSON, b""),
        (LOCK, 200, JSON, b'{"Item": {"LockID"'),
        (LOCK, 200, JSON, b'{"Item": []}'),
        (LOCK, 200, JSON, b'{"Item": {"Info": "x"}}'),
        (LOCK, 200, {**JSON, "x-amz-crc32": "1"}, b"{}"),
        (LOCK, 200, JSON, b"[" * 100_000),
        (LOCK, 204, JSON, b""),
        (LOCK, 300, JSON, b"{}"),
        (LOCK, 404, ID, b"[]"),
        (CLUSTER, 200, ID, b'{"cluster": {}}'),
        (CLUSTER, 200, ID, b'{"cluster": []}'),
        (CLUSTER, 200, ID, b'{"cluster": null}'),
        (CLUSTER, 200, ID, b'{"cluster": {"name": 5, "arn": "a", "status": "ACTIVE"}}'),
        (CLUSTER, 200, ID, b'{"cluster": {"name": "shop", "arn": "a", "status": "", "createdAt": "soon"}}'),
        (CLUSTER, 200, ID, b"\xff\xfe\x00"),
        (CLUSTER, 404, {"content-type": "text/html"}, b"<html>Not Found</html>"),
        (CLUSTER, 404, {}, b'{"message": "no Route matched with those values"}'),
        (BUCKET, 200, {"content-type": "text/html"}, b""),
        (BUCKET, 404, {"server": "nginx"}, b""),
        (BUCKET, 302, {"location": "https://login.test/", **S3_ID}, b""),
        (BUCKET, 301, S3_ID, b""),
        (CORS, 302, {"location": "https://login.test/"}, b"<html></html>"),
        (CORS, 200, S3_ID, b""),
        (CORS, 200, S3_ID, b"<CORSConfiguration/>"),
        (CORS, 200, S3_ID, b"<html><body/></html>"),
        ((cloudfront.distributions, ()), 200, ID, b""),
        ((cloudfront.distributions, ()), 200, ID, b"<DistributionList/>"),
        (
            (cloudfront.distributions, ()), 200, ID,
            b"<DistributionList><IsTruncated>false</IsTruncated><Quantity>2</Quantity></DistributionList>",
        ),
        (
            (cloudfront.distributions, ()), 200, ID,
            b"<DistributionList><IsTruncated>true</IsTruncated><Quantity>0</Quantity></DistributionList>",
        ),
        ((ec2.vpcs, ()), 200, ID, b"<DescribeVpcsResponse><requestId>1</requestId></DescribeVpcsResponse>"),
        ((ec2.vpcs, ()), 200, ID, b"<DescribeSubnetsResponse><vpcSet/></DescribeSubnetsResponse>"),
        ((ec2.vpcs, ()), 200, ID, b"<DescribeVpcsResponse><vpcSet><item/></vpcSet></DescribeVpcsResponse>"),
        ((sts.caller, ()), 200, ID, b"<GetCallerIdentityResponse/>"),
        (
            (sts.caller, ()), 200, ID,
            b"<GetCallerIdentityResponse><GetCallerIdentityResult/></GetCallerIdentityResponse>",
        ),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_the_api_is_unverified(
    what: Look, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Nothing is concluded from it, least of all that something is absent."""
    said = refusal(lambda: seen(what, status, headers, body))
    assert "not one that AWS gives" in str(said)
    assert said.permission is None


def test_who_answered_in_place_of_aws_is_named() -> None:
    """A proxy's 403 is no missing permission: who reads that adds rights, and nothing changes."""
    page = b"<html>\x1b[31mBlocked by policy 7\x00" + b" and more" * 40
    headers = {"server": "squid/5.7", "via": "1.1 proxy.corp.test", "content-type": "text/html"}
    said = refusal(lambda: seen(CLUSTER, 403, headers, page))
    assert said.permission is None
    assert "HTTP 403, from squid/5.7, via 1.1 proxy.corp.test, as text/html" in str(said)
    assert "beginning with '<html> [31mBlocked by policy 7" in str(said)
    assert "ermission eks" not in str(said)


def test_a_secret_in_what_somebody_answered_is_not_told() -> None:
    """A proxy may send back what it was sent."""
    with answering(403, {"server": "hunter2hunter2"}, b"<html>hunter2hunter2") as (endpoint, _):
        reached = connections(endpoint)
        reached.secrets.add("hunter2hunter2")
        said = str(refusal(lambda: look(reached, eks.cluster, "shop")))
    assert "hunter2" not in said


def test_empty_pages_without_end_come_to_an_end() -> None:
    """Each with another token: botocore would ask for ever, in a thread that nobody waits for any more."""
    page = b"<DescribeVpcsResponse><vpcSet/><nextToken>%d</nextToken></DescribeVpcsResponse>"
    with answering(200, ID, page) as (endpoint, server):
        said = refusal(lambda: look(connections(endpoint), ec2.vpcs))
    assert "does not end" in str(said)
    assert len(server.asked) < 100


def _dated(ahead: timedelta) -> dict[str, str]:
    return {**ID, "date": format_datetime(datetime.now(UTC) + ahead, usegmt=True)}


_SIGNED: Final = (
    b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature %s: 20260101T%sZ is now "
    b"later than 20260101T100500Z (20260101T100000Z + 5 min.)</Message></Error></ErrorResponse>"
)
_REFUSED: Final = b"<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors></Response>"
_CALLER: Final = (sts.caller, ())
_VPCS: Final = (ec2.vpcs, ())


@pytest.mark.parametrize(
    ("what", "headers", "body", "words"),
    [
        (_CALLER, ID, _SIGNED % (b"not yet current", b"102000"), "20 min ahead of AWS's"),
        (_CALLER, ID, _SIGNED % (b"expired", b"080000"), "120 min behind AWS's"),
        (_VPCS, timedelta(hours=1), _REFUSED % b"AuthFailure", "60 min behind AWS's"),
        (_VPCS, -timedelta(hours=1), _REFUSED % b"RequestExpired", "60 min ahead of AWS's"),
        (CORS, S3_ID, NO_BUCKET.replace(b"NoSuchBucket", b"RequestTimeTooSkewed"), "not set to the time of"),
        (
            CORS, S3_ID,
            b"<Error><Code>RequestTimeTooSkewed</Code><ServerTime>2020-01-01T00:00:00Z</ServerTime></Error>",
            "min ahead of AWS's",
        ),
    ],
)  # fmt: skip
def test_a_wrong_clock_is_told_as_such(
    what: Look, headers: Mapping[str, str] | timedelta, body: bytes, words: str
) -> None:
    """Called unknown credentials, it sends its reader to the wrong place."""
    # A date is made when it is sent: between collection and this test minutes may go by.
    sent = _dated(headers) if isinstance(headers, timedelta) else headers
    said = str(refusal(lambda: seen(what, 403, sent, body)))
    assert "The clock of this machine is" in said
    assert words in said


@pytest.mark.parametrize(
    ("code", "words"),
    [("AuthFailure", "does not know these credentials"), ("RequestExpired", "have expired")],
)
def test_credentials_are_told_as_such_where_the_clock_is_right(code: str, words: str) -> None:
    """EC2 has the same codes for both."""
    body = _REFUSED % code.encode()
    assert words in str(refusal(lambda: seen(_VPCS, 401, _dated(timedelta(seconds=2)), body)))


def test_server_errors_of_a_proxy_are_tried_again() -> None:
    """A gateway's 503 is often over in a second, whoever sent it."""
    with answering(503, {"server": "nginx"}, b"<html>503</html>") as (endpoint, server):
        said = refusal(lambda: look(connections(endpoint), ec2.vpcs))
    assert "from nginx" in str(said)
    assert len(server.asked) == 3


def test_role_that_is_assumed_without_credentials_is_unverified() -> None:
    """An answer without what was asked for is none."""
    body = b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"
    with answering(200, ID, body) as (endpoint, _):
        reached = connections(endpoint, assume_role="arn:aws:iam::123456789012:role/reader")
        with pytest.raises(Unverified, match=r"answer to sts:AssumeRole is not one .*Credentials"):
            look(reached, ec2.vpcs)
