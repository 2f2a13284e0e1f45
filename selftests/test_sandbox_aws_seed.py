"""The pretend world as the sandbox's AWS shows it to boto3."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from sandbox import names

if TYPE_CHECKING:
    from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]


def named(things: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give things by their Name tag."""
    return {tag["Value"]: thing for thing in things for tag in thing["Tags"] if tag["Key"] == "Name"}


def test_every_private_subnet_has_its_own_way_out(cloud: Cloud) -> None:
    """The network is the guides': a NAT gateway an AZ, one route table each."""
    network = cloud.seeded.network
    tables = named(cloud.outsider("ec2").describe_route_tables()["RouteTables"])
    for letter in "abc":
        table = tables[f"{names.PREFIX}-private-rt-{letter}"]
        subnets = {a.get("SubnetId") for a in table["Associations"]}
        assert subnets == {network.subnets[f"{names.PREFIX}-private-{letter}"]}
        default = next(r for r in table["Routes"] if r["DestinationCidrBlock"] == "0.0.0.0/0")
        assert default["NatGatewayId"] == network.nat_gateways[f"{names.PREFIX}-natgw-{letter}"]
        assert default["State"] == "active"


def test_security_groups_let_the_nodes_in_on_the_real_ports(cloud: Cloud) -> None:
    """Rules carry the ports that the servers really listen on."""
    groups = cloud.seeded.network.security_groups
    nodes = groups[names.NODE_GROUP]
    found = {g["GroupId"]: g for g in cloud.outsider("ec2").describe_security_groups()["SecurityGroups"]}
    for name, port in (
        (names.KYEOL_DATABASE_GROUP, cloud.ports.postgres_kyeol),
        (names.DOA_DATABASE_GROUP, cloud.ports.postgres_doa),
        (names.KYEOL_CACHE_GROUP, cloud.ports.valkey_kyeol),
        (names.DOA_CACHE_GROUP, cloud.ports.redis_doa),
    ):
        (rule,) = found[groups[name]]["IpPermissions"]
        assert (rule["FromPort"], rule["ToPort"]) == (port, port)
        assert [pair["GroupId"] for pair in rule["UserIdGroupPairs"]] == [nodes]
    balancers = found[groups[names.ALB_GROUP]]["IpPermissions"]
    lists = [entry["PrefixListId"] for rule in balancers for entry in rule["PrefixListIds"]]
    assert lists == [cloud.seeded.network.prefix_list]


def test_databases_answer_with_the_real_endpoints(cloud: Cloud) -> None:
    """What AWS says is where the database is."""
    rds = cloud.outsider("rds")
    (instance,) = rds.describe_db_instances(DBInstanceIdentifier=names.KYEOL_DATABASE)["DBInstances"]
    kyeol = cloud.seeded.kyeol_database
    assert instance["Endpoint"] | {"HostedZoneId": ""} == {
        "Address": kyeol.host,
        "Port": kyeol.port,
        "HostedZoneId": "",
    }
    assert instance["DBSubnetGroup"]["VpcId"] == cloud.seeded.network.vpc
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=names.DOA_DATABASE)["DBClusters"]
    assert (cluster["Endpoint"], cluster["Port"]) == (
        cloud.seeded.doa_database.host,
        cloud.seeded.doa_database.port,
    )
    assert (cluster["Engine"], cluster["EngineVersion"]) == ("aurora-postgresql", "17.4")
    assert [m["DBInstanceIdentifier"] for m in cluster["DBClusterMembers"]] == [names.DOA_DATABASE_INSTANCE]


def test_parameter_groups_say_who_must_use_tls(cloud: Cloud) -> None:
    """rds.force_ssl is 1 for KYEOL and 0 for DOA Market."""
    rds = cloud.outsider("rds")
    kyeol = rds.describe_db_parameters(DBParameterGroupName=f"{names.PREFIX}-postgres17")["Parameters"]
    doa = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="doa-market-postgres17")[
        "Parameters"
    ]
    values = [
        next(p["ParameterValue"] for p in group if p["ParameterName"] == "rds.force_ssl")
        for group in (kyeol, doa)
    ]
    assert values == ["1", "0"]


