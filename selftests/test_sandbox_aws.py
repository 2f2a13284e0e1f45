"""The sandbox's AWS, asked by boto3 as an outsider: what is there, who may what, and how it misbehaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pytest
import requests
from selftests.aws_server import OUTSIDER, Cloud, running_cloud, running_server

from sandbox import names
from sandbox.aws.client import AwsControlError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """One seeded AWS for all tests of this module; each leaves it as it was."""
    with running_cloud() as made:
        yield made


def code_of(call: Any, **arguments: Any) -> str:
    """Give the error code of a call that must fail."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


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
    assert f"User: arn:aws:iam::{names.ACCOUNT}:user/outsider is not authorized to perform: " in error["Message"]


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


def test_reader_has_a_name_of_its_own(cloud: Cloud) -> None:
    """A run says who it is."""
    reader = cloud.seeded.reader
    identity = cloud.outsider("sts", reader.access_key_id).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{names.ACCOUNT}:user/postflight"


def test_role_may_upload_read_and_delete(cloud: Cloud) -> None:
    """The app's uploads and the suite's canary work when all is well."""
    s3 = cloud.as_role("s3", names.API_ROLE)
    s3.put_object(Bucket=names.MEDIA_BUCKET, Key="canary", Body=b"x" * 1000)
    assert s3.get_object(Bucket=names.MEDIA_BUCKET, Key="canary")["Body"].read() == b"x" * 1000
    assert s3.head_object(Bucket=names.MEDIA_BUCKET, Key="canary")["ContentLength"] == 1000
    s3.delete_object(Bucket=names.MEDIA_BUCKET, Key="canary")
    assert code_of(s3.head_object, Bucket=names.MEDIA_BUCKET, Key="canary") == "404"


def test_role_may_not_touch_another_bucket(cloud: Cloud) -> None:
    """What no policy allows is refused."""
    s3 = cloud.as_role("s3", names.API_ROLE)
    bucket = f"min-kyeol-tfstate-{names.ACCOUNT}"
    assert code_of(s3.get_object, Bucket=bucket, Key="sandbox/terraform.tfstate") == "AccessDenied"


def test_upload_needs_the_role_s_own_policy(cloud: Cloud) -> None:
    """Fault s3-iam: S3MediaAccess is gone."""
    iam = cloud.aws.client("iam")
    policy = iam.get_role_policy(RoleName=names.API_ROLE, PolicyName=names.API_POLICY)["PolicyDocument"]
    iam.delete_role_policy(RoleName=names.API_ROLE, PolicyName=names.API_POLICY)
    try:
        s3 = cloud.as_role("s3", names.API_ROLE)
        assert code_of(s3.put_object, Bucket=names.MEDIA_BUCKET, Key="canary", Body=b"") == "AccessDenied"
    finally:
        iam.put_role_policy(
            RoleName=names.API_ROLE, PolicyName=names.API_POLICY, PolicyDocument=json.dumps(policy)
        )


