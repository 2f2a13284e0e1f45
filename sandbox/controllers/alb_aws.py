"""Makes a load balancer of a model, with the same calls as the real controller."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.controllers.account import Account
    from sandbox.controllers.alb_model import Model, TargetGroup


@dataclass(frozen=True)
class Deployed:
    """A load balancer that exists: its model, its DNS name, and the ARNs of its target groups by name."""

    model: Model
    arn: str
    dns: str
    groups: Mapping[str, str]


def deploy(account: Account, model: Model, vpc: str, before: Deployed | None) -> Deployed:
    """Make AWS agree with the model; blocks. `before` is what was made last, if it still exists."""
    elb = account.client("elbv2")
    with ExitStack() as undo:
        deployed = _deploy(elb, model, vpc, before, undo)
        undo.pop_all()
    return deployed


def _deploy(elb: Any, model: Model, vpc: str, before: Deployed | None, undo: ExitStack) -> Deployed:
    """Make AWS agree with the model; `undo` takes back what was made, should a later call be refused."""
    held = {} if before is None else dict(before.groups)
    groups = dict(held)
    for group in model.groups:
        if group.name not in held:
            groups[group.name] = _make_group(elb, model, group, vpc)
            undo.callback(elb.delete_target_group, TargetGroupArn=groups[group.name])
    for group in model.groups:
        _bring_targets(elb, groups[group.name], group, before)
    if before is None:
        arn, dns = _make_balancer(elb, model)
        undo.callback(elb.delete_load_balancer, LoadBalancerArn=arn)
    else:
        arn, dns = before.arn, before.dns
        if before.model.security_groups != model.security_groups:
            elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=list(model.security_groups))
    if before is None or _front(before.model) != _front(model):
        _make_listener(elb, arn, model, groups)
    wanted = {group.name for group in model.groups}
    for name in held.keys() - wanted:
        elb.delete_target_group(TargetGroupArn=held[name])
    return Deployed(model, arn, dns, {name: groups[name] for name in groups if name in wanted})


def remove(account: Account, deployed: Deployed) -> None:
    """Delete the load balancer and its target groups; blocks."""
    elb = account.client("elbv2")
    elb.delete_load_balancer(LoadBalancerArn=deployed.arn)
    for arn in deployed.groups.values():
        elb.delete_target_group(TargetGroupArn=arn)


def _front(model: Model) -> tuple[object, ...]:
    return model.certificate, model.rules, model.fallback


def _tags(model: Model) -> list[dict[str, str]]:
    tags = {
        "elbv2.k8s.aws/cluster": names.CLUSTER,
        "ingress.k8s.aws/stack": model.stack,
        "ingress.k8s.aws/resource": "LoadBalancer",
    }
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _make_balancer(elb: Any, model: Model) -> tuple[str, str]:
    made = elb.create_load_balancer(
        Name=model.name,
        Subnets=list(model.subnets),
        SecurityGroups=list(model.security_groups),
        Scheme=model.scheme,
        Type="application",
        IpAddressType="ipv4",
        Tags=_tags(model),
    )["LoadBalancers"][0]
    return made["LoadBalancerArn"], made["DNSName"]


def _make_group(elb: Any, model: Model, group: TargetGroup, vpc: str) -> str:
    resource = f"{model.namespace}/{model.ingress}-{group.service}:{group.port}"
    made = elb.create_target_group(
        Name=group.name,
        Protocol="HTTP",
        Port=group.port,
        VpcId=vpc,
        TargetType="ip",
        HealthCheckProtocol="HTTP",
        HealthCheckPort="traffic-port",
        HealthCheckPath=group.health_path,
        HealthCheckIntervalSeconds=15,
        HealthCheckTimeoutSeconds=5,
        HealthyThresholdCount=2,
        UnhealthyThresholdCount=2,
        Matcher={"HttpCode": "200"},
        Tags=[
            {"Key": "elbv2.k8s.aws/cluster", "Value": names.CLUSTER},
            {"Key": "ingress.k8s.aws/stack", "Value": model.stack},
            {"Key": "ingress.k8s.aws/resource", "Value": resource},
        ],
    )
    arn: str = made["TargetGroups"][0]["TargetGroupArn"]
    return arn


def _bring_targets(elb: Any, arn: str, group: TargetGroup, before: Deployed | None) -> None:
    old = None
    if before is not None:
        old = next((item for item in before.model.groups if item.name == group.name), None)
    held = frozenset[tuple[str, int]]() if old is None else old.targets
    if old is not None and old.health_path != group.health_path:
        elb.modify_target_group(TargetGroupArn=arn, HealthCheckPath=group.health_path)
    for wanted, call in (
        (group.targets - held, elb.register_targets),
        (held - group.targets, elb.deregister_targets),
    ):
        if wanted:
            targets = [{"Id": address, "Port": port} for address, port in sorted(wanted)]
            call(TargetGroupArn=arn, Targets=targets)


def _make_listener(elb: Any, balancer: str, model: Model, groups: Mapping[str, str]) -> None:
    for old in elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]:
        elb.delete_listener(ListenerArn=old["ListenerArn"])
    nothing = {"ContentType": "text/plain", "StatusCode": "404"}
    fallback: dict[str, Any] = {"Type": "fixed-response", "FixedResponseConfig": nothing}
    if model.fallback is not None:
        fallback = {"Type": "forward", "TargetGroupArn": groups[model.fallback]}
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": model.certificate}],
        DefaultActions=[fallback],
    )["Listeners"][0]["ListenerArn"]
    for priority, rule in enumerate(model.rules, start=1):
        paths = ["/*"] if rule.path == "/" else [rule.path, f"{rule.path.rstrip('/')}/*"]
        elb.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[
                *(
                    [{"Field": "host-header", "HostHeaderConfig": {"Values": [rule.host]}}]
                    if rule.host
                    else []
                ),
                {"Field": "path-pattern", "PathPatternConfig": {"Values": paths}},
            ],
            Actions=[{"Type": "forward", "TargetGroupArn": groups[rule.group]}],
        )