def test_caches_have_tls_auth_and_real_endpoints(cloud: Cloud) -> None:
    """Both replication groups, and the node that carries group and subnet group."""
    caches = cloud.outsider("elasticache")
    for name, endpoint in (
        (names.KYEOL_CACHE, cloud.seeded.kyeol_cache),
        (names.DOA_CACHE, cloud.seeded.doa_cache),
    ):
        (group,) = caches.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        assert group["NodeGroups"][0]["PrimaryEndpoint"] == {"Address": endpoint.host, "Port": endpoint.port}
        assert (group["TransitEncryptionEnabled"], group["AuthTokenEnabled"]) == (True, True)
        (member,) = caches.describe_cache_clusters(CacheClusterId=group["MemberClusters"][0])["CacheClusters"]
        assert member["ReplicationGroupId"] == name
        assert [g["SecurityGroupId"] for g in member["SecurityGroups"]] == [
            cloud.seeded.network.security_groups[f"{name}-sg"]
        ]
        (subnets,) = caches.describe_cache_subnet_groups(CacheSubnetGroupName=member["CacheSubnetGroupName"])[
            "CacheSubnetGroups"
        ]
        assert subnets["VpcId"] == cloud.seeded.network.vpc
        assert subnets["Subnets"][0]["SubnetAvailabilityZone"]["Name"] in names.ZONES


def test_cluster_is_the_sandbox_s_kubernetes_api(cloud: Cloud) -> None:
    """Endpoint and CA are what a kube context is compared with."""
    cluster = cloud.outsider("eks").describe_cluster(name=names.CLUSTER)["cluster"]
    assert cluster["endpoint"] == f"https://127.0.0.1:{cloud.ports.kube_api}"
    assert base64.b64decode(cluster["certificateAuthority"]["data"]).decode() == cloud.ports.kube_ca
    assert cluster["resourcesVpcConfig"]["vpcId"] == cloud.seeded.network.vpc


def test_roles_trust_their_service_accounts(cloud: Cloud) -> None:
    """IRSA: each role names the one service account that may assume it."""
    iam = cloud.outsider("iam")
    accounts = {
        names.ALB_CONTROLLER_ROLE: "system:serviceaccount:kube-system:aws-load-balancer-controller",
        names.EXTERNAL_DNS_ROLE: "system:serviceaccount:kube-system:external-dns",
        names.API_ROLE: "system:serviceaccount:saleor:saleor-api",
    }
    for role, account in accounts.items():
        trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        conditions = trust["Statement"][0]["Condition"]["StringEquals"]
        assert account in conditions.values()


def test_terraform_state_holds_the_cluster_and_no_lock_is_left(cloud: Cloud) -> None:
    """The state that a drift is judged by; its digest is no lock."""
    bucket = f"min-kyeol-tfstate-{names.ACCOUNT}"
    body = cloud.outsider("s3").get_object(Bucket=bucket, Key="sandbox/terraform.tfstate")["Body"].read()
    state = json.loads(body)
    assert state["version"] == 4
    assert ("module.eks", "aws_eks_cluster", "main") in {
        (r["module"], r["type"], r["name"]) for r in state["resources"]
    }
    items = cloud.outsider("dynamodb").scan(TableName="min-kyeol-terraform-locks")["Items"]
    assert [item["LockID"]["S"] for item in items] == [f"{bucket}/sandbox/terraform.tfstate-md5"]


def test_store_s_name_points_at_the_distribution(cloud: Cloud) -> None:
    """CloudFront is in front of the storefront, and its origin is the ingress's host."""
    distribution = cloud.outsider("cloudfront").get_distribution(Id=cloud.seeded.distribution_id)[
        "Distribution"
    ]
    config = distribution["DistributionConfig"]
    assert distribution["Status"] == "Deployed"
    assert config["Origins"]["Items"][0]["DomainName"] == names.ORIGIN_HOST
    assert config["ViewerCertificate"]["ACMCertificateArn"] == cloud.seeded.distribution_certificate
    records = cloud.outsider("route53").list_resource_record_sets(
        HostedZoneId=cloud.seeded.zones[names.STORE_HOST]
    )["ResourceRecordSets"]
    alias = next(r for r in records if r["Type"] == "A")
    assert alias["AliasTarget"]["DNSName"].rstrip(".") == cloud.seeded.distribution_domain
    authority = next(r for r in records if r["Type"] == "SOA")
    assert len(authority["ResourceRecords"][0]["Value"].split()) == 7


def test_images_have_the_digests_that_were_pushed(cloud: Cloud) -> None:
    """A pod's digest is compared with its tag's."""
    for repository in names.REPOSITORIES:
        details = cloud.outsider("ecr").describe_images(
            repositoryName=repository, imageIds=[{"imageTag": names.RELEASE}]
        )["imageDetails"]
        assert [d["imageDigest"] for d in details] == [
            cloud.seeded.image_digests[f"{repository}:{names.RELEASE}"]
        ]
