"""Faults of the VPC: NAT gateways, routes, subnets, and which VPC things are in."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.controllers.alb_model import CLUSTER_TAG
from sandbox.faults import fault
from sandbox.manifests.objects import ALB

if TYPE_CHECKING:
    from collections.abc import Generator

    from sandbox.faults.site import Site

ANYWHERE = "0.0.0.0/0"


def _gateway(site: Site, zone: str) -> str:
    return site.seeded.network.nat_gateways[f"{names.PREFIX}-natgw-{zone}"]


def _table(site: Site, zone: str) -> str:
    return site.seeded.network.route_tables[f"{names.PREFIX}-private-rt-{zone}"]


def _start_anew(site: Site, zone: str) -> None:
    """Let a pod of a zone start on a node that has not its image, as when it comes there from another."""
    (node,) = (item for item in names.NODES if item.zone.endswith(zone))
    pods = site.kube.list("Pod", names.DOA_NAMESPACE)
    there = [pod for pod in pods if pod["spec"].get("nodeName") == node.name]
    workload = min({pod["metadata"]["labels"]["app"] for pod in there} & set(names.SERVICES))
    site.images.forget(names.repository_of(workload))
    # Until the controllers have looked at AWS again, the node would still pull.
    while site.surface.gets_out(node.address):
        time.sleep(0.05)
    site.replace_pods(names.DOA_NAMESPACE, workload)


@fault("nat-failed")
def nat_failed(site: Site, zone: str = "a", pod: str = "stays") -> Generator[None]:
    """The NAT gateway of one zone has failed."""
    words = {
        "failure_code": "InternalError",
        "failure_message": "Network interface eni-0c1d6a6b deleted unexpectedly",
    }
    site.aws.set("nat-gateway", _gateway(site, zone), state="failed", **words)
    if pod == "starts":
        _start_anew(site, zone)
    yield
    site.aws.set(
        "nat-gateway", _gateway(site, zone), state="available", failure_code=None, failure_message=None
    )


@fault("nat-route-missing")
def nat_route_missing(site: Site, zone: str = "a", pod: str = "stays") -> Generator[None]:
    """One private route table has no default route."""
    ec2 = site.aws.client("ec2")
    ec2.delete_route(RouteTableId=_table(site, zone), DestinationCidrBlock=ANYWHERE)
    if pod == "starts":
        _start_anew(site, zone)
    yield
    ec2.create_route(
        RouteTableId=_table(site, zone), DestinationCidrBlock=ANYWHERE, NatGatewayId=_gateway(site, zone)
    )


@fault("nat-route-blackhole")
def nat_route_blackhole(site: Site, zone: str = "a", pod: str = "stays") -> Generator[None]:
    """One private default route points at a NAT gateway that was deleted."""
    ec2 = site.aws.client("ec2")
    route = {"RouteTableId": _table(site, zone), "DestinationCidrBlock": ANYWHERE}
    subnet = site.seeded.network.subnets[f"{names.PREFIX}-public-{zone}"]
    made = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]
    ec2.replace_route(**route, NatGatewayId=made["NatGatewayId"])
    ec2.delete_nat_gateway(NatGatewayId=made["NatGatewayId"])
    if pod == "starts":
        _start_anew(site, zone)
    yield
    ec2.replace_route(**route, NatGatewayId=_gateway(site, zone))


@fault("nat-single-az")
def nat_single_az(site: Site, zone: str = "c", through: str = "a") -> Generator[None]:
    """One zone has no NAT gateway of its own and goes through another zone's."""
    ec2 = site.aws.client("ec2")
    route = {"RouteTableId": _table(site, zone), "DestinationCidrBlock": ANYWHERE}
    ec2.replace_route(**route, NatGatewayId=_gateway(site, through))
    site.aws.set("nat-gateway", _gateway(site, zone), state="deleted")
    yield
    site.aws.set("nat-gateway", _gateway(site, zone), state="available")
    ec2.replace_route(**route, NatGatewayId=_gateway(site, zone))


def _untag(site: Site, tier: str, tag: str, instead: str = "") -> Generator[None]:
    ec2 = site.aws.client("ec2")
    subnets = [identifier for name, identifier in site.seeded.network.subnets.items() if f"-{tier}-" in name]
    found = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["Tags"]
    held = next(item for item in found if item["Key"] == tag)
    ec2.delete_tags(Resources=subnets, Tags=[{"Key": tag}])
    other = [{"Key": instead, "Value": held["Value"]}] if instead else []
    if other:
        ec2.create_tags(Resources=subnets, Tags=other)
    yield
    if other:
        ec2.delete_tags(Resources=subnets, Tags=other)
    ec2.create_tags(Resources=subnets, Tags=[held])


@fault("subnet-tags-public")
def subnet_tags_public(site: Site, tag: str = "kubernetes.io/role/elb", cluster: str = "") -> Generator[None]:
    """The public subnets lack the tag by which load balancers find them, or (cluster=NAME) are another's."""
    if cluster:
        yield from _untag(site, "public", f"{CLUSTER_TAG}{names.CLUSTER}", f"{CLUSTER_TAG}{cluster}")
    else:
        yield from _untag(site, "public", tag)


@fault("subnet-tags-private")
def subnet_tags_private(site: Site, tag: str = "kubernetes.io/role/internal-elb") -> Generator[None]:
    """The private subnets lack the tag by which internal load balancers find them."""
    yield from _untag(site, "private", tag)


def _foreign_subnets(site: Site) -> tuple[str, list[str]]:
    ec2 = site.aws.client("ec2")
    vpc: str = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "default-vpc"}])
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for number, zone in enumerate(names.ZONES)
    ]
    return vpc, subnets


def _remove_foreign(site: Site, vpc: str, subnets: list[str]) -> None:
    ec2 = site.aws.client("ec2")
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


@fault("vpc-split")
def vpc_split(site: Site, database: str = names.DOA_DATABASE) -> Generator[None]:
    """The database was made in another VPC than the cluster."""
    rds: Any = site.aws.client("rds")
    vpc, subnets = _foreign_subnets(site)
    group = f"{database}-foreign"
    rds.create_db_subnet_group(
        DBSubnetGroupName=group, DBSubnetGroupDescription="another VPC", SubnetIds=subnets
    )
    kind, member = _kind_of(database)
    before = _subnet_group(site, database)
    for thing, name in ((kind, database), *member):
        site.aws.set(thing, name, subnet_group=group)
    yield
    for thing, name in ((kind, database), *member):
        site.aws.set(thing, name, subnet_group=before)
    rds.delete_db_subnet_group(DBSubnetGroupName=group)
    _remove_foreign(site, vpc, subnets)


def _kind_of(database: str) -> tuple[str, list[tuple[str, str]]]:
    if database == names.DOA_DATABASE:
        return "db-cluster", [("db-instance", names.DOA_DATABASE_INSTANCE)]
    return "db-instance", []


def _subnet_group(site: Site, database: str) -> str:
    rds: Any = site.aws.client("rds")
    if database == names.DOA_DATABASE:
        found: str = rds.describe_db_clusters(DBClusterIdentifier=database)["DBClusters"][0]["DBSubnetGroup"]
        return found
    instance = rds.describe_db_instances(DBInstanceIdentifier=database)["DBInstances"][0]
    name: str = instance["DBSubnetGroup"]["DBSubnetGroupName"]
    return name


@fault("cache-vpc-split")
def cache_vpc_split(site: Site, cache: str = names.DOA_CACHE) -> Generator[None]:
    """The cache was made in another VPC than the cluster."""
    caches: Any = site.aws.client("elasticache")
    group = f"{cache}-foreign"
    held = caches.describe_cache_subnet_groups()["CacheSubnetGroups"]
    if group not in {item["CacheSubnetGroupName"] for item in held}:
        # It stays when mended, and nothing is in it: moto cannot delete such groups.
        _, subnets = _foreign_subnets(site)
        caches.create_cache_subnet_group(
            CacheSubnetGroupName=group, CacheSubnetGroupDescription="another VPC", SubnetIds=subnets
        )
    site.aws.set("replication-group", cache, subnet_group=group)
    yield
    site.aws.set("replication-group", cache, subnet_group=f"{cache}-subnet-group")


