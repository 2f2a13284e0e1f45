"""How a run looks at what stands before the cluster: load balancers, certificates, records, the CDN."""

from __future__ import annotations

from postflight.environment import Backend, Certificate, Distribution, Environment, Host, HostedZone, Ingress
from postflight.evidence import Evidence, Unverified
from postflight.probes.aws import acm, cloudfront, elbv2, route53, security_groups
from postflight.subjects import platform, stores
from postflight.subjects.registry import Ask, about

_EVERYBODY = "0.0.0.0/0"


class BackendTargets(Evidence):
    """The target groups of one service behind an Ingress, with their targets."""

    groups: tuple[elbv2.Targets, ...]

    @property
    def serving(self) -> tuple[elbv2.Target, ...]:
        """Every target that should be healthy."""
        return tuple(target for group in self.groups for target in group.serving)

    @property
    def unhealthy(self) -> tuple[str, ...]:
        """Say of each target that is not healthy: group, target, state, reason code."""
        return tuple(
            f"target group {group.group.name} (health check {group.group.health_path}): {target.words}"
            for group in self.groups
            for target in group.serving
            if target.state != "healthy"
        )

    @property
    def names(self) -> str:
        """Names of the target groups."""
        return ", ".join(group.group.name for group in self.groups)


class HostRecords(Evidence):
    """The records of a host in its hosted zone, and the name that they have to lead to.

    `region`: the environment's own.
    """

    zone: route53.Zone
    region: str
    records: tuple[route53.Record, ...]
    target: str
    target_words: str

    @property
    def leads_to_target(self) -> bool:
        """Whether every address record that takes traffic is an alias (or CNAME) of the target."""
        taking = [one for one in self.records if not self._why_elsewhere(one)]
        return bool(taking and self.target) and all(
            one.targets == (route53.domain(self.target),) for one in taking
        )

    @property
    def words(self) -> str:
        """Say where the records lead now."""
        found = (
            f"{one.name} {one.type} {', '.join(one.targets or one.values) or 'nothing'}"
            f"{self._why_elsewhere(one)}"
            for one in self.records
        )
        return "; ".join(found) or "no record"

    def _why_elsewhere(self, record: route53.Record) -> str:
        """Say why it may lead elsewhere, ` (standby)`; empty if it has to lead to the target."""
        if record.region not in {"", self.region}:
            return f" (for {record.region})"
        return " (standby)" if self._is_standby(record) else ""

    def _is_standby(self, record: route53.Record) -> bool:
        """Whether it takes no traffic in good times; where all have the weight 0, they share it."""
        siblings = (one for one in self.records if one.type == record.type)
        return record.is_secondary or (record.weight == 0 and any(one.weight for one in siblings))


@about("ingress")
def load_balancer(ask: Ask, environment: Environment, declared: Ingress) -> elbv2.LoadBalancer:
    """Look at the load balancer that the controller made for an Ingress or its group, found by its tags."""
    known = ask(elbv2.load_balancers)
    wanted = {elbv2.STACK_TAG: platform.ingress(ask, environment, declared).stack}
    if environment.cluster is not None:
        wanted[elbv2.CLUSTER_TAG] = environment.cluster.name
    arns = ask(elbv2.tags, tuple(sorted(item.arn for item in known.items))).with_tags(wanted)
    found = (item for item in known.items if item.arn in arns)
    tagged = f"tagged {elbv2.STACK_TAG}={wanted[elbv2.STACK_TAG]}"
    return next(found, elbv2.LoadBalancer(found=False, name=tagged))


@about("ingress")
def listeners(ask: Ask, environment: Environment, declared: Ingress) -> elbv2.Listeners:
    """Look at an Ingress's listeners; at all of their certificates, if no default is the declared one."""
    balancer = load_balancer(ask, environment, declared)
    if not balancer.found:
        return elbv2.Listeners(found=False, load_balancer=balancer.name)
    found = ask(elbv2.listeners, balancer.arn)
    certificate = environment.certificates.get(declared.certificate or "")
    if certificate is None or certificate.arn in found.certificates:
        return found
    items = (_with_all_certificates(ask, item) if item.is_encrypted else item for item in found.items)
    return found.model_copy(update={"items": tuple(items)})


def _with_all_certificates(ask: Ask, listener: elbv2.Listener) -> elbv2.Listener:
    return listener.model_copy(update={"certificates": ask(elbv2.listener_certificates, listener.arn).arns})


@about("ingress")
def load_balancer_groups(ask: Ask, environment: Environment, declared: Ingress) -> security_groups.Attachment:
    """Compare the security groups of an Ingress's load balancer with the declared one."""
    balancer = load_balancer(ask, environment, declared)
    return stores.attachment(ask, declared.security_group, balancer.security_groups, balancer.vpc)


