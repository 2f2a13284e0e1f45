"""What the load balancer controller would build for an Ingress, or why it cannot. Nothing here acts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sandbox import names
from sandbox.controllers.endpoints import selected_pods, target_number
from sandbox.manifests.objects import ALB

if TYPE_CHECKING:
    from sandbox.controllers.cloud import Cloud, Subnet
    from sandbox.controllers.cluster import Cluster, Manifest

CONTROLLER: Final = "ingress.k8s.aws/alb"
CLUSTER_TAG: Final = "kubernetes.io/cluster/"
Backend = tuple[str, int | str]  # the name of a Service, and the number or name of its port
ROLE_TAG: Final = {"internet-facing": "kubernetes.io/role/elb", "internal": "kubernetes.io/role/internal-elb"}


class BuildError(Exception):
    """The Ingress cannot become a load balancer; the text is the controller's."""


@dataclass(frozen=True)
class TargetGroup:
    """A target group for one Service port; targets are (pod address, port)."""

    name: str
    service: str
    port: int
    health_path: str
    targets: frozenset[tuple[str, int]]


@dataclass(frozen=True)
class Rule:
    """What matches goes to the target group of that name."""

    host: str
    path: str
    group: str


@dataclass(frozen=True)
class Model:
    """A load balancer with one HTTPS listener."""

    name: str
    namespace: str
    ingress: str
    stack: str  # what its tags name: the Ingress's group, or namespace/name
    scheme: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    certificate: str
    rules: tuple[Rule, ...]
    groups: tuple[TargetGroup, ...]
    fallback: str | None = None  # the target group of all that no rule matches


def generated_name(namespace: str, name: str, *content: object) -> str:
    """Give a name as the controller makes it: `k8s-<namespace>-<name>-<hash>`."""
    digest = hashlib.sha256(repr((namespace, name, *content)).encode()).hexdigest()[:10]
    return f"k8s-{namespace.replace('-', '')[:8]}-{name.replace('-', '')[:8]}-{digest}"


def generated_group_name(group: str) -> str:
    """Give a load balancer's name as the controller makes it for an IngressGroup: `k8s-<group>-<hash>`."""
    digest = hashlib.sha256(group.encode()).hexdigest()[:10]
    return f"k8s-{group.replace('-', '')[:17]}-{digest}"


def is_ours(cluster: Cluster, ingress: Manifest) -> bool:
    """Whether the Ingress's class hands it to this controller."""
    name = ingress["spec"].get("ingressClassName")
    found = None if name is None else cluster.find("ingressclasses", None, name)
    return found is not None and found.get("spec", {}).get("controller") == CONTROLLER


def build(cluster: Cluster, cloud: Cloud, ingress: Manifest) -> Model:
    """Build the model; raises BuildError."""
    annotations = ingress["metadata"].get("annotations", {})
    namespace, name = ingress["metadata"]["namespace"], ingress["metadata"]["name"]
    scheme = annotations.get(f"{ALB}/scheme", "internal")
    if scheme not in ROLE_TAG:
        raise BuildError(f"ingress: {namespace}/{name}: unknown scheme: {scheme}")
    groups = _target_groups(cluster, ingress)
    rules = tuple(Rule(host, path, groups[backend].name) for host, path, backend in _paths(ingress))
    fallback = ingress["spec"].get("defaultBackend")
    security_group = cloud.group_named(annotations.get(f"{ALB}/security-groups", names.ALB_GROUP))
    if security_group is None:
        raise BuildError(f"couldn't find all security groups: {names.ALB_GROUP}")
    group = annotations.get(f"{ALB}/group.name")
    return Model(
        generated_name(namespace, name) if group is None else generated_group_name(group),
        namespace,
        name,
        group or f"{namespace}/{name}",
        scheme,
        _subnets(cloud, scheme, annotations.get(f"{ALB}/subnets")),
        (security_group.id,),
        _certificate(cloud, annotations),
        rules,
        tuple(groups.values()),
        None if fallback is None else groups[_backend(fallback)].name,
    )


def _backend(backend: Manifest) -> Backend:
    service = backend.get("service")
    if service is None:
        raise BuildError('missing required "service" field')
    port = service["port"]
    return service["name"], port["number"] if port.get("number") else port["name"]