def test_bucket_policy_can_deny_the_role(cloud: Cloud) -> None:
    """Fault s3-policy: a Deny wins over every Allow, and only for whom it names."""
    s3 = cloud.aws.client("s3")
    policy = s3.get_bucket_policy(Bucket=names.MEDIA_BUCKET)["Policy"]
    document = json.loads(policy)
    document["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": {"AWS": names.role_arn(names.API_ROLE)},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{names.MEDIA_BUCKET}/*",
        }
    )
    s3.put_bucket_policy(Bucket=names.MEDIA_BUCKET, Policy=json.dumps(document))
    try:
        with pytest.raises(botocore.exceptions.ClientError, match="explicit deny in a resource-based policy"):
            cloud.as_role("s3", names.API_ROLE).put_object(Bucket=names.MEDIA_BUCKET, Key="canary", Body=b"")
        cloud.outsider("s3").put_object(Bucket=names.MEDIA_BUCKET, Key="canary", Body=b"")
    finally:
        s3.put_bucket_policy(Bucket=names.MEDIA_BUCKET, Policy=policy)
        s3.delete_object(Bucket=names.MEDIA_BUCKET, Key="canary")


def test_bucket_is_closed_to_the_public(cloud: Cloud) -> None:
    """Without a signature nobody reads the bucket."""
    url = f"{cloud.aws.endpoint_url}/{names.MEDIA_BUCKET}/anything"
    assert requests.get(url, timeout=5).status_code == 403


@pytest.mark.parametrize(
    ("origin", "method", "status"),
    [
        (f"https://{names.DASHBOARD_HOST}", "PUT", 200),
        (f"https://{names.STORE_HOST}", "GET", 200),
        (f"https://{names.DASHBOARD_HOST}", "PATCH", 403),
        ("https://evil.example", "PUT", 403),
    ],
)
def test_preflight_is_answered_by_the_bucket_s_rules(
    cloud: Cloud, origin: str, method: str, status: int
) -> None:
    """The browser's upload passes exactly where the CORS rules let it."""
    answer = requests.options(
        f"{cloud.aws.endpoint_url}/{names.MEDIA_BUCKET}/products/a.png",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type,x-amz-acl",
        },
        timeout=5,
    )
    assert answer.status_code == status
    assert answer.headers.get("Access-Control-Allow-Origin") == (origin if status == 200 else None)
    if status == 200:
        assert method in answer.headers["Access-Control-Allow-Methods"]
        assert "x-amz-acl" in answer.headers["Access-Control-Allow-Headers"]


def test_version_grows_with_changes_only(cloud: Cloud) -> None:
    """Controllers look again when something changed, and not because somebody looked."""
    version = cloud.aws.version()
    cloud.outsider("ec2").describe_vpcs()
    cloud.outsider("s3").put_object(Bucket=names.MEDIA_BUCKET, Key="canary", Body=b"")
    cloud.outsider("s3").delete_object(Bucket=names.MEDIA_BUCKET, Key="canary")
    code_of(cloud.outsider("ec2").delete_vpc, VpcId="vpc-00000000")
    assert cloud.aws.version() == version
    cloud.outsider("ec2").create_tags(Resources=[cloud.seeded.network.vpc], Tags=[{"Key": "a", "Value": "b"}])
    assert cloud.aws.version() > version
    cloud.outsider("ec2").delete_tags(Resources=[cloud.seeded.network.vpc], Tags=[{"Key": "a"}])


def test_waiting_for_a_version_ends_with_the_change(cloud: Cloud) -> None:
    """The long poll wakes the world at once."""
    version = cloud.aws.version()
    tags = [{"Key": "c", "Value": "d"}]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(cloud.aws.version, version, 20.0)
        time.sleep(0.2)
        started = time.monotonic()
        cloud.outsider("ec2").create_tags(Resources=[cloud.seeded.network.vpc], Tags=tags)
        assert waiting.result() > version
        assert time.monotonic() - started < 5
    cloud.outsider("ec2").delete_tags(Resources=[cloud.seeded.network.vpc], Tags=tags)


def test_latency_delays_every_answer(cloud: Cloud) -> None:
    """Performance figures are honest only if each answer costs what it does in the cloud."""
    client = cloud.outsider("ec2")
    client.describe_vpcs()
    cloud.aws.latency(0.3)
    try:
        started = time.monotonic()
        client.describe_vpcs()
        assert time.monotonic() - started >= 0.3
    finally:
        cloud.aws.latency(0)


def test_setting_something_unknown_is_an_error(cloud: Cloud) -> None:
    """A fault that changes nothing must not look applied."""
    with pytest.raises(AwsControlError, match="unknown kind"):
        cloud.aws.set("nat-gatway", "nat-1", state="failed")
    with pytest.raises(AwsControlError, match="nat-0"):
        cloud.aws.set("nat-gateway", "nat-0", state="failed")
    with pytest.raises(AwsControlError, match="has no field colour"):
        cloud.aws.set("eks-cluster", names.CLUSTER, colour="red")


@pytest.mark.parametrize("key", [OUTSIDER, "SANDBOXADMIN00000009"])
def test_nothing_is_shown_of_the_other_account(cloud: Cloud, key: str) -> None:
    """Every ordinary key belongs to the sandbox's account."""
    assert cloud.outsider("sts", key).get_caller_identity()["Account"] == names.ACCOUNT


def test_server_ends_when_its_input_closes() -> None:
    """Whoever holds the pipe is the parent; without one the server has no reason to live."""
    with running_server() as (process, _):
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(5) == 0


def test_server_ends_on_sigterm() -> None:
    """The orderly way to stop it."""
    with running_server() as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_server_dies_with_a_killed_parent() -> None:
    """Nothing of the sandbox survives a SIGKILL of the world, even where no pipe tells."""
    script = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-m', 'sandbox.aws.server'],"
        " stdin=subprocess.DEVNULL, stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait(5)
        deadline = time.monotonic() + 5
        while _lives(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _lives(child)


def _lives(process: int) -> bool:
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