@about("ingress")
def ingress_passage(ask: Ask, environment: Environment, declared: Ingress) -> security_groups.Passage:
    """Look whether the nodes' security group lets the load balancer's in on the targets' ports."""
    balancer = load_balancer(ask, environment, declared)
    groups = ask(security_groups.security_groups)
    ports = {port for service in declared.services for port in _ports(ask, environment, declared, service)}
    cluster = environment.cluster
    nodes = groups.of(cluster.node_security_group if cluster is not None else "", balancer.vpc)
    tier = "public" if declared.scheme == "internet-facing" else "private"
    return security_groups.passage(
        sources=tuple(security_groups.source(group) for group in groups.all_of(balancer.security_groups)),
        targets=(nodes,),
        ports=tuple(sorted(ports)),
        networks=stores.networks_of(ask, environment, tier),
    )


def _ports(ask: Ask, environment: Environment, ingress: Ingress, service: str) -> tuple[int, ...]:
    found = _targets(ask, environment, ingress, service).groups
    of_targets = tuple(target.port for group in found for target in group.items)
    return of_targets or tuple(group.group.port for group in found)


@about("backend")
def backend_targets(ask: Ask, environment: Environment, declared: Backend) -> BackendTargets:
    """Look at the health of the targets of one service behind an Ingress."""
    return _targets(ask, environment, environment.ingresses[declared.ingress], declared.service)


def _targets(ask: Ask, environment: Environment, ingress: Ingress, service: str) -> BackendTargets:
    known = ask(elbv2.target_groups)
    arns = tuple(sorted(item.arn for item in known.items))
    tags = ask(elbv2.tags, arns).by_arn
    # The controller's name for a target group: <namespace>/<ingress>-<service>:<port>.
    resource = f"{ingress.namespace}/{ingress.resource}-{service}:"
    own = environment.cluster.name if environment.cluster is not None else ""
    found = (
        item
        for item in known.items
        if tags.get(item.arn, {}).get(elbv2.RESOURCE_TAG, "").startswith(resource)
        and tags.get(item.arn, {}).get(elbv2.CLUSTER_TAG, own) == own
    )
    return BackendTargets(groups=tuple(ask(elbv2.target_health, group) for group in found))


@about("certificate")
def certificate(ask: Ask, _environment: Environment, declared: Certificate) -> acm.Certificate:
    """Look at a certificate, in the region that its ARN names unless another is declared."""
    return ask(acm.certificate, declared.arn, declared.region or declared.arn.split(":")[3])


@about("hosted_zone")
def hosted_zone(ask: Ask, _environment: Environment, declared: HostedZone) -> route53.Zone:
    """Look at a hosted zone."""
    return ask(route53.zones).of(declared.zone, declared.id)


@about("host")
def host_records(ask: Ask, environment: Environment, declared: Host) -> HostRecords:
    """Look at the records of a host in Route 53, and at what they have to lead to."""
    zone = hosted_zone(ask, environment, environment.hosted_zones[declared.hosted_zone])
    known = ask(route53.records, zone.name, zone.id) if zone.found else None
    target, words = _target_of(ask, environment, declared)
    return HostRecords(
        zone=zone,
        region=environment.aws.region,
        records=known.addressing(declared.name) if known is not None else (),
        target=target,
        target_words=words,
    )


def _target_of(ask: Ask, environment: Environment, host: Host) -> tuple[str, str]:
    if host.distribution is not None:
        found = distribution(ask, environment, environment.distributions[host.distribution])
        return found.domain, f"CloudFront distribution {found.id}"
    if host.ingress is not None:
        ingress = environment.ingresses[host.ingress]
        balancer = load_balancer(ask, environment, ingress)
        return balancer.host, f"the load balancer of Ingress {ingress.namespace}/{ingress.resource}"
    return "", "nothing that is declared"


@about("distribution")
def distribution(ask: Ask, _environment: Environment, declared: Distribution) -> cloudfront.Distribution:
    """Look at a CloudFront distribution."""
    return ask(cloudfront.distributions).of(declared.id)


@about("distribution")
def distribution_passage(
    ask: Ask, environment: Environment, declared: Distribution
) -> security_groups.Passage:
    """Look whether CloudFront's edge locations are let in by the load balancer that is the origin.

    Raises Unverified where the origin is no declared host behind an Ingress: a bucket, or a VPC origin.
    """
    lists = ask(security_groups.prefix_lists)
    groups = ask(security_groups.security_groups)
    origin = environment.hosts.get(declared.origin)
    port = distribution(ask, environment, declared).ports.get(declared.origin, 443)
    name = security_groups.ORIGIN_FACING
    if origin is None or origin.ingress is None:
        raise Unverified(
            f"origin {declared.origin} of distribution {declared.id} is no declared host with an `ingress`, "
            "so the security groups that CloudFront has to pass are not known."
        )
    balancers = (
        load_balancer(ask, environment, ingress)
        for ingress in environment.ingresses.values()
        if origin.ingress == ingress.name
    )
    targets = tuple(group for balancer in balancers for group in groups.all_of(balancer.security_groups))
    identifier = lists.ids.get(name, "")
    return security_groups.passage(
        sources=(security_groups.Source(id=identifier, words=f"prefix list {name} ({identifier})"),),
        targets=targets,
        ports=(port,),
        networks=(_EVERYBODY,),
    )
