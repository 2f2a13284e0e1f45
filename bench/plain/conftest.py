"""Clients, made once a process, and what a test is about."""

from collections.abc import Iterator
from typing import Any

import boto3
import dns.resolver
import kubernetes
import pytest
import requests

from bench.plain import expected
from bench.plain.reach import Reach


@pytest.fixture(scope="session")
def aws() -> Any:
    """Return a function that makes an AWS client of this region, once."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = boto3.client(service, region_name=expected.REGION)
        return made[service]

    return client


@pytest.fixture(scope="session")
def cluster() -> Any:
    return kubernetes.config.new_client_from_config(context="sandbox")  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def core(cluster: Any) -> Any:
    return kubernetes.client.CoreV1Api(cluster)


@pytest.fixture(scope="session")
def apps(cluster: Any) -> Any:
    return kubernetes.client.AppsV1Api(cluster)


@pytest.fixture(scope="session")
def networking(cluster: Any) -> Any:
    return kubernetes.client.NetworkingV1Api(cluster)


@pytest.fixture(scope="session")
def custom(cluster: Any) -> Any:
    return kubernetes.client.CustomObjectsApi(cluster)


@pytest.fixture(scope="session")
def resolver() -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=False)
    made.nameservers = [expected.RESOLVER]
    made.port = int(expected.RESOLVER_PORT)
    return made


@pytest.fixture(scope="session")
def reach(resolver: dns.resolver.Resolver) -> Reach:
    return Reach(resolver, expected.CA, expected.HTTPS_PORT)


@pytest.fixture(scope="session")
def web(reach: Reach) -> Iterator[requests.Session]:
    with reach.session(expected.HOSTS) as session:
        yield session


@pytest.fixture(params=expected.SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=expected.SERVERS, ids=lambda server: server.name)
def server(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=expected.CACHES, ids=lambda cache: cache.name)
def cache(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=expected.HOSTS)
def host(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=expected.INGRESSES)
def ingress_name(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=expected.SUBNETS, ids="-".join)
def subnet_place(request: pytest.FixtureRequest) -> Any:
    return request.param