def _revoke(site: Site, target: str, source: str) -> Generator[None]:
    """Take away every rule by which `target` lets `source` in."""
    ec2: Any = site.aws.client("ec2")
    groups = site.seeded.network.security_groups
    found = ec2.describe_security_groups(GroupIds=[groups[target]])["SecurityGroups"][0]["IpPermissions"]
    rules = [
        {
            **{key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule},
            "UserIdGroupPairs": [{"GroupId": groups[source]}],
        }
        for rule in found
        if any(pair["GroupId"] == groups[source] for pair in rule.get("UserIdGroupPairs", ()))
    ]
    ec2.revoke_security_group_ingress(GroupId=groups[target], IpPermissions=rules)
    yield
    ec2.authorize_security_group_ingress(GroupId=groups[target], IpPermissions=rules)


@fault("db-sg-closed")
def db_sg_closed(site: Site, group: str = names.KYEOL_DATABASE_GROUP) -> Generator[None]:
    """The database's security group lets the nodes in no more."""
    yield from _revoke(site, group, names.NODE_GROUP)


@fault("cache-sg-closed")
def cache_sg_closed(site: Site, group: str = names.DOA_CACHE_GROUP) -> Generator[None]:
    """The cache's security group lets the nodes in no more."""
    yield from _revoke(site, group, names.NODE_GROUP)


@fault("target-sg-closed")
def target_sg_closed(site: Site) -> Generator[None]:
    """The nodes' security group lets the load balancers in on the target ports no more."""
    yield from _revoke(site, names.NODE_GROUP, names.ALB_GROUP)


@fault("security-group-swapped")
def security_group_swapped(site: Site, of: str = "database") -> Generator[None]:
    """KYEOL's database (of=database, of=cache, of=load-balancer) has another security group than its own."""
    if of == "load-balancer":
        yield from _balancer_in_another_group(site)
        return
    groups = site.seeded.network.security_groups
    own = groups[names.KYEOL_DATABASE_GROUP if of == "database" else names.KYEOL_CACHE_GROUP]
    attach = {"database": _attach_to_database, "cache": _attach_to_cache}[of]
    attach(site, groups[names.ALB_GROUP])
    yield
    attach(site, own)


def _balancer_in_another_group(site: Site) -> Generator[None]:
    """Let the Ingress name a group as open to the outside as its own, of which the nodes do not know."""
    ec2: Any = site.aws.client("ec2")
    own = ec2.describe_security_groups(GroupIds=[site.seeded.network.security_groups[names.ALB_GROUP]])
    name = f"{names.PREFIX}-other-sg"
    made = ec2.create_security_group(GroupName=name, Description="other", VpcId=site.seeded.network.vpc)
    for rule in own["SecurityGroups"][0]["IpPermissions"]:
        filled = {key: value for key, value in rule.items() if value not in ([], None)}
        ec2.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=[filled])
    annotation = {f"{ALB}/security-groups": name}
    undo = site.commit(
        "Ingress",
        names.KYEOL_NAMESPACE,
        "saleor",
        lambda item: item["metadata"]["annotations"].update(annotation),
    )
    yield
    undo()
    ec2.delete_security_group(GroupId=made["GroupId"])


def _attach_to_database(site: Site, group: str) -> None:
    rds: Any = site.aws.client("rds")
    rds.modify_db_instance(DBInstanceIdentifier=names.KYEOL_DATABASE, VpcSecurityGroupIds=[group])


def _attach_to_cache(site: Site, group: str) -> None:
    site.aws.set("replication-group", names.KYEOL_CACHE, security_groups=[group])


@fault("nat-misplaced")
def nat_misplaced(site: Site, zone: str = "a", stands_in: str = "b") -> Generator[None]:
    """The NAT gateway of one zone stands in another."""
    subnets = site.seeded.network.subnets
    site.aws.set("nat-gateway", _gateway(site, zone), subnet=subnets[f"{names.PREFIX}-public-{stands_in}"])
    yield
    site.aws.set("nat-gateway", _gateway(site, zone), subnet=subnets[f"{names.PREFIX}-public-{zone}"])


@fault("cluster-elsewhere")
def cluster_elsewhere(site: Site) -> Generator[None]:
    """The cluster was made in another VPC than everything else."""
    vpc, subnets = _foreign_subnets(site)
    site.aws.set("eks-cluster", names.CLUSTER, vpc_id=vpc)
    yield
    site.aws.set("eks-cluster", names.CLUSTER, vpc_id=site.seeded.network.vpc)
    _remove_foreign(site, vpc, subnets)
