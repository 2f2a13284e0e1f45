"""Faults of workloads: images, configuration, probes, scheduling."""

# ruff: noqa: D401  (a fault's docstring says what is so while it is in effect)

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sandbox import names
from sandbox.apps.surroundings import Behaviour
from sandbox.faults import fault
from sandbox.faults.site import container

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sandbox.faults.site import Site

KYEOL, DOA = names.KYEOL_NAMESPACE, names.DOA_NAMESPACE


def _namespace_of(workload: str) -> str:
    return KYEOL if workload in names.SALEOR_WORKLOADS else DOA


def _set_env(item: dict[str, Any], key: str, value: str | None) -> None:
    """Set a literal variable of a Deployment's container, or take it away."""
    held = [entry for entry in container(item).get("env", []) if entry["name"] != key]
    container(item)["env"] = held if value is None else [*held, {"name": key, "value": value}]


def _released(site: Site, workload: str, edit: Callable[[dict[str, Any]], object]) -> Generator[None]:
    """Commit a change of a Deployment and let no pod of the old template stay."""
    namespace = _namespace_of(workload)
    undo = site.commit("Deployment", namespace, workload, edit)
    site.replace_pods(namespace, workload)
    yield
    undo()


@fault("readiness-path")
def readiness_path(site: Site, workload: str = "saleor-api", path: str = "/healthz/") -> Generator[None]:
    """The readiness probe asks a path that the application does not serve."""
    yield from _released(
        site, workload, lambda item: container(item)["readinessProbe"]["httpGet"].update(path=path)
    )


@fault("health-404")
def health_404(site: Site, service: str = "banner-service") -> Generator[None]:
    """The service answers its health only under /api/v1/health, while the probes ask /health."""
    site.behaviours[service] = Behaviour(health_path="/api/v1/health")
    site.replace_pods(DOA, service)
    yield
    del site.behaviours[service]
    site.replace_pods(DOA, service)


@fault("service-down")
def service_down(site: Site, service: str = "auth-service") -> Generator[None]:
    """A service has no pod, as when nobody scales it up again."""
    namespace = _namespace_of(service)
    undo = site.commit("Deployment", namespace, service, lambda item: item["spec"].update(replicas=0))
    yield
    undo()


@fault("graphql-slow")
def graphql_slow(site: Site, seconds: str = "6") -> Generator[None]:
    """The products query takes too long."""
    yield from _released(site, "saleor-api", lambda item: _set_env(item, "SANDBOX_PRODUCTS_DELAY", seconds))


@fault("api-500")
def api_500(site: Site) -> Generator[None]:
    """SECRET_KEY is empty, so the API answers every request with 500."""
    undo = site.set_secret(KYEOL, "saleor-app-secret", SECRET_KEY="")
    site.replace_pods(KYEOL, "saleor-api")
    yield
    undo()
    site.replace_pods(KYEOL, "saleor-api")


@fault("crash-env-missing")
def crash_env_missing(site: Site, key: str = "ALLOWED_CLIENT_HOSTS") -> Generator[None]:
    """A key that the API needs is gone from its ConfigMap."""
    undo = site.commit("ConfigMap", KYEOL, "saleor-api-config", lambda item: item["data"].pop(key))
    site.replace_pods(KYEOL, "saleor-api")
    yield
    undo()
    site.replace_pods(KYEOL, "saleor-api")


@fault("image-missing")
def image_missing(
    site: Site, workload: str = "saleor-dashboard", tag: str = "4f0d1e5", part: str = "tag"
) -> Generator[None]:
    """The workload asks for an image tag that ECR does not have (part=tag), or for a digest (part=digest)."""
    image = names.image(names.repository_of(workload), tag)
    if part == "digest":
        # A tag beside the digest, or none, makes no difference.
        image = f"{image.rpartition(':')[0]}@sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
    yield from _released(site, workload, lambda item: container(item).update(image=image))


@fault("pod-unschedulable")
def pod_unschedulable(
    site: Site, workload: str = "saleor-storefront", cpu: str = "4", scheduler: str = ""
) -> Generator[None]:
    """A pod asks for more than any node has left, or (scheduler=NAME) for a scheduler that nobody runs."""

    def change(item: dict[str, Any]) -> None:
        if scheduler:
            item["spec"]["template"]["spec"]["schedulerName"] = scheduler
        else:
            container(item)["resources"].update(requests={"cpu": cpu}, limits={"cpu": cpu})

    yield from _released(site, workload, change)


@fault("storefront-api-uri")
def storefront_api_uri(site: Site, uri: str = "https://origin-dev-kyeol.click/graphql/") -> Generator[None]:
    """The storefront sends its browsers to another environment's API."""
    undo = site.commit(
        "ConfigMap",
        KYEOL,
        "saleor-storefront-config",
        lambda item: item["data"].update(NEXT_PUBLIC_API_URI=uri),
    )
    site.replace_pods(KYEOL, "saleor-storefront")
    yield
    undo()
    site.replace_pods(KYEOL, "saleor-storefront")


@fault("affinity-label")
def affinity_label(site: Site, workload: str = "order-service") -> Generator[None]:
    """A workload insists on nodes with a label that no node has."""
    terms = [{"matchExpressions": [{"key": "capacity-type", "operator": "In", "values": ["spot"]}]}]
    affinity = {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    }
    yield from _released(
        site, workload, lambda item: item["spec"]["template"]["spec"].update(affinity=affinity)
    )


@fault("readonly-logs")
def readonly_logs(site: Site, service: str = "file-service", key: str = "UPLOAD_DIR") -> Generator[None]:
    """A service writes to its read-only root file system."""
    path = "/app/uploads" if key == "UPLOAD_DIR" else "logs"
    yield from _released(site, service, lambda item: _set_env(item, key, path))


@fault("rabbitmq-required")
def rabbitmq_required(site: Site, service: str = "inventory-service") -> Generator[None]:
    """A service insists on RabbitMQ, which nobody runs."""
    yield from _released(site, service, lambda item: _set_env(item, "RABBITMQ_ENABLED", None))


@fault("opensearch-required")
def opensearch_required(site: Site, service: str = "search-service") -> Generator[None]:
    """A service insists on OpenSearch, which nobody runs."""
    yield from _released(site, service, lambda item: _set_env(item, "OPENSEARCH_ENABLED", None))


@fault("db-config-hardcoded")
def db_config_hardcoded(
    site: Site, service: str = "settlement-service", key: str = "DB_USER", value: str = "postgres"
) -> Generator[None]:
    """A service's database setting is written into its manifest and wrong."""
    yield from _released(site, service, lambda item: _set_env(item, key, value))


@fault("image-latest")
def image_latest(site: Site, workload: str = "coupon-service") -> Generator[None]:
    """A workload uses the tag latest."""
    repository = names.repository_of(workload)
    site.push_image(repository, "latest")
    image = names.image(repository, "latest")
    yield from _released(site, workload, lambda item: container(item).update(image=image))
    site.aws.client("ecr").batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "latest"}])


@fault("rollout-paused")
def rollout_paused(site: Site, service: str = "review-service") -> Generator[None]:
    """Somebody paused a Deployment's rollout, and the release that came since is not rolled out."""
    resume = site.edit("Deployment", DOA, service, lambda item: item["spec"].update(paused=True))
    undo = site.commit("Deployment", DOA, service, lambda item: _set_env(item, "LOG_LEVEL", "debug"))
    yield
    undo()
    resume()
