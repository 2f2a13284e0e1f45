"""Fills the servers: AWS first, and then the cluster, through its own API, with what AWS gave."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import names
from sandbox.aws.seed import seed
from sandbox.aws.seeded import Certificates, Pem, Ports
from sandbox.controllers.conditions import timestamp
from sandbox.facts import Facts, Server
from sandbox.manifests import doa, kyeol, platform
from sandbox.manifests.objects import applied

if TYPE_CHECKING:
    from sandbox.aws.client import Aws
    from sandbox.aws.seeded import Endpoint, Seeded
    from sandbox.kube_client import Kubernetes
    from sandbox.network.certificates import Authority, Certificate
    from sandbox.servers import Stores


@dataclass(frozen=True)
class Served:
    """The certificates of the edge."""

    kyeol: Certificate
    doa: Certificate
    distribution: Certificate


def issue(authority: Authority) -> Served:
    """Issue what ACM would: one certificate a system, and CloudFront's own."""
    return Served(
        authority.issue(names.ORIGIN_HOST, names.DASHBOARD_HOST, names.STORE_HOST),
        authority.issue(names.DOA_HOST),
        authority.issue(names.STORE_HOST),
    )


def seed_aws(aws: Aws, stores: Stores, served: Served, kube: tuple[int, str], https: int) -> Seeded:
    """Make the pretend world's AWS; `kube` is the Kubernetes API's port and authority. Blocks."""
    port = {name: gateway.port for name, gateway in stores.gateways.items()}
    ports = Ports(
        kube_api=kube[0],
        kube_ca=kube[1],
        postgres_kyeol=port[names.KYEOL_DATABASE],
        postgres_doa=port[names.DOA_DATABASE],
        valkey_kyeol=port[names.KYEOL_CACHE],
        redis_doa=port[names.DOA_CACHE],
        https=https,
    )
    certificates = Certificates(_pem(served.kyeol), _pem(served.doa), _pem(served.distribution))
    return seed(aws, ports, certificates)


def _pem(certificate: Certificate) -> Pem:
    return Pem(certificate.cert_pem, certificate.key_pem, certificate.chain_pem)


def know(seeded: Seeded, stores: Stores, https_port: int) -> Facts:
    """Put together what the manifests have to be told."""

    def server(endpoint: Endpoint, user: str, password: str) -> Server:
        return Server(endpoint.host, endpoint.port, user, password)

    return Facts(
        server(seeded.kyeol_database, names.KYEOL_DATABASE_USER, stores.kyeol.plan.password),
        server(seeded.doa_database, names.DOA_DATABASE_USER, stores.doa.plan.password),
        server(seeded.kyeol_cache, "", stores.valkey.password),
        server(seeded.doa_cache, "", stores.redis.password),
        seeded.kyeol_certificate,
        seeded.doa_certificate,
        https_port,
        seeded.network.instances,
        secrets.token_urlsafe(38),
    )


def seed_cluster(kube: Kubernetes, facts: Facts) -> None:
    """Make every object of the cluster that no controller makes. Blocks."""
    for namespace in platform.namespaces():
        kube.ensure(namespace)
    for node, status in platform.nodes(facts):
        kube.create(node, status)
    kube.create_all(
        [
            *platform.controllers(),
            *kyeol.secrets(facts),
            *doa.secrets(facts),
            *(applied(item) for item in (*kyeol.declared(facts), *doa.declared(facts))),
            *platform.applications(),
        ]
    )
    now = timestamp()
    done = {"type": "Complete", "status": "True", "lastProbeTime": now, "lastTransitionTime": now}
    status = {"conditions": [done], "startTime": now, "completionTime": now, "succeeded": 1}
    kube.create(doa.create_databases_job(), status)