def _paths(ingress: Manifest) -> list[tuple[str, str, Backend]]:
    """List host, path and backend of every rule; a rule without `http` routes nothing."""
    return [
        (rule.get("host", ""), path.get("path") or "/", _backend(path["backend"]))
        for rule in ingress["spec"].get("rules", ())
        for path in rule.get("http", {}).get("paths", ())
    ]


def _target_groups(cluster: Cluster, ingress: Manifest) -> dict[Backend, TargetGroup]:
    backends = [backend for _, _, backend in _paths(ingress)]
    fallback = ingress["spec"].get("defaultBackend")
    if fallback is not None:
        backends.append(_backend(fallback))
    return {backend: _target_group(cluster, ingress, *backend) for backend in dict.fromkeys(backends)}


def _target_group(cluster: Cluster, ingress: Manifest, service_name: str, wanted: int | str) -> TargetGroup:
    namespace = ingress["metadata"]["namespace"]
    annotations = ingress["metadata"].get("annotations", {})
    service = cluster.find("services", namespace, service_name)
    if service is None:
        raise BuildError(f'ingress: {namespace}/{ingress["metadata"]["name"]}: '
                         f'Service "{service_name}" not found')  # fmt: skip
    if annotations.get(f"{ALB}/target-type", "instance") != "ip" and service["spec"]["type"] == "ClusterIP":
        raise BuildError(
            f"ingress: {namespace}/{ingress['metadata']['name']}: service: {namespace}/{service_name} "
            "must be of type NodePort or LoadBalancer to use target-type instance"
        )
    ports = service["spec"].get("ports", ())
    port = next((item for item in ports if wanted in (item["port"], item.get("name"))), None)
    if port is None:
        raise BuildError(f"service: {namespace}/{service_name}: unable to find port {wanted}")
    own = service["metadata"].get("annotations", {})
    health = own.get(f"{ALB}/healthcheck-path", annotations.get(f"{ALB}/healthcheck-path", "/"))
    found = [(pod["status"]["podIP"], target_number(port, pod)) for pod in selected_pods(cluster, service)]
    targets = frozenset((address, number) for address, number in found if number is not None)
    # As the real controller has it, the group's own port is 1 where each pod has another.
    target = port["targetPort"] if isinstance(port["targetPort"], int) else 1
    name = generated_name(namespace, service_name, port["port"], port["targetPort"])
    return TargetGroup(name, service_name, target, health, targets)


def _subnets(cloud: Cloud, scheme: str, explicit: str | None) -> tuple[str, ...]:
    own = [subnet for subnet in cloud.subnets if subnet.vpc == cloud.cluster_vpc]
    if explicit is not None:
        return _explicit_subnets(own, explicit)
    tag = ROLE_TAG[scheme]
    chosen = [subnet for subnet in own if _eligible(subnet, tag)]
    if len({subnet.zone for subnet in chosen}) < 2:
        found = f"{len(chosen)} match VPC and tags: [{tag}]"
        raise BuildError(
            f"couldn't auto-discover subnets: unable to resolve at least 2 subnets. Evaluated "
            f"{len(own)} subnets: {found}, {len(own) - len(chosen)} are tagged for other purposes"
        )
    return tuple(sorted(subnet.id for subnet in chosen))


def _explicit_subnets(own: list[Subnet], explicit: str) -> tuple[str, ...]:
    known = {subnet.id for subnet in own}
    wanted = tuple(item.strip() for item in explicit.split(","))
    for item in wanted:
        if item not in known:
            raise BuildError(f"InvalidSubnetID.NotFound: The subnet ID '{item}' does not exist")
    return wanted


def _eligible(subnet: Subnet, tag: str) -> bool:
    clusters = [key for key in subnet.tags if key.startswith(CLUSTER_TAG)]
    # One that is tagged for other clusters alone is theirs; without such tags it is anybody's.
    ours = not clusters or f"{CLUSTER_TAG}{names.CLUSTER}" in clusters
    return subnet.tags.get(tag) in {"1", ""} and ours


def _certificate(cloud: Cloud, annotations: dict[str, str]) -> str:
    arn = annotations.get(f"{ALB}/certificate-arn")
    status = cloud.certificates.get(arn or "")
    if arn is None or status is None:
        raise BuildError(f"CertificateNotFound: Certificate '{arn}' not found")
    if status != "ISSUED":
        raise BuildError(
            f"UnsupportedCertificate: The certificate '{arn}' must have a fully-qualified domain name, "
            "a supported signature, and a supported key size."
        )
    return arn
