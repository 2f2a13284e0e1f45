"""Makes everything AWS of the pretend world, except what controllers make."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sandbox import names
from sandbox.aws import seed_edge, seed_network, seed_platform, seed_stores
from sandbox.aws.seeded import Certificates, Endpoint, Network, Ports, Seeded

if TYPE_CHECKING:
    from concurrent.futures import Future

    from sandbox.aws.client import Aws


def seed(aws: Aws, ports: Ports, certificates: Certificates) -> Seeded:
    """Make the pretend world's AWS.

    Load balancers and the records of Ingress hosts are left to the controllers. Two pools: tasks wait for
    steps, steps for nothing, so neither can starve the other.
    """
    with ThreadPoolExecutor(12, "seed") as tasks, ThreadPoolExecutor(6, "seed-step") as steps:
        network = tasks.submit(seed_network.seed_network, aws, ports, steps)
        roles = tasks.submit(seed_platform.seed_roles, aws, steps)
        reader = tasks.submit(seed_platform.seed_reader, aws)
        images = tasks.submit(seed_platform.seed_images, aws, steps)
        zones = tasks.submit(seed_edge.seed_zones, aws, steps)
        edge = tasks.submit(_edge, aws, certificates, zones)
        stores = tasks.submit(_stores, aws, ports, network, tasks)
        bucket = tasks.submit(seed_stores.seed_media_bucket, aws)
        seed_platform.seed_cluster(aws, network.result(), roles.result(), ports)
        kyeol, doa, distribution_certificate, distribution = edge.result()
        bucket.result()
        return Seeded(
            network.result(),
            *stores.result(),
            kyeol_certificate=kyeol,
            doa_certificate=doa,
            distribution_certificate=distribution_certificate,
            zones=zones.result(),
            distribution_id=distribution[0],
            distribution_domain=distribution[1],
            roles=roles.result(),
            image_digests=images.result(),
            oidc_issuer=seed_platform.OIDC_ISSUER,
            reader=reader.result(),
        )


def _stores(
    aws: Aws, ports: Ports, network: Future[Network], tasks: ThreadPoolExecutor
) -> tuple[Endpoint, Endpoint, Endpoint, Endpoint]:
    made = network.result()
    terraform = tasks.submit(seed_stores.seed_terraform, aws, made)
    kyeol = tasks.submit(seed_stores.seed_kyeol_database, aws, made, ports)
    doa = tasks.submit(seed_stores.seed_doa_database, aws, made, ports)
    valkey = seed_stores.seed_cache(aws, made, names.KYEOL_CACHE, "valkey", ports.valkey_kyeol)
    redis = seed_stores.seed_cache(aws, made, names.DOA_CACHE, "redis", ports.redis_doa)
    terraform.result()
    return kyeol.result(), doa.result(), valkey, redis


def _edge(
    aws: Aws, certificates: Certificates, zones: Future[dict[str, str]]
) -> tuple[str, str, str, tuple[str, str]]:
    kyeol = seed_edge.seed_certificate(aws, certificates.kyeol, names.REGION)
    doa = seed_edge.seed_certificate(aws, certificates.doa, names.REGION)
    store = seed_edge.seed_certificate(aws, certificates.distribution, seed_edge.CLOUDFRONT_REGION)
    distribution = seed_edge.seed_distribution(aws, store, zones.result())
    arns = {kyeol: names.REGION, doa: names.REGION, store: seed_edge.CLOUDFRONT_REGION}
    seed_edge.seed_validation_records(aws, arns, zones.result())
    return kyeol, doa, store, distribution
