"""Makes who may do what, the cluster, and the images: IAM, EKS, ECR."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.aws.seeded import AccessKey, Network, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from sandbox.aws.client import Aws

OIDC_ISSUER = f"https://oidc.eks.{names.REGION}.amazonaws.com/id/5F3C1A9E7B2D4680AC13570E9BDF2468"
OIDC_PROVIDER = f"arn:aws:iam::{names.ACCOUNT}:oidc-provider/{OIDC_ISSUER.removeprefix('https://')}"
CLUSTER_ROLE = f"{names.PREFIX}-eks-cluster-role"
NODE_POLICY = "AmazonEC2ContainerRegistryReadOnly"
READER = "postflight"
PREVIOUS_RELEASE = "5e1c0aa"
KUBERNETES_VERSION = "1.32"


def service_account_trust(namespace: str, account: str) -> dict[str, Any]:
    """Give the trust policy that lets one service account assume a role (IRSA)."""
    issuer = OIDC_ISSUER.removeprefix("https://")
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": OIDC_PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{issuer}:sub": f"system:serviceaccount:{namespace}:{account}",
                        f"{issuer}:aud": "sts.amazonaws.com",
                    }
                },
            }
        ],
    }


def _service_trust(service: str) -> dict[str, Any]:
    return _document("sts:AssumeRole", Principal={"Service": f"{service}.amazonaws.com"})


def _api_trust() -> dict[str, Any]:
    trust = service_account_trust(names.KYEOL_NAMESPACE, "saleor-api")
    reader = {"AWS": f"arn:aws:iam::{names.ACCOUNT}:user/{READER}"}
    trust["Statement"].append({"Effect": "Allow", "Principal": reader, "Action": "sts:AssumeRole"})
    return trust


def _document(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), **more}]}


_LOAD_BALANCING = (
    "elasticloadbalancing:*",
    "ec2:Describe*",
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroupIngress",
    "acm:ListCertificates",
    "acm:DescribeCertificate",
)
_RECORDS = (
    "route53:ChangeResourceRecordSets",
    "route53:ListHostedZones",
    "route53:ListResourceRecordSets",
    "route53:ListTagsForResource",
)
_MEDIA = ("s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket")
_IMAGES = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:GetDownloadUrlForLayer",
    "ecr:BatchGetImage",
)


def role_policies() -> Mapping[str, tuple[str, dict[str, Any]]]:
    """Give each role's policy: its name and document."""
    bucket = f"arn:aws:s3:::{names.MEDIA_BUCKET}"
    media = _document(*_MEDIA, Resource=[bucket, f"{bucket}/*"])
    return {
        names.ALB_CONTROLLER_ROLE: (names.ALB_CONTROLLER_POLICY, _document(*_LOAD_BALANCING, Resource="*")),
        names.EXTERNAL_DNS_ROLE: (names.EXTERNAL_DNS_POLICY, _document(*_RECORDS, Resource="*")),
        names.API_ROLE: (names.API_POLICY, media),
        names.NODE_ROLE: (NODE_POLICY, _pulling()),
    }


def _pulling() -> dict[str, Any]:
    """Give least privilege: the login is for no repository, the rest for those of this account."""
    repositories = f"arn:aws:ecr:{names.REGION}:{names.ACCOUNT}:repository/*"
    login = _document("ecr:GetAuthorizationToken", Resource="*")
    pull = _document(*_IMAGES, Resource=repositories)
    return {**pull, "Statement": [*login["Statement"], *pull["Statement"]]}


