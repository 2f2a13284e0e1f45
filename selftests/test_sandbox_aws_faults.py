"""AWS's own APIs, as the sandbox's faults use them: each change is seen, and can be taken back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from sandbox import names
from sandbox.aws.seed_platform import push_image, service_account_trust
from selftests.aws_server import code_of

if TYPE_CHECKING:
    from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]


def test_origin_of_the_distribution_can_change(cloud: Cloud) -> None:
    """Fault cdn-origin-wrong."""
    cloudfront, distribution = cloud.aws.client("cloudfront"), cloud.seeded.distribution_id

    def point_at(host: str) -> str:
        answer = cloudfront.get_distribution_config(Id=distribution)
        config = answer["DistributionConfig"]
        config["Origins"]["Items"][0]["DomainName"] = host
        cloudfront.update_distribution(Id=distribution, IfMatch=answer["ETag"], DistributionConfig=config)
        shown = cloud.outsider("cloudfront").get_distribution(Id=distribution)["Distribution"]
        assert shown["Status"] == "Deployed"
        return str(shown["DistributionConfig"]["Origins"]["Items"][0]["DomainName"])

    assert point_at("elsewhere.example") == "elsewhere.example"
    assert point_at(names.ORIGIN_HOST) == names.ORIGIN_HOST


def test_cloudfront_s_prefix_list_can_leave_the_group(cloud: Cloud) -> None:
    """Fault cdn-blocked-by-sg."""
    ec2, group = cloud.aws.client("ec2"), cloud.seeded.network.security_groups[names.ALB_GROUP]
    rule: dict[str, Any] = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "PrefixListIds": [{"PrefixListId": cloud.seeded.network.prefix_list}],
    }

    def lists() -> list[str]:
        (found,) = cloud.outsider("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"]
        return [p["PrefixListId"] for r in found["IpPermissions"] for p in r["PrefixListIds"]]

    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert lists() == []
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert lists() == [cloud.seeded.network.prefix_list]


@pytest.mark.parametrize(
    ("group", "port"),
    [(names.KYEOL_DATABASE_GROUP, "postgres_kyeol"), (names.DOA_CACHE_GROUP, "redis_doa")],
)
def test_nodes_can_be_shut_out(cloud: Cloud, group: str, port: str) -> None:
    """Faults db-sg-closed and cache-sg-closed."""
    ec2, groups, number = (
        cloud.aws.client("ec2"),
        cloud.seeded.network.security_groups,
        getattr(cloud.ports, port),
    )
    rule = {
        "IpProtocol": "tcp",
        "FromPort": number,
        "ToPort": number,
        "UserIdGroupPairs": [{"GroupId": groups[names.NODE_GROUP]}],
    }

    def rules() -> int:
        (found,) = cloud.outsider("ec2").describe_security_groups(GroupIds=[groups[group]])["SecurityGroups"]
        return len(found["IpPermissions"])

    ec2.revoke_security_group_ingress(GroupId=groups[group], IpPermissions=[rule])
    assert rules() == 0
    ec2.authorize_security_group_ingress(GroupId=groups[group], IpPermissions=[rule])
    assert rules() == 1


def test_certificate_can_be_imported_anew_under_its_arn(cloud: Cloud) -> None:
    """Fault tls-expiring: another certificate, the same ARN."""
    acm, arn = cloud.aws.client("acm"), cloud.seeded.doa_certificate
    kept = acm.get_certificate(CertificateArn=arn)
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    made = authority.issue_cert(names.DOA_HOST, key_type=trustme.KeyType.ECDSA)
    acm.import_certificate(
        CertificateArn=arn,
        Certificate=made.cert_chain_pems[0].bytes(),
        PrivateKey=made.private_key_pem.bytes(),
        CertificateChain=authority.cert_pem.bytes(),
    )
    cloud.aws.set("certificate", arn, type="AMAZON_ISSUED", status="ISSUED")
    seen = cloud.outsider("acm").describe_certificate(CertificateArn=arn)["Certificate"]
    assert (seen["Type"], seen["Status"], seen["DomainName"]) == ("AMAZON_ISSUED", "ISSUED", names.DOA_HOST)
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] != kept["Certificate"]


def test_image_can_vanish_and_come_back(cloud: Cloud) -> None:
    """Fault image-missing; pushed anew it has its old digest."""
    ecr, repository = cloud.aws.client("ecr"), names.repository_of("cart-service")
    image = [{"imageTag": names.RELEASE}]
    ecr.batch_delete_image(repositoryName=repository, imageIds=image)
    look = cloud.outsider("ecr").describe_images
    assert code_of(look, repositoryName=repository, imageIds=image) == "ImageNotFoundException"
    assert len(look(repositoryName=repository)["imageDetails"]) == 1
    digest = push_image(ecr, repository, names.RELEASE)
    assert digest == cloud.seeded.image_digests[f"{repository}:{names.RELEASE}"]


def test_tag_can_move_to_another_image(cloud: Cloud) -> None:
    """Fault image-stale: the tag's digest is not the running pod's any more."""
    ecr, repository = cloud.aws.client("ecr"), names.repository_of("cart-service")
    old = cloud.seeded.image_digests[f"{repository}:{names.RELEASE}"]
    moved = push_image(ecr, repository, names.RELEASE, "another build")
    (seen,) = cloud.outsider("ecr").describe_images(
        repositoryName=repository, imageIds=[{"imageTag": names.RELEASE}]
    )["imageDetails"]
    assert seen["imageDigest"] == moved != old
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": moved}])
    assert push_image(ecr, repository, names.RELEASE) == old


def test_alias_can_be_deleted_and_written_again(cloud: Cloud) -> None:
    """Faults dns-record-missing and dns-record-stale."""
    route53, zone = cloud.aws.client("route53"), cloud.seeded.zones[names.STORE_HOST]

    def aliases() -> list[dict[str, Any]]:
        answer = cloud.outsider("route53").list_resource_record_sets(HostedZoneId=zone)
        return [r for r in answer["ResourceRecordSets"] if "AliasTarget" in r]

    def change(action: str, record: dict[str, Any]) -> None:
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    (record,) = aliases()
    change("DELETE", record)
    assert aliases() == []
    change("UPSERT", record)
    assert aliases() == [record]


def test_trust_and_repository_policies_can_change(cloud: Cloud) -> None:
    """Faults alb-controller-irsa and image-repo-denied."""
    iam, ecr = cloud.aws.client("iam"), cloud.aws.client("ecr")
    role, repository = names.ALB_CONTROLLER_ROLE, names.REPOSITORIES[0]
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    other = service_account_trust("kube-system", "somebody-else")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(other))
    assert cloud.outsider("iam").get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == other
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    denial = (
        '{"Version": "2008-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}]}'
    )
    ecr.set_repository_policy(repositoryName=repository, policyText=denial)
    shown = cloud.outsider("ecr").get_repository_policy(repositoryName=repository)["policyText"]
    assert "Deny" in shown
    ecr.delete_repository_policy(repositoryName=repository)


def test_lock_can_be_left_and_removed(cloud: Cloud) -> None:
    """Fault tf-lock-left."""
    dynamodb, table = cloud.aws.client("dynamodb"), "min-kyeol-terraform-locks"
    lock = {"LockID": {"S": f"min-kyeol-tfstate-{names.ACCOUNT}/sandbox/terraform.tfstate"}}
    dynamodb.put_item(TableName=table, Item=lock | {"Info": {"S": '{"ID": "x", "Who": "me@laptop"}'}})
    assert cloud.outsider("dynamodb").get_item(TableName=table, Key=lock)["Item"]["Info"]["S"]
    dynamodb.delete_item(TableName=table, Key=lock)
    assert "Item" not in cloud.outsider("dynamodb").get_item(TableName=table, Key=lock)
