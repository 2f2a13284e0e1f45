"""Calls to the sandbox's AWS by an outsider: how they are counted, denied, throttled, broken."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.parsers
import pytest
import requests

from sandbox import names
from selftests.aws_server import OUTSIDER, code_of

if TYPE_CHECKING:
    from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]
CALLS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("ec2", "describe_nat_gateways", {}, "ec2:DescribeNatGateways"),
    ("rds", "describe_db_instances", {}, "rds:DescribeDBInstances"),
    ("elasticache", "describe_replication_groups", {}, "elasticache:DescribeReplicationGroups"),
    ("iam", "get_role", {"RoleName": names.API_ROLE}, "iam:GetRole"),
    ("elbv2", "describe_load_balancers", {}, "elasticloadbalancing:DescribeLoadBalancers"),
    ("acm", "list_certificates", {}, "acm:ListCertificates"),
    ("ecr", "describe_images", {"repositoryName": names.REPOSITORIES[0]}, "ecr:DescribeImages"),
    ("dynamodb", "scan", {"TableName": "min-kyeol-terraform-locks"}, "dynamodb:Scan"),
    ("eks", "describe_cluster", {"name": names.CLUSTER}, "eks:DescribeCluster"),
    ("route53", "list_hosted_zones", {}, "route53:ListHostedZones"),
    ("cloudfront", "list_distributions", {}, "cloudfront:ListDistributions"),
    ("s3", "get_bucket_cors", {"Bucket": names.MEDIA_BUCKET}, "s3:GetBucketCors"),
    ("s3", "get_bucket_policy", {"Bucket": names.MEDIA_BUCKET}, "s3:GetBucketPolicy"),
    ("s3", "get_public_access_block", {"Bucket": names.MEDIA_BUCKET}, "s3:GetPublicAccessBlock"),
    ("s3", "list_objects_v2", {"Bucket": names.MEDIA_BUCKET}, "s3:ListObjectsV2"),
    ("s3", "head_bucket", {"Bucket": names.MEDIA_BUCKET}, "s3:HeadBucket"),
    ("sts", "get_caller_identity", {}, "sts:GetCallerIdentity"),
)
DENIALS = {
    "ec2": "UnauthorizedOperation",
    "acm": "AccessDeniedException",
    "ecr": "AccessDeniedException",
    "dynamodb": "AccessDeniedException",
    "eks": "AccessDeniedException",
}
THROTTLES = {
    "ec2": "RequestLimitExceeded",
    "acm": "ThrottlingException",
    "ecr": "ThrottlingException",
    "dynamodb": "ThrottlingException",
    "eks": "TooManyRequestsException",
    "s3": "SlowDown",
}


@pytest.mark.parametrize(("service", "method", "arguments", "name"), CALLS, ids=[c[3] for c in CALLS])
def test_call_is_counted_by_its_right_name(
    cloud: Cloud, service: str, method: str, arguments: dict[str, Any], name: str
) -> None:
    """Budgets and permissions are stated by these names."""
    before = cloud.aws.calls()
    getattr(cloud.outsider(service), method)(**arguments)
    after = cloud.aws.calls()
    assert {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key)} == {
        name: 1
    }


@pytest.mark.parametrize(("service", "method", "arguments", "name"), CALLS, ids=[c[3] for c in CALLS])
def test_denied_call_gets_the_error_of_its_protocol(
    cloud: Cloud, service: str, method: str, arguments: dict[str, Any], name: str
) -> None:
    """The suite names the missing permission from this very error."""
    cloud.aws.deny([name])
    try:
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            getattr(cloud.outsider(service), method)(**arguments)
        getattr(cloud.aws.client(service), method)(**arguments)
    finally:
        cloud.aws.deny([])
    error = caught.value.response["Error"]
    if method.startswith("head_"):
        assert error["Code"] == "403"
        return
    assert error["Code"] == DENIALS.get(service, "AccessDenied")
    assert (
        f"User: arn:aws:iam::{names.ACCOUNT}:user/outsider is not authorized to perform: " in error["Message"]
    )


@pytest.mark.parametrize(("service", "method", "arguments", "name"), CALLS, ids=[c[3] for c in CALLS])
def test_throttled_call_gets_the_error_of_its_protocol(
    cloud: Cloud, service: str, method: str, arguments: dict[str, Any], name: str
) -> None:
    """SDKs retry by these codes."""
    cloud.aws.throttle([name])
    try:
        code = code_of(getattr(cloud.outsider(service), method), **arguments)
    finally:
        cloud.aws.throttle([])
    assert code == ("503" if method.startswith("head_") else THROTTLES.get(service, "Throttling"))


def test_wildcard_denial_covers_a_service_but_never_the_caller_identity(cloud: Cloud) -> None:
    """AWS lets everybody ask who he is."""
    cloud.aws.deny(["s3:*", "sts:*"])
    try:
        assert code_of(cloud.outsider("s3").list_buckets) == "AccessDenied"
        assert cloud.outsider("sts").get_caller_identity()["Account"] == names.ACCOUNT
    finally:
        cloud.aws.deny([])


def test_denial_by_the_iam_name_covers_the_operation(cloud: Cloud) -> None:
    """HeadBucket and ListObjectsV2 both need s3:ListBucket."""
    cloud.aws.deny(["s3:ListBucket"])
    try:
        assert code_of(cloud.outsider("s3").list_objects_v2, Bucket=names.MEDIA_BUCKET) == "AccessDenied"
        assert code_of(cloud.outsider("s3").head_bucket, Bucket=names.MEDIA_BUCKET) == "403"
    finally:
        cloud.aws.deny([])


def test_own_calls_of_the_sandbox_are_not_counted(cloud: Cloud) -> None:
    """The call counts that the suite reports are its own."""
    before = cloud.aws.calls()
    cloud.aws.client("ec2").describe_vpcs()
    assert cloud.aws.calls() == before


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("hang", botocore.exceptions.ReadTimeoutError),
        ("reset", botocore.exceptions.ConnectionClosedError),
        ("500", botocore.exceptions.ClientError),
    ],
)
def test_misbehaviour_reaches_the_client(cloud: Cloud, mode: str, error: type[Exception]) -> None:
    """A run must end by itself whatever AWS does."""
    cloud.aws.mode(mode)
    try:
        with pytest.raises(error):
            cloud.outsider("ec2", read_timeout=0.5).describe_vpcs()
        assert cloud.aws.client("ec2").describe_vpcs()["Vpcs"]
    finally:
        cloud.aws.mode("")


def test_reset_is_a_reset_and_no_mere_end(cloud: Cloud) -> None:
    """A cut connection and a closed one are told apart by clients."""
    host, port = cloud.aws.endpoint_url.removeprefix("http://").split(":")
    cloud.aws.mode("reset")
    try:
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(b"GET /bucket HTTP/1.1\r\nHost: s3\r\n\r\n")
            with pytest.raises(ConnectionResetError):
                connection.recv(100)
    finally:
        cloud.aws.mode("")


def test_garbage_is_no_answer_to_any_protocol(cloud: Cloud) -> None:
    """An answer that is not understood must not pass for an empty one."""
    cloud.aws.mode("garbage")
    try:
        with pytest.raises(botocore.parsers.ResponseParserError):
            cloud.outsider("ec2").describe_vpcs()
        assert requests.get(cloud.aws.endpoint_url, timeout=5).text.startswith("<html>")
    finally:
        cloud.aws.mode("")


@pytest.mark.parametrize(
    ("key", "codes"),
    [
        ("AKIAUNKNOWN000000000", ("InvalidClientTokenId", "AuthFailure", "InvalidAccessKeyId")),
        ("ASIAEXPIRED000000000", ("ExpiredToken", "RequestExpired", "ExpiredToken")),
    ],
)
def test_bad_credentials_are_refused_in_each_service_s_words(
    cloud: Cloud, key: str, codes: tuple[str, str, str]
) -> None:
    """Expired and unknown credentials are two different things to mend."""
    calls = (("sts", "get_caller_identity"), ("ec2", "describe_vpcs"), ("s3", "list_buckets"))
    assert tuple(code_of(getattr(cloud.outsider(s, key), m)) for s, m in calls) == codes


def test_other_account_s_key_sees_another_account(cloud: Cloud) -> None:
    """The wrong-account fault is these credentials."""
    key = "AKIAOTHERACCOUNT0000"
    assert cloud.outsider("sts", key).get_caller_identity()["Account"] == names.OTHER_ACCOUNT
    assert cloud.outsider("eks", key).list_clusters()["clusters"] == []


def test_key_can_be_given_to_another_account_and_back(cloud: Cloud) -> None:
    """The wrong-account fault moves the credentials that a run already has."""
    key = cloud.seeded.reader.access_key_id
    accounts = []
    for account in (names.OTHER_ACCOUNT, None):
        cloud.aws.adopt(key, account)
        accounts.append(cloud.outsider("sts", key).get_caller_identity()["Account"])
    assert accounts == [names.OTHER_ACCOUNT, names.ACCOUNT]


def test_reader_has_a_name_of_its_own(cloud: Cloud) -> None:
    """A run says who it is."""
    reader = cloud.seeded.reader
    identity = cloud.outsider("sts", reader.access_key_id).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{names.ACCOUNT}:user/postflight"


@pytest.mark.parametrize("key", [OUTSIDER, "SANDBOXADMIN00000009"])
def test_nothing_is_shown_of_the_other_account(cloud: Cloud, key: str) -> None:
    """Every ordinary key belongs to the sandbox's account."""
    assert cloud.outsider("sts", key).get_caller_identity()["Account"] == names.ACCOUNT


def test_web_identity_gets_a_role_s_session(cloud: Cloud) -> None:
    """IRSA: a service account's token is exchanged for the role's credentials, unsigned."""
    before = cloud.aws.calls().get("sts:AssumeRoleWithWebIdentity", 0)
    session = cloud.outsider("sts").assume_role_with_web_identity(
        RoleArn=names.role_arn(names.API_ROLE), RoleSessionName="pod", WebIdentityToken="token"
    )["Credentials"]
    sts = cloud.outsider("sts", session["AccessKeyId"], session["SessionToken"])
    assert (
        sts.get_caller_identity()["Arn"] == f"arn:aws:sts::{names.ACCOUNT}:assumed-role/{names.API_ROLE}/pod"
    )
    assert cloud.aws.calls()["sts:AssumeRoleWithWebIdentity"] == before + 1
