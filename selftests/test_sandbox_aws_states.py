"""States that no AWS API can set, as AWS's answers then show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import names

if TYPE_CHECKING:
    from selftests.aws_server import Cloud

pytest_plugins = ["selftests.aws_fixtures"]


@pytest.fixture(scope="module")
def balancer(cloud: Cloud) -> dict[str, str]:
    """Make a load balancer, a target group and an HTTPS listener, as the controller does."""
    elbv2, network = cloud.aws.client("elbv2"), cloud.seeded.network
    made = elbv2.create_load_balancer(
        Name="k8s-saleor-saleor-0123456789",
        Subnets=[network.subnets[f"{names.PREFIX}-public-{letter}"] for letter in "abc"],
        SecurityGroups=[network.security_groups[names.ALB_GROUP]],
        Scheme="internet-facing",
        Type="application",
    )["LoadBalancers"][0]
    group = elbv2.create_target_group(
        Name="k8s-saleor-api",
        Protocol="HTTP",
        Port=8000,
        VpcId=network.vpc,
        TargetType="ip",
        HealthCheckPath="/health/",
    )["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(
        TargetGroupArn=group, Targets=[{"Id": "10.0.10.21", "Port": 8000}, {"Id": "10.0.11.21", "Port": 8000}]
    )
    listener = elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": cloud.seeded.kyeol_certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]
    return {
        "arn": made["LoadBalancerArn"],
        "group": group,
        "listener": listener,
        "dns_name": made["DNSName"],
    }


def test_nat_gateway_can_fail(cloud: Cloud) -> None:
    """Fault nat-failed."""
    gateway = cloud.seeded.network.nat_gateways[f"{names.PREFIX}-natgw-a"]
    ec2 = cloud.outsider("ec2")
    cloud.aws.set("nat-gateway", gateway, state="failed", failure_message="Elastic IP is gone")
    (seen,) = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    cloud.aws.set("nat-gateway", gateway, state="available", failure_message=None)
    (mended,) = ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    assert (seen["State"], seen["FailureMessage"], mended["State"]) == (
        "failed",
        "Elastic IP is gone",
        "available",
    )


def test_route_becomes_a_blackhole(cloud: Cloud) -> None:
    """Fault nat-route-blackhole: because the gateway was deleted, or set."""
    network = cloud.seeded.network
    table = network.route_tables[f"{names.PREFIX}-private-rt-b"]
    gateway = network.nat_gateways[f"{names.PREFIX}-natgw-b"]

    def state() -> str:
        (found,) = cloud.outsider("ec2").describe_route_tables(RouteTableIds=[table])["RouteTables"]
        routes = found["Routes"]
        return str(next(r["State"] for r in routes if r["DestinationCidrBlock"] == "0.0.0.0/0"))

    seen = [state()]
    cloud.aws.set("nat-gateway", gateway, state="deleted")
    seen.append(state())
    cloud.aws.set("nat-gateway", gateway, state="available")
    seen.append(state())
    cloud.aws.set("route", f"{table} 0.0.0.0/0", state="blackhole")
    seen.append(state())
    cloud.aws.set("route", f"{table} 0.0.0.0/0", state=None)
    seen.append(state())
    assert seen == ["active", "blackhole", "active", "blackhole", "active"]


def test_database_and_cache_can_move_to_another_network(cloud: Cloud) -> None:
    """Faults vpc-split and cache-vpc-split: another subnet group, in another VPC."""
    ec2, rds, caches = (cloud.aws.client(s) for s in ("ec2", "rds", "elasticache"))
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.9.0.0/24", AvailabilityZone=names.ZONES[0])
    second = ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24", AvailabilityZone=names.ZONES[1])
    subnets = [made["Subnet"]["SubnetId"] for made in (subnet, second)]
    rds.create_db_subnet_group(
        DBSubnetGroupName="elsewhere", DBSubnetGroupDescription="elsewhere", SubnetIds=subnets
    )
    caches.create_cache_subnet_group(
        CacheSubnetGroupName="elsewhere", CacheSubnetGroupDescription="elsewhere", SubnetIds=subnets
    )
    cloud.aws.set("db-instance", names.KYEOL_DATABASE, subnet_group="elsewhere")
    cloud.aws.set("db-cluster", names.DOA_DATABASE, subnet_group="elsewhere")
    cloud.aws.set("replication-group", names.DOA_CACHE, subnet_group="elsewhere")
    (instance,) = rds.describe_db_instances(DBInstanceIdentifier=names.KYEOL_DATABASE)["DBInstances"]
    (cluster,) = rds.describe_db_clusters(DBClusterIdentifier=names.DOA_DATABASE)["DBClusters"]
    (of_cluster,) = rds.describe_db_instances(DBInstanceIdentifier=names.DOA_DATABASE_INSTANCE)["DBInstances"]
    (member,) = caches.describe_cache_clusters(CacheClusterId=f"{names.DOA_CACHE}-001")["CacheClusters"]
    cloud.aws.set("db-instance", names.KYEOL_DATABASE, subnet_group=f"{names.PREFIX}-db-subnet-group")
    cloud.aws.set("db-cluster", names.DOA_DATABASE, subnet_group="doa-market-db-subnet-group")
    cloud.aws.set("replication-group", names.DOA_CACHE, subnet_group="doa-market-redis-subnet-group")
    assert instance["DBSubnetGroup"]["VpcId"] == of_cluster["DBSubnetGroup"]["VpcId"] == other
    assert (cluster["DBSubnetGroup"], member["CacheSubnetGroupName"]) == ("elsewhere", "elsewhere")


def test_certificate_can_wait_for_its_validation(cloud: Cloud) -> None:
    """Fault acm-pending: the CNAME still owed is told."""
    acm, arn = cloud.outsider("acm"), cloud.seeded.kyeol_certificate
    cloud.aws.set("certificate", arn, status="PENDING_VALIDATION")
    pending = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    cloud.aws.set("certificate", arn, status="ISSUED")
    issued = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (pending["Status"], issued["Status"], issued["Type"]) == (
        "PENDING_VALIDATION",
        "ISSUED",
        "AMAZON_ISSUED",
    )
    option = pending["DomainValidationOptions"][0]
    assert (option["ValidationStatus"], option["ResourceRecord"]["Type"]) == ("PENDING_VALIDATION", "CNAME")


def test_certificate_tells_who_uses_it(cloud: Cloud, balancer: dict[str, str]) -> None:
    """InUseBy follows listeners and distributions."""
    acm = cloud.outsider("acm")
    used = acm.describe_certificate(CertificateArn=cloud.seeded.kyeol_certificate)["Certificate"]["InUseBy"]
    free = acm.describe_certificate(CertificateArn=cloud.seeded.doa_certificate)["Certificate"]["InUseBy"]
    assert (used, free) == ([balancer["arn"]], [])
    listed = cloud.outsider("elbv2").describe_listener_certificates(ListenerArn=balancer["listener"])
    assert listed["Certificates"] == [{"CertificateArn": cloud.seeded.kyeol_certificate, "IsDefault": True}]


def test_targets_have_the_health_that_was_observed(cloud: Cloud, balancer: dict[str, str]) -> None:
    """The world looks at the pods and AWS tells what it saw, target by target."""
    elbv2 = cloud.outsider("elbv2")
    cloud.aws.set(
        "target-health",
        balancer["group"],
        targets={
            "10.0.10.21:8000": {
                "state": "unhealthy",
                "reason": "Target.ResponseCodeMismatch",
                "description": "Health checks failed with these codes: [500]",
            }
        },
    )
    seen = elbv2.describe_target_health(TargetGroupArn=balancer["group"])["TargetHealthDescriptions"]
    cloud.aws.set("target-health", balancer["group"], targets={})
    mended = elbv2.describe_target_health(TargetGroupArn=balancer["group"])["TargetHealthDescriptions"]
    assert {t["Target"]["Id"]: t["TargetHealth"].get("Reason") for t in seen} == {
        "10.0.10.21": "Target.ResponseCodeMismatch",
        "10.0.11.21": None,
    }
    assert {t["TargetHealth"]["State"] for t in mended} == {"healthy"}


def test_load_balancer_is_active_until_told_otherwise(cloud: Cloud, balancer: dict[str, str]) -> None:
    """State, scheme and the region's own zone for aliases."""
    elbv2 = cloud.outsider("elbv2")
    (seen,) = elbv2.describe_load_balancers(LoadBalancerArns=[balancer["arn"]])["LoadBalancers"]
    cloud.aws.set("load-balancer", balancer["arn"], state="failed")
    (failed,) = elbv2.describe_load_balancers(LoadBalancerArns=[balancer["arn"]])["LoadBalancers"]
    cloud.aws.set("load-balancer", balancer["arn"], state="active")
    assert (seen["State"]["Code"], failed["State"]["Code"]) == ("active", "failed")
    assert (seen["Scheme"], seen["CanonicalHostedZoneId"]) == ("internet-facing", "ZWKZPGTI48KDX")
    assert seen["DNSName"].endswith(f".{names.REGION}.elb.amazonaws.com")


def test_image_keeps_its_push_time_and_digest(cloud: Cloud) -> None:
    """Faults of stale images need a tag that moved, and when."""
    repository = names.repository_of("saleor-api")
    name = f"{repository}:{names.RELEASE}"
    digest = cloud.seeded.image_digests[name]
    cloud.aws.set("image", name, pushed_at="2026-01-02T03:04:05+00:00", digest=f"sha256:{'0' * 64}")
    (seen,) = cloud.outsider("ecr").describe_images(
        repositoryName=repository, imageIds=[{"imageTag": names.RELEASE}]
    )["imageDetails"]
    cloud.aws.set("image", name, digest=digest)
    assert (seen["imageDigest"], seen["imagePushedAt"].year) == (f"sha256:{'0' * 64}", 2026)
    assert seen["imagePushedAt"].month == 1
