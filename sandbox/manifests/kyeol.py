"""KYEOL: the Saleor API, its storefront and its dashboard."""

from __future__ import annotations

from sandbox import names
from sandbox.facts import Facts, Server
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
    service_account,
)


def declared(facts: Facts) -> list[Manifest]:
    """Give everything of KYEOL that its Git repository declares."""
    namespace = names.KYEOL_NAMESPACE
    account = service_account(namespace, "saleor-api", names.API_ROLE)
    return [
        account,
        *_configuration(facts),
        deployment(namespace, _api(), 2, account="saleor-api", tier="backend"),
        deployment(namespace, _storefront(), 1, tier="frontend"),
        deployment(namespace, container("saleor-dashboard", image("saleor-dashboard"), 80, "/"), 1),
        service(namespace, "saleor-api", 8000, 8000, {f"{ALB}/healthcheck-path": "/health/"}),
        service(namespace, "saleor-storefront", 3000, 3000, {f"{ALB}/healthcheck-path": "/"}),
        service(namespace, "saleor-dashboard", 80, 80, {f"{ALB}/healthcheck-path": "/"}),
        _ingress(facts),
    ]


def secrets(facts: Facts) -> list[Manifest]:
    """Give KYEOL's Secrets. They are made by hand, as its guide does, so Git does not hold them."""
    namespace = names.KYEOL_NAMESPACE
    return [
        secret(namespace, "saleor-db-secret", {"DATABASE_URL": database_url(facts.kyeol_database)}),
        secret(namespace, "saleor-app-secret", {"SECRET_KEY": facts.secret_key}),
        secret(namespace, "saleor-cache-secret", {"REDIS_URL": cache_url(facts.kyeol_cache)}),
    ]


def database_url(server: Server, name: str = names.KYEOL_DATABASE_NAME) -> str:
    """Give a server and a database as Django's DATABASE_URL."""
    return f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/{name}"


def cache_url(server: Server) -> str:
    """Give a cache as a REDIS_URL with TLS."""
    return f"rediss://:{server.password}@{server.host}:{server.port}/0"


def _configuration(facts: Facts) -> list[Manifest]:
    hosts = (names.STORE_HOST, names.DASHBOARD_HOST)
    port = "" if facts.https_port == 443 else f":{facts.https_port}"
    api = {
        "ALLOWED_CLIENT_HOSTS": ",".join(f"https://{host}" for host in hosts),
        "ALLOWED_HOSTS": "*",
        "AWS_MEDIA_BUCKET_NAME": names.MEDIA_BUCKET,
        "AWS_S3_REGION_NAME": names.REGION,
        "DEFAULT_FROM_EMAIL": "noreply@kyeol.click",
    }
    storefront = {"NEXT_PUBLIC_API_URI": f"https://{names.ORIGIN_HOST}{port}/graphql/"}
    namespace = names.KYEOL_NAMESPACE
    return [
        manifest("v1", "ConfigMap", "saleor-api-config", namespace, data=api),
        manifest("v1", "ConfigMap", "saleor-storefront-config", namespace, data=storefront),
    ]


def _api() -> Manifest:
    requests = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    secrets = ("saleor-db-secret", "saleor-app-secret", "saleor-cache-secret")
    sources = [
        {"configMapRef": {"name": "saleor-api-config"}},
        *({"secretRef": {"name": name}} for name in secrets),
    ]
    return container("saleor-api", image("saleor-api"), 8000, "/health/", envFrom=sources, resources=requests)


def _storefront() -> Manifest:
    sources = [{"configMapRef": {"name": "saleor-storefront-config"}}]
    return container("saleor-storefront", image("saleor-storefront"), 3000, "/", envFrom=sources)


def _ingress(facts: Facts) -> Manifest:
    api = [(path, "saleor-api", 8000) for path in ("/graphql/", "/health/", "/media/")]
    rules = [
        rule(names.ORIGIN_HOST, [*api, ("/", "saleor-storefront", 3000)]),
        rule(names.DASHBOARD_HOST, [("/", "saleor-dashboard", 80)]),
    ]
    hosts = (names.ORIGIN_HOST, names.DASHBOARD_HOST)
    metadata = {"annotations": ingress_annotations(facts.kyeol_certificate, hosts)}
    spec = {"ingressClassName": "alb", "rules": rules}
    return manifest(
        "networking.k8s.io/v1", "Ingress", "saleor", names.KYEOL_NAMESPACE, metadata=metadata, spec=spec
    )
