"""Describes a running sandbox: for its own commands, for environment files, and for outsiders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sandbox import names, users
from sandbox.aws.client import ADMIN_KEY

if TYPE_CHECKING:
    from sandbox.control import Control
    from sandbox.run_folder import RunFolder
    from sandbox.world import World


def describe(world: World, control: Control, folder: RunFolder, latency: float) -> dict[str, Any]:
    """Write the files beside the state, and give the state."""
    site = world.site
    endpoint = site.aws.client("eks").describe_cluster(name=names.CLUSTER)["cluster"]["endpoint"]
    authority = site.authorities.public.pem
    text = users.kubeconfig(endpoint, authority, world.tokens.reader, world.tokens.admin)
    folder.write(folder.kubeconfig, text)
    folder.write(folder.authority, authority)
    folder.write(folder.stores_authority, site.authorities.stores.pem)
    return {
        "pid": os.getpid(),
        "control": {"url": control.url, "token": control.token},
        "latency_s": latency,
        "variables": variables(world, folder),
        "where": where(world, folder, endpoint),
        "admin": {"aws_access_key_id": ADMIN_KEY, "kube_context": f"{names.CONTEXT}-admin"},
    }


def variables(world: World, folder: RunFolder) -> dict[str, str]:
    """Give what an environment file reads, and what an outsider's shell exports."""
    site, ports = world.site, {name: gateway.port for name, gateway in world.site.stores.gateways.items()}
    return {
        "AWS_ENDPOINT_URL": site.aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": site.seeded.reader.access_key_id,
        "AWS_SECRET_ACCESS_KEY": site.seeded.reader.secret_access_key,
        "AWS_REGION": names.REGION,
        "AWS_DEFAULT_REGION": names.REGION,
        "KUBECONFIG": str(folder.kubeconfig.resolve()),
        "SANDBOX_CA": str(folder.authority.resolve()),
        "SANDBOX_RDS_CA": str(folder.stores_authority.resolve()),
        "SANDBOX_DNS": f"{names.LOOPBACK}:{site.dns.port}",
        "SANDBOX_NAME_SERVER": f"{names.LOOPBACK}:{site.name_servers.port}",
        "SANDBOX_HTTPS_PORT": str(site.facts.https_port),
        "SANDBOX_KYEOL_POSTGRES_PORT": str(ports[names.KYEOL_DATABASE]),
        "SANDBOX_DOA_POSTGRES_PORT": str(ports[names.DOA_DATABASE]),
        "SANDBOX_KYEOL_VALKEY_PORT": str(ports[names.KYEOL_CACHE]),
        "SANDBOX_DOA_REDIS_PORT": str(ports[names.DOA_CACHE]),
        "SANDBOX_KYEOL_CERTIFICATE_ARN": site.facts.kyeol_certificate,
        "SANDBOX_DOA_CERTIFICATE_ARN": site.facts.doa_certificate,
        "SANDBOX_DISTRIBUTION_ID": site.seeded.distribution_id,
    }


def where(world: World, folder: RunFolder, kube_url: str) -> dict[str, str]:
    """Give a readable list of what is where. No secret is in it."""
    facts, https = world.site.facts, world.site.facts.https_port
    database, aurora = facts.kyeol_database, facts.doa_database
    kyeol = f"{names.KYEOL_DATABASE_NAME} as {database.user}"
    return {
        "AWS": world.site.aws.endpoint_url,
        "Kubernetes API": f"{kube_url} (kubeconfig {folder.kubeconfig}, context {names.CONTEXT})",
        "DNS": f"{names.LOOPBACK} port {world.site.dns.port} (UDP and TCP)",
        "Name servers": f"{names.LOOPBACK} port {world.site.name_servers.port} (of all hosted zones)",
        "Storefront": f"https://{names.STORE_HOST}:{https} (at {names.LOOPBACK})",
        "GraphQL API": f"https://{names.ORIGIN_HOST}:{https}/graphql/",
        "Dashboard": f"https://{names.DASHBOARD_HOST}:{https}",
        "DOA Market API": f"https://{names.DOA_HOST}:{https}",
        "PostgreSQL (KYEOL)": f"{names.LOOPBACK}:{database.port}, {kyeol}",
        "PostgreSQL (DOA)": f"{names.LOOPBACK}:{aurora.port}, 18 databases as {aurora.user}",
        "Valkey (KYEOL)": f"{names.LOOPBACK}:{facts.kyeol_cache.port} (TLS, AUTH)",
        "Redis (DOA)": f"{names.LOOPBACK}:{facts.doa_cache.port} (TLS, AUTH)",
        "CA of HTTPS and Kubernetes": str(folder.authority),
        "CA of databases and caches": str(folder.stores_authority),
    }