def seed_roles(aws: Aws, pool: Executor) -> dict[str, str]:
    """Make the roles with their trust and policies, and the OIDC provider they trust.

    The load balancer controller's policy is a managed one, as AWS's instructions have it; others are inline.
    """
    iam = aws.client("iam")
    trusts = {
        names.ALB_CONTROLLER_ROLE: service_account_trust("kube-system", names.ALB_CONTROLLER),
        names.EXTERNAL_DNS_ROLE: service_account_trust("kube-system", names.EXTERNAL_DNS),
        names.API_ROLE: _api_trust(),
        names.NODE_ROLE: _service_trust("ec2"),
        CLUSTER_ROLE: _service_trust("eks"),
    }
    policies = role_policies()

    def make(role: str) -> tuple[str, str]:
        answer = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trusts[role]))
        if role in policies:
            name, document = policies[role]
            if role == names.ALB_CONTROLLER_ROLE:
                made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]
                iam.attach_role_policy(RoleName=role, PolicyArn=made["Arn"])
            else:
                iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        return role, answer["Role"]["Arn"]

    iam.create_open_id_connect_provider(
        Url=OIDC_ISSUER,
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
    )
    return dict(pool.map(make, trusts))


def seed_reader(aws: Aws) -> AccessKey:
    """Make the user that the suite runs as."""
    iam = aws.client("iam")
    iam.create_user(UserName=READER)
    key = iam.create_access_key(UserName=READER)["AccessKey"]
    return AccessKey(key["AccessKeyId"], key["SecretAccessKey"])


def seed_cluster(aws: Aws, network: Network, roles: Mapping[str, str], ports: Ports) -> None:
    """Make the EKS cluster, whose endpoint is the sandbox's Kubernetes API, and its node group."""
    eks = aws.client("eks")
    private = [identifier for name, identifier in network.subnets.items() if "-private-" in name]
    eks.create_cluster(
        name=names.CLUSTER,
        version=KUBERNETES_VERSION,
        roleArn=roles[CLUSTER_ROLE],
        resourcesVpcConfig={
            "subnetIds": private,
            "securityGroupIds": [network.security_groups[names.NODE_GROUP]],
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
        },
    )
    aws.set(
        "eks-cluster",
        names.CLUSTER,
        endpoint=f"https://127.0.0.1:{ports.kube_api}",
        certificate_authority=ports.kube_ca,
        issuer=OIDC_ISSUER,
        vpc_id=network.vpc,
        security_group=network.security_groups[names.NODE_GROUP],
    )
    eks.create_nodegroup(
        clusterName=names.CLUSTER,
        nodegroupName=f"{names.PREFIX}-nodes",
        scalingConfig={"minSize": 3, "maxSize": 6, "desiredSize": 3},
        subnets=private,
        nodeRole=roles[names.NODE_ROLE],
        instanceTypes=["t3.large"],
        amiType="AL2023_x86_64_STANDARD",
        version=KUBERNETES_VERSION,
        releaseVersion=f"{KUBERNETES_VERSION}.9-20251108",
    )


def seed_images(aws: Aws, pool: Executor) -> dict[str, str]:
    """Make the repositories with this release and the one before it; give digests by `repository:tag`."""
    ecr = aws.client("ecr")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    def make(repository: str) -> dict[str, str]:
        ecr.create_repository(repositoryName=repository, imageScanningConfiguration={"scanOnPush": True})
        digests = {
            f"{repository}:{tag}": push_image(ecr, repository, tag)
            for tag in (PREVIOUS_RELEASE, names.RELEASE)
        }
        aws.set("image", f"{repository}:{PREVIOUS_RELEASE}", pushed_at=yesterday)
        return digests

    return {name: digest for made in pool.map(make, names.REPOSITORIES) for name, digest in made.items()}


def push_image(ecr: Any, repository: str, tag: str, content: str = "") -> str:
    """Push an image and give its digest. `content` tells apart two images of one tag."""
    layer = hashlib.sha256(f"{repository}:{tag}:{content}".encode()).hexdigest()
    media = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 7023,
            "digest": f"sha256:{hashlib.sha256(layer.encode()).hexdigest()}",
        },
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": 32654,
                "digest": f"sha256:{layer}",
            }
        ],
    }
    answer = ecr.put_image(
        repositoryName=repository,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=media,
        imageTag=tag,
    )
    return str(answer["image"]["imageId"]["imageDigest"])
