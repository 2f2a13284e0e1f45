"""Load balancers, their listeners, and the target groups behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.reads import reads

# The tags by which the AWS Load Balancer Controller knows its own. Source: its `tracking` package.
CLUSTER_TAG: Final = "elbv2.k8s.aws/cluster"
STACK_TAG: Final = "ingress.k8s.aws/stack"
RESOURCE_TAG: Final = "ingress.k8s.aws/resource"

_TAGGED_AT_ONCE: Final = 20


class LoadBalancer(Evidence):
    """An application load balancer. `scheme` is internet-facing or internal."""

    found: bool = True
    arn: str = ""
    name: str
    host: str = ""
    zone_id: str = ""
    scheme: str = ""
    state: str = ""
    reason: str = ""
    vpc: str = ""
    security_groups: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it serves; `active_impaired` and `provisioning` do not count."""
        return self.found and self.state == "active"

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: a load balancer that could not be set up is made anew."""
        return self.state == "failed"


class LoadBalancers(Evidence):
    """Every load balancer of the region."""

    items: tuple[LoadBalancer, ...]


class Listener(Evidence):
    """A listener: where it listens, and its certificates, of which AWS lists the default one here."""

    arn: str = ""
    port: int
    protocol: str
    certificates: tuple[str, ...] = ()

    @property
    def is_encrypted(self) -> bool:
        """Whether it has certificates at all."""
        return self.protocol in ("HTTPS", "TLS")


class Listeners(Evidence):
    """The listeners of one load balancer."""

    found: bool = True
    load_balancer: str
    items: tuple[Listener, ...] = ()

    @property
    def certificates(self) -> tuple[str, ...]:
        """ARNs of the certificates that any listener serves."""
        return tuple(dict.fromkeys(arn for listener in self.items for arn in listener.certificates))


class ListenerCertificates(Evidence):
    """ARNs of all certificates of one listener; which one is served, SNI decides."""

    arns: tuple[str, ...] = ()


class TargetGroup(Evidence):
    """A target group: the port its targets are asked on, and the path that tells their health."""

    arn: str
    name: str
    port: int = 0
    target_type: str = ""
    health_path: str = ""
    load_balancers: tuple[str, ...] = ()


class TargetGroups(Evidence):
    """Every target group of the region."""

    items: tuple[TargetGroup, ...]


class Target(Evidence):
    """One target and its health in ELB's words: state, reason code, description."""

    id: str
    port: int
    state: str
    reason: str = ""
    description: str = ""

    @property
    def is_leaving(self) -> bool:
        """Whether it is being taken out, which is no fault."""
        return self.state == "draining"

    @property
    def words(self) -> str:
        """Say which target and how it is, with the reason code."""
        why = " ".join(
            part for part in (self.reason, f"({self.description})" if self.description else "") if part
        )
        return f"{self.id}:{self.port} is {self.state}{': ' if why else ''}{why}"


class Targets(Evidence):
    """The targets of one target group."""

    found: bool = True
    group: TargetGroup
    items: tuple[Target, ...] = ()

    @property
    def serving(self) -> tuple[Target, ...]:
        """The targets that should be healthy: those that are not being taken out."""
        return tuple(target for target in self.items if not target.is_leaving)


class Tags(Evidence):
    """Tags of load balancers and target groups, by ARN."""

    by_arn: Mapping[str, Mapping[str, str]]

    def with_tags(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Return the ARNs that carry all these tags."""
        return tuple(arn for arn, tags in self.by_arn.items() if wanted.items() <= tags.items())


@reads("elasticloadbalancing:DescribeLoadBalancers")
def load_balancers(connections: Connections) -> LoadBalancers:
    """List the load balancers."""
    found = (
        connections.aws.listing("elbv2", "DescribeLoadBalancers", "LoadBalancers", owner="LoadBalancerArn")
        or []
    )
    return LoadBalancers(
        items=tuple(
            LoadBalancer(
                arn=item["LoadBalancerArn"],
                name=item["LoadBalancerName"],
                host=item.get("DNSName", ""),
                zone_id=item.get("CanonicalHostedZoneId", ""),
                scheme=item.get("Scheme", ""),
                state=item.get("State", {}).get("Code", ""),
                reason=item.get("State", {}).get("Reason", ""),
                vpc=item.get("VpcId", ""),
                security_groups=tuple(item.get("SecurityGroups", ())),
            )
            for item in found
        )
    )


@reads("elasticloadbalancing:DescribeTags")
def tags(connections: Connections, arns: tuple[str, ...]) -> Tags:
    """Look at the tags of load balancers and target groups, twenty at a time."""
    by_arn: dict[str, Mapping[str, str]] = {}
    for first in range(0, len(arns), _TAGGED_AT_ONCE):
        some = list(arns[first : first + _TAGGED_AT_ONCE])
        for item in (
            connections.aws.listing(
                "elbv2", "DescribeTags", "TagDescriptions", owner="ResourceArn", ResourceArns=some
            )
            or []
        ):
            by_arn[item["ResourceArn"]] = {tag["Key"]: tag.get("Value", "") for tag in item.get("Tags", ())}
    return Tags(by_arn=by_arn)


@reads("elasticloadbalancing:DescribeListeners")
def listeners(connections: Connections, load_balancer: str) -> Listeners:
    """List the listeners of a load balancer, by its ARN."""
    found = connections.aws.listing(
        "elbv2",
        "DescribeListeners",
        "Listeners",
        owner="ListenerArn",
        LoadBalancerArn=load_balancer,
        absent=("LoadBalancerNotFound",),
    )
    return Listeners(
        found=found is not None,
        load_balancer=load_balancer,
        items=tuple(_listener(item) for item in found or ()),
    )


def _listener(item: Mapping[str, Any]) -> Listener:
    return Listener(
        arn=item["ListenerArn"],
        port=item.get("Port", 0),
        protocol=item.get("Protocol", ""),
        certificates=tuple(one["CertificateArn"] for one in item.get("Certificates", ())),
    )


@reads("elasticloadbalancing:DescribeListenerCertificates")
def listener_certificates(connections: Connections, listener: str) -> ListenerCertificates:
    """List all certificates of a listener, by its ARN; the default one is among them."""
    found = connections.aws.listing(
        "elbv2",
        "DescribeListenerCertificates",
        "Certificates",
        ListenerArn=listener,
        absent=("ListenerNotFound",),
    )
    return ListenerCertificates(arns=tuple(dict.fromkeys(item["CertificateArn"] for item in found or ())))


@reads("elasticloadbalancing:DescribeTargetGroups")
def target_groups(connections: Connections) -> TargetGroups:
    """List the target groups."""
    found = (
        connections.aws.listing("elbv2", "DescribeTargetGroups", "TargetGroups", owner="TargetGroupArn") or []
    )
    return TargetGroups(
        items=tuple(
            TargetGroup(
                arn=item["TargetGroupArn"],
                name=item["TargetGroupName"],
                port=item.get("Port", 0),
                target_type=item.get("TargetType", ""),
                health_path=item.get("HealthCheckPath", ""),
                load_balancers=tuple(item.get("LoadBalancerArns", ())),
            )
            for item in found
        )
    )


@reads("elasticloadbalancing:DescribeTargetHealth")
def target_health(connections: Connections, group: TargetGroup) -> Targets:
    """Look at the health of every target of one group."""
    found = connections.aws.one(
        "elbv2",
        "DescribeTargetHealth",
        "TargetHealthDescriptions",
        TargetGroupArn=group.arn,
        absent=("TargetGroupNotFound",),
    )
    return Targets(found=found is not None, group=group, items=tuple(_target(item) for item in found or ()))


def _target(item: Mapping[str, Any]) -> Target:
    health = item.get("TargetHealth", {})
    return Target(
        id=item["Target"]["Id"],
        port=item["Target"].get("Port", 0),
        state=health.get("State", ""),
        reason=health.get("Reason", ""),
        description=health.get("Description", ""),
    )
