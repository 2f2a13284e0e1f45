"""S3 of the sandbox: who may what is really judged, and CORS really answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import botocore.exceptions
import pytest
import requests

from sandbox import names
from selftests.aws_server import code_of

if TYPE_CHECKING:
    from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]


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


def test_presigned_upload_is_judged_as_its_signer(cloud: Cloud) -> None:
    """Dashboards upload by presigned URLs; the right is the signer's."""
    params = {"Bucket": names.MEDIA_BUCKET, "Key": "canary"}
    good = cloud.as_role("s3", names.API_ROLE).generate_presigned_url("put_object", Params=params)
    bad = cloud.as_role("s3", names.NODE_ROLE).generate_presigned_url("put_object", Params=params)
    assert requests.put(good, data=b"x", timeout=5).status_code == 200
    assert requests.put(bad, data=b"x", timeout=5).status_code == 403
    cloud.aws.client("s3").delete_object(**params)


def test_attached_policy_counts_as_well_as_an_inline_one(cloud: Cloud) -> None:
    """A role's rights are the sum of both kinds."""
    iam = cloud.aws.client("iam")
    allow = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    policy = iam.create_policy(PolicyName="reading", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    bucket, key = f"min-kyeol-tfstate-{names.ACCOUNT}", "sandbox/terraform.tfstate"
    iam.attach_role_policy(RoleName=names.NODE_ROLE, PolicyArn=policy)
    try:
        assert cloud.as_role("s3", names.NODE_ROLE).get_object(Bucket=bucket, Key=key)["ContentLength"]
    finally:
        iam.detach_role_policy(RoleName=names.NODE_ROLE, PolicyArn=policy)
    assert code_of(cloud.as_role("s3", names.NODE_ROLE).get_object, Bucket=bucket, Key=key) == "AccessDenied"
