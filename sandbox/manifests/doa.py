"""DOA Market: the API gateway, 18 services, and the Job that made their databases."""

from __future__ import annotations

from sandbox import names
from sandbox.facts import Facts
from sandbox.manifests.objects import (
    ALB,
    Manifest,
    container,
    deployment,
    image,
    ingress_annotations,
    manifest,
    rule,
    secret,
    service,
)


def declared(facts: Facts) -> list[Manifest]:
    """Give everything of DOA Market that its Git repository declares."""
    namespace = names.DOA_NAMESPACE
    workloads = [_gateway(facts), *(_service(facts, name) for name in names.SERVICES)]
    metadata = {
        "annotations": {
            **ingress_annotations(facts.doa_certificate, (names.DOA_HOST,)),
            f"{ALB}/healthcheck-path": "/health",
            # A group of one: others may join it, so its load balancer is tagged with the group's name.
            f"{ALB}/group.name": names.DOA_INGRESS_GROUP,
        }
    }
    spec = {
        "ingressClassName": "alb",
        "rules": [rule(names.DOA_HOST, [("/", names.GATEWAY, 3000)])],
    }
    return [
        *(deployment(namespace, container, 1, tier="backend") for container in workloads),
        *(service(namespace, container["name"], 3000, 3000) for container in workloads),
        manifest("networking.k8s.io/v1", "Ingress", "doa-market", namespace, metadata=metadata, spec=spec),
    ]


def secrets(facts: Facts) -> list[Manifest]:
    """Give DOA Market's Secrets."""
    database = {"username": facts.doa_database.user, "password": facts.doa_database.password}
    return [
        secret(names.DOA_NAMESPACE, "db-credentials-prod", database),
        secret(names.DOA_NAMESPACE, "redis-credentials-prod", {"password": facts.doa_cache.password}),
    ]


def _from_secret(variable: str, secret: str, key: str) -> Manifest:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _values(**variables: str) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def _container(name: str, env: list[Manifest]) -> Manifest:
    probe = {"httpGet": {"path": "/health", "port": 3000}, "periodSeconds": 10, "failureThreshold": 3}
    return container(
        name,
        image(name),
        3000,
        "/health",
        env=env,
        livenessProbe=probe,
        securityContext={"readOnlyRootFilesystem": True, "runAsNonRoot": True},
    )


def _gateway(facts: Facts) -> Manifest:
    cache = facts.doa_cache
    values = _values(
        NODE_ENV="production",
        PORT="3000",
        REDIS_HOST=cache.host,
        REDIS_PORT=str(cache.port),
        REDIS_TLS="true",
        LOG_DIR="/tmp/logs",  # noqa: S108  the only writable folder of a read-only container
    )
    password = _from_secret("REDIS_PASSWORD", "redis-credentials-prod", "password")
    return _container(names.GATEWAY, [*values, password])


def _service(facts: Facts, name: str) -> Manifest:
    database = facts.doa_database
    variables = {
        "NODE_ENV": "production",
        "PORT": "3000",
        "DB_HOST": database.host,
        "DB_PORT": str(database.port),
        "DB_NAME": name.replace("-", "_"),
        "DB_SSL": "false",
        "LOG_DIR": "/tmp/logs",  # noqa: S108  the only writable folder of a read-only container
    }
    if name in names.RABBITMQ_SERVICES:
        variables["RABBITMQ_ENABLED"] = "false"
    if name == "search-service":
        variables["OPENSEARCH_ENABLED"] = "false"
    if name == "file-service":
        variables["UPLOAD_DIR"] = "/tmp/uploads"  # noqa: S108
    secret = "db-credentials-prod"
    login = [_from_secret("DB_USER", secret, "username"), _from_secret("DB_PASSWORD", secret, "password")]
    return _container(name, [*_values(**variables), *login])


def create_databases_job() -> Manifest:
    """Give DOA Market's Job that made the 18 databases; it has run to its end."""
    container = {
        "name": "pg-client",
        "image": "postgres:17",
        "command": ["/bin/bash", "-c", "createdb for each service"],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    spec = {"backoffLimit": 6, "completions": 1, "parallelism": 1, "template": template}
    return manifest("batch/v1", "Job", "create-databases", names.DOA_NAMESPACE, spec=spec)
