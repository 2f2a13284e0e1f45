"""Finds what runs in the cluster: services, Ingresses, controllers, Argo CD Applications, Jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from postflight.discovery import looks
from postflight.discovery.found import Entry, Findings, Section, section, without_empty
from postflight.discovery.place import Place
from postflight.discovery.workloads import Cluster, Workload
from postflight.environment.plaintext import is_secret_name
from postflight.probes.aws import elbv2
from postflight.probes.kubernetes import delivery, deployments, services
from postflight.probes.kubernetes.ingresses import Ingress

_ECR = re.compile(
    r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com[a-z.]*/(?P<repository>[^:@]+)(:(?P<tag>[^@]+))?"
)
_OF_A_CRON_JOB = re.compile(r"-\d{8,}$")
# Variables whose value is the same wherever the service runs, so that it may be demanded.
_CONSTANT = re.compile(r"(_ENABLED|_DIR|DB_NAME|DB_SSL)$")
_CONTROLLERS = ("aws-load-balancer-controller", "external-dns")
_SYSTEM = "kube-system"
_ARGO_CD = "argocd"


def services_of(
    cluster: Cluster, databases: Mapping[tuple[str, str], str], caches: Mapping[tuple[str, str], str]
) -> Section:
    """Find the Deployments of the applications, each with its Service, health, database and cache."""

    def find() -> Iterator[Entry]:
        for workload in cluster.workloads:
            own = (workload.namespace, workload.name)
            fields = _service_fields(workload, databases.get(own), caches.get(own))
            stopped = "it has no replicas" if workload.deployment.replicas < 1 else ""
            yield Entry(workload.name, fields, left_out=stopped)

    found = section("services", "Deployments, and the Services in front of them.", find)
    if cluster.troubles:
        return Section(found.key, found.comment, found.entries, trouble="; ".join(cluster.troubles))
    return found


def _service_fields(workload: Workload, database: str | None, cache: str | None) -> dict[str, Any]:
    deployment, service = workload.deployment, workload.service
    ports = service.ports if service is not None else ()
    path = deployment.readiness_path if ports else None
    image = next((found for found in map(_ECR.match, deployment.images) if found), None)
    is_fixed = image is not None and image["tag"] not in (None, "latest")
    return without_empty(
        namespace=workload.namespace,
        deployment=deployment.name if deployment.name != workload.name else None,
        replicas=deployment.replicas if deployment.replicas > 1 else None,
        port=ports[0][1] if ports else None,
        health={"path": path} if path else None,
        database=database,
        cache=cache,
        service_account=deployment.service_account if workload.role else None,
        role=workload.role,
        image_repository=image["repository"] if image else None,
        tag_policy="fixed" if is_fixed else None,
        secrets=list(_own_secrets(workload, database, cache)),
        required=dict(_required(workload)),
    )


def _own_secrets(workload: Workload, database: str | None, cache: str | None) -> Iterator[str]:
    """Yield the Secrets of a workload besides those that its database and cache name."""
    of_database = ("DATABASE_URL", "DB_USER", "DB_PASSWORD") if database else ()
    of_cache = ("REDIS_URL", "REDIS_PASSWORD", "CELERY_BROKER_URL") if cache else ()
    stores = (*of_database, *of_cache)
    known = {source[0] for source in map(workload.secret_key, stores) if source is not None}
    yield from (name for name in workload.deployment.secrets if name not in known)


def _required(workload: Workload) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the variables that a service must have: not empty, and some with the value that they have now."""
    for variable in workload.configuration.variables:
        if variable.is_empty or variable.name in ("NODE_ENV", "PORT"):
            continue
        value = variable.value if _CONSTANT.search(variable.name) else None
        is_plain = value is not None and "${" not in value and not is_secret_name(variable.name)
        yield variable.name, {"value": value} if is_plain and value is not None else {}


def ingresses(place: Place, cluster: Cluster, declared: Section, certificates: Mapping[str, str]) -> Section:
    """Find the Ingresses of the AWS Load Balancer Controller. `certificates`: entry names by ARN."""

    def find() -> Iterator[Entry]:
        balancers = {item.host: item for item in place.ask(elbv2.load_balancers).items}
        for ingress in cluster.ingresses:
            if not is_ours(ingress):
                continue
            balancer = balancers.get(ingress.load_balancer or "")
            names = place.group_names(balancer.security_groups) if balancer is not None else ()
            behind = dict.fromkeys(path.service for path in ingress.paths)
            name = cluster.ingress_name(ingress)
            fields = without_empty(
                namespace=ingress.namespace,
                ingress=ingress.name if ingress.name != name else None,
                scheme=ingress.scheme or "internal",
                target_type=ingress.target_type or "instance",
                security_group=next(iter(names), None),
                certificate=next(
                    (certificates[arn] for arn in ingress.certificates if arn in certificates), None
                ),
                services=[name for name in behind if _is_behind(declared, ingress, name)],
            )
            guess = "" if ingress.addresses else "it has no address yet"
            yield Entry(name, fields, guess=guess)

    return section("ingresses", "Each becomes a load balancer.", find)


def is_ours(ingress: Ingress) -> bool:
    """Whether the AWS Load Balancer Controller serves an Ingress."""
    return ingress.class_name == "alb" or ingress.scheme is not None


def _is_behind(declared: Section, ingress: Ingress, service: str) -> bool:
    entry = declared.named(service)
    return entry is not None and entry.fields["namespace"] == ingress.namespace


def controllers(place: Place) -> Section:
    """Find the two controllers that make load balancers and records, with their IAM roles (IRSA)."""

    def find() -> Iterator[Entry]:
        if place.cluster is None:
            return
        accounts = place.ask(services.service_accounts, _SYSTEM)
        for found in place.ask(deployments.deployments, _SYSTEM, ()).items:
            kind = next((one for one in _CONTROLLERS if any(one in image for image in found.images)), None)
            if kind is None:
                continue
            role = accounts.named(found.service_account or "default").role
            policies = place.ask(looks.role_policies, role).items if role else ()
            fields = without_empty(
                kind=kind,
                namespace=_SYSTEM,
                deployment=found.name,
                service_account=found.service_account,
                role=role,
                policy=next(iter(policies), None),
                owner_id=next(iter(found.argument("txt-owner-id")), None),
                domain_filters=list(found.argument("domain-filter")),
            )
            guess = "of several policies, the first" if len(policies) > 1 else ""
            if not role:
                guess = "its ServiceAccount names no IAM role; a role by EKS Pod Identity is not looked at"
            yield Entry(found.name, fields, guess=guess)

    return section("controllers", "What makes the load balancers and the DNS records.", find)


def applications(place: Place) -> Section:
    """Find the Argo CD Applications."""

    def find() -> Iterator[Entry]:
        if place.cluster is None:
            return
        for found in place.ask(delivery.applications, _ARGO_CD).items:
            yield Entry(found.name, without_empty(destination=found.destination))

    return section("applications", "Argo CD delivers these.", find)


def jobs(place: Place, cluster: Cluster) -> Section:
    """Find the Jobs that are run once, not those that a CronJob makes."""

    def find() -> Findings:
        entries = []
        for namespace in cluster.namespaces:
            for found in place.ask(delivery.jobs, namespace).items:
                if not _OF_A_CRON_JOB.search(found.name):
                    lack = "" if found.is_complete else "it has not completed"
                    entries.append(Entry(found.name, {"namespace": namespace}, left_out=lack))
        return Findings(tuple(entries))

    return section("jobs", "Jobs that must have run to their end.", find)
