"""The pretend world: all servers started, seeded, reconciled, and ready to be broken and mended."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import aiohttp

from sandbox import names, users
from sandbox.apps.containers import Containers
from sandbox.apps.saleor_runtime import SaleorRuntime
from sandbox.apps.surroundings import Surroundings
from sandbox.controllers import dataplane
from sandbox.controllers.alb import AlbController
from sandbox.controllers.argocd import ArgoCd
from sandbox.controllers.cluster import Cluster
from sandbox.controllers.external_dns import ExternalDns
from sandbox.controllers.images import Images
from sandbox.controllers.kubelet import Kubelet
from sandbox.controllers.manager import Manager, Parts
from sandbox.controllers.repository import Repository
from sandbox.controllers.runner import Node
from sandbox.controllers.target_health import TargetHealth
from sandbox.controllers.workqueue import WorkQueue
from sandbox.faults.site import Site
from sandbox.kube_api.server import KubeApi
from sandbox.kube_api.store import Store
from sandbox.kube_client import Kubernetes
from sandbox.kubelet_api import KubeletApi
from sandbox.manifests import doa, kyeol
from sandbox.network.certificates import Authority
from sandbox.network.dns import DnsServer
from sandbox.network.edge import Edge
from sandbox.policies import DatabasePolicies
from sandbox.seeding import issue, know, seed_aws, seed_cluster
from sandbox.servers import Authorities, start_aws, start_stores
from sandbox.surface import Surface
from sandbox.workload_runtime import WorkloadRuntime

if TYPE_CHECKING:
    from contextlib import AsyncExitStack
    from pathlib import Path

    from sandbox.aws.client import Aws
    from sandbox.aws.seeded import Seeded
    from sandbox.controllers.cloud import Cloud
    from sandbox.network.routes import Routes
    from sandbox.servers import Stores

THREADS: Final = 16


@dataclass(frozen=True)
class Tokens:
    """The bearer tokens of the Kubernetes API, made up for this run."""

    reader: str
    admin: str


@dataclass(frozen=True)
class World:
    """A settled sandbox."""

    site: Site
    manager: Manager
    surface: Surface
    tokens: Tokens


async def start_world(stack: AsyncExitStack, home: Path, authority: Path, latency: float) -> World:
    """Start everything and return when it is settled.

    `home` is an empty folder for whatever the servers need; `authority` is where the public authority's
    certificate goes, as a file. What was started is stopped by `stack`.
    """
    builder = _Builder(stack, home, authority, latency)
    return await builder.build()


class _Builder:
    """The steps of a start, in the order in which they need each other."""

    def __init__(self, stack: AsyncExitStack, home: Path, authority: Path, latency: float) -> None:
        self.began = time.monotonic()
        self.stack = stack
        self.home = home
        self.authority_file = authority
        self.latency = latency
        self.authorities = Authorities(Authority("Sandbox Public CA"), Authority("Sandbox RDS CA"))
        self.tokens = Tokens(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self.cluster = Cluster(store := Store())
        self.queue = WorkQueue(self.cluster)
        self.store = store
        self.pool = ThreadPoolExecutor(THREADS, "sandbox")
        self.surface = Surface()
        self.served = issue(self.authorities.public)

    async def build(self) -> World:
        stack = self.stack
        stack.callback(self.pool.shutdown, wait=False, cancel_futures=True)
        self.authority_file.write_text(self.authorities.public.pem)
        aws, stores, saleor = await self._start_children()
        session = await stack.enter_async_context(_session())
        name_servers, dns = await self._start_dns()
        edge = await self._start_edge()
        runtime = self._runtime(saleor, aws, dns.port)
        images = Images(aws, self.pool, self.surface.gets_out)
        kubelet = Kubelet(Node(self.cluster, self.queue, images, runtime, session))
        stack.push_async_callback(kubelet.stop)
        kube_api, kube_url = await self._start_kube_api(kubelet)
        seeded = await self._seed_aws(aws, stores, kube_url, edge.port)
        facts = know(seeded, stores, edge.port)
        kube = Kubernetes(kube_url, self.tokens.admin, self.authority_file)
        kube_api.trusts_writers = True
        await asyncio.to_thread(seed_cluster, kube, facts)
        kube_api.trusts_writers = False
        self._mark("cluster seeded")
        repository = Repository(
            {names.KYEOL_APPLICATION: kyeol.declared(facts), names.DOA_APPLICATION: doa.declared(facts)}
        )
        argocd = ArgoCd(self.cluster, repository)
        manager = self._manager(aws, kubelet, session, argocd, stores=stores, edge=edge, seeded=seeded)
        manager.start()
        stack.push_async_callback(manager.stop)
        await manager.settle()
        if manager.failures:
            raise RuntimeError("\n".join(map(str, manager.failures)))
        self._mark("settled")
        await self._slow_down(aws, kube_api)
        loop = asyncio.get_running_loop()
        site = Site(
            loop, aws, seeded, facts, kube, kube_api, repository, partial(argocd.sync, self.queue), stores,
            self.authorities, self.surface, dns, name_servers, runtime.behaviours, images,
        )  # fmt: skip
        return World(site, manager, self.surface, self.tokens)

    async def _start_children(self) -> tuple[Aws, Stores, SaleorRuntime]:
        saleor = SaleorRuntime(self.home / "saleor.log")
        self.stack.push_async_callback(saleor.stop)
        aws, stores, _, _ = await asyncio.gather(
            start_aws(self.stack, self.home / "aws.log"),
            start_stores(self.stack, self.home, self.authorities.stores, self.surface.admits, self.latency),
            saleor.start(),
            asyncio.to_thread(_import_boto3),
        )
        self._mark("servers started")
        return aws, stores, saleor

    async def _seed_aws(self, aws: Aws, stores: Stores, kube_url: str, https_port: int) -> Seeded:
        kube = (int(kube_url.rpartition(":")[2]), self.authorities.public.pem)
        seeded = await asyncio.to_thread(seed_aws, aws, stores, self.served, kube, https_port)
        self._mark("AWS seeded")
        certificates = {
            seeded.kyeol_certificate: self.served.kyeol,
            seeded.doa_certificate: self.served.doa,
            seeded.distribution_certificate: self.served.distribution,
        }
        self.surface.certificates.update(certificates)
        return seeded

    def _mark(self, step: str) -> None:
        sys.stderr.write(
            f"{time.monotonic() - self.began:6.2f} s (CPU {time.process_time():5.2f} s)  {step}\n"
        )
        sys.stderr.flush()

    async def _start_dns(self) -> tuple[DnsServer, DnsServer]:
        """Start the zones' name servers (one for all), and the resolver."""
        name_servers = DnsServer(self.surface.answer_as_authority, latency=self.latency)
        resolver = DnsServer(self.surface.answer, latency=self.latency, is_resolver=True)
        for server in (name_servers, resolver):
            await server.start()
            self.stack.push_async_callback(server.stop)
        return name_servers, resolver

    async def _start_edge(self) -> Edge:
        default = self.authorities.public.issue("edge.sandbox.invalid")
        edge = Edge(self.surface.certificate_of, default, self.surface.resolves, latency=self.latency)
        await edge.start()
        self.stack.push_async_callback(edge.stop)
        return edge

    async def _start_kube_api(self, kubelet: Kubelet) -> tuple[KubeApi, str]:
        tokens = {self.tokens.reader: users.READER, self.tokens.admin: users.ADMIN}
        api = KubeApi(self.store, tokens, KubeletApi(kubelet), kubelet.locate)
        certificate = self.authorities.public.issue("127.0.0.1", "localhost", "kubernetes.default.svc")
        port = await api.start(certificate.server_context())
        self.stack.push_async_callback(api.stop)
        return api, f"https://127.0.0.1:{port}"

    def _runtime(self, saleor: SaleorRuntime, aws: Aws, dns_port: int) -> WorkloadRuntime:
        surroundings = Surroundings(
            self.surface.resolve, f"127.0.0.1:{dns_port}", self.authorities.stores.pem
        )
        containers = Containers(surroundings, saleor)
        self.stack.push_async_callback(containers.stop)
        return WorkloadRuntime(containers, self.cluster, aws, self.pool)

    def _manager(  # noqa: PLR0913  each is one of the world's parts
        self,
        aws: Aws,
        kubelet: Kubelet,
        session: aiohttp.ClientSession,
        argocd: ArgoCd,
        *,
        stores: Stores,
        edge: Edge,
        seeded: Seeded,
    ) -> Manager:
        balancers = AlbController(self.cluster, aws, self.pool)
        policies = DatabasePolicies({names.KYEOL_DATABASE: stores.kyeol, names.DOA_DATABASE: stores.doa})

        async def apply(cloud: Cloud) -> None:
            self.surface.cloud = cloud
            self.surface.arns = dataplane.certificates(
                cloud, balancers.deployed.values(), seeded.distribution_certificate
            )
            await policies.apply(cloud)
            await asyncio.gather(*(gateway.refresh() for gateway in stores.gateways.values()))

        def route(routes: Routes) -> None:
            edge.routes = routes

        parts = Parts(
            self.cluster,
            self.queue,
            aws,
            self.pool,
            argocd,
            kubelet,
            balancers,
            TargetHealth(session, kubelet.locate),
            ExternalDns(self.cluster, aws, self.pool),
            route,
            self.surface.set_names,
            apply,
        )
        return Manager(parts)

    async def _slow_down(self, aws: Aws, kube_api: KubeApi) -> None:
        kube_api.latency_s = self.latency
        if self.latency:
            await asyncio.to_thread(aws.latency, self.latency)


def _import_boto3() -> None:
    # Half a second of imports: while the servers start is the cheapest moment.
    import boto3  # noqa: F401


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True, limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )
