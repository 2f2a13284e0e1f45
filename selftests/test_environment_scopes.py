"""Scopes: which subjects are "of the same service", "of the same ingress" and so on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from postflight.collection import Collection
from postflight.environment import Environment, find, load, scopes, subjects
from postflight.subjects import rows
from selftests.test_assertions import function

FOLDER = Path(__file__).parent.parent / "environments"


def sandbox() -> Environment:
    """Load the environment that holds both systems."""
    return load(find("sandbox", FOLDER), {})


def scopes_of(environment: Environment, kind: str, name: str) -> dict[str, frozenset[str]]:
    """Return the scopes of one subject."""
    (subject,) = (each for each in subjects(environment, kind) if each.name == name)
    return scopes(environment, subject)


def shared(environment: Environment, kind: str, one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether two subjects are of the same `kind`."""
    first, second = (scopes_of(environment, *each) for each in (one, other))
    return bool(first.get(kind, frozenset()) & second.get(kind, frozenset()))


def test_service_belongs_to_its_database_and_that_ones_server() -> None:
    """So that one missing database explains one service, and a closed server every service on it."""
    found = scopes_of(sandbox(), "service", "cart-service")
    assert found["service"] == {"cart-service"}
    assert found["database"] == {"cart_service"}
    assert found["database_server"] == {"doa-market-rds"}
    assert found["namespace"] == {"doa-market-prod"}
    assert "cache" not in found


def test_missing_database_is_of_one_service_and_not_of_its_neighbours() -> None:
    """The eighteen share a server, not a database."""
    environment = sandbox()
    database = ("database", "cart_service")
    assert shared(environment, "service", database, ("service", "cart-service"))
    assert shared(environment, "database", database, ("service", "cart-service"))
    assert not shared(environment, "database", database, ("service", "auth-service"))
    assert not shared(environment, "service", database, ("service", "auth-service"))
    assert shared(environment, "database_server", database, ("service", "auth-service"))


def test_host_belongs_to_its_ingress_and_the_services_behind() -> None:
    """A service that is down is felt at the hosts of its ingress."""
    found = scopes_of(sandbox(), "host", "api-sandbox.doa-market.click")
    assert found["ingress"] == {"doa-market"}
    assert found["service"] == {"api-gateway"}
    assert found["certificate"] == {"doa-market"}
    assert found["hosted_zone"] == {"doa-market.click"}
    assert found["cache"] == {"doa-market-redis"}


def test_host_and_backends_share_the_ingress() -> None:
    """Of the same ingress, and not of the other system's."""
    environment = sandbox()
    host = ("host", "dashboard-sandbox.kyeol.click")
    assert shared(environment, "ingress", host, ("backend", "saleor-saleor-api"))
    assert not shared(environment, "ingress", host, ("backend", "doa-market-api-gateway"))
    assert not shared(environment, "namespace", host, ("backend", "doa-market-api-gateway"))


def test_backend_belongs_to_its_own_service_only() -> None:
    """Its ingress has other services too; they are not this target group's."""
    environment = sandbox()
    found = scopes_of(environment, "backend", "saleor-saleor-storefront")
    assert found["service"] == {"saleor-storefront"}
    assert found["ingress"] == {"saleor"}
    assert not shared(
        environment, "service", ("service", "saleor-api"), ("backend", "saleor-saleor-storefront")
    )


def test_service_belongs_to_what_refers_to_it() -> None:
    """Its ingress, backend, API, browser origins, bucket and superuser."""
    found = scopes_of(sandbox(), "service", "saleor-api")
    assert found["ingress"] == {"saleor"}
    assert found["backend"] == {"saleor-saleor-api"}
    assert found["api"] == {"graphql"}
    assert found["origin"] == {"graphql-store", "graphql-dashboard"}
    assert found["bucket"] == {"media"}
    assert found["superuser"] == {"saleor"}
    assert found["cache"] == {"min-kyeol-sandbox-valkey"}


def test_subnet_and_gateway_share_their_zone() -> None:
    """A zone's missing gateway is felt in that zone's subnets; a hosted zone is no such zone."""
    environment = sandbox()
    assert shared(environment, "zone", ("subnet", "private-a"), ("nat_gateway", "natgw-a"))
    assert shared(environment, "zone", ("subnet", "private-a"), ("zone", "ap-northeast-2a"))
    assert not shared(environment, "zone", ("subnet", "private-a"), ("nat_gateway", "natgw-b"))
    assert "zone" not in scopes_of(environment, "hosted_zone", "kyeol.click")


def test_thousands_of_services_are_related_in_no_time(tmp_path: Path) -> None:
    """Looking through all for each of them took minutes; the limit is ten times what it takes now."""
    names = [f"service-{number}" for number in range(1900)]
    file = tmp_path / "large.yaml"
    file.write_text(
        'aws: {account: "123456789012", region: x}\n'
        "services:\n  defaults: {namespace: x, database: '${snake_name}'}\n"
        + "".join(f"  {name}:\n" for name in names)
        + "database_servers:\n  d:\n    {kind: cluster, identifier: i, user: u, login: {}, login_database: d,"
        + f"     databases: [{', '.join(names).replace('-', '_')}]}}\n"
        + f"ingresses: {{i: {{namespace: x, services: [{', '.join(names)}]}}}}\n"
    )
    begun = time.process_time()
    environment = load(file, {})
    found = [scopes(environment, service) for service in subjects(environment, "service")]
    assert time.process_time() - begun < 5
    assert len(found) == 1900
    assert found[7]["database"] == {"service_7"}


def test_public_subnets_carry_the_internet_facing_ingresses_and_private_ones_none() -> None:
    """A missing tag on a private subnet must not be taken for the cause of an Ingress without an address."""
    environment = sandbox()
    assert scopes_of(environment, "subnet", "public-a")["ingress"] == {"saleor", "doa-market"}
    assert "ingress" not in scopes_of(environment, "subnet", "private-a")


def test_each_controller_serves_what_it_makes() -> None:
    """ExternalDNS writes records and no load balancers: only the first are its consequences."""
    environment = sandbox()
    assert "host" not in scopes_of(environment, "controller", "aws-load-balancer-controller")
    assert "ingress" not in scopes_of(environment, "controller", "external-dns")
    served = scopes_of(environment, "controller", "external-dns")["host"]
    assert served == {
        "origin-sandbox-kyeol.click",
        "dashboard-sandbox.kyeol.click",
        "api-sandbox.doa-market.click",
    }


def test_a_cdn_host_and_an_api_stand_before_the_ingress_of_their_origin() -> None:
    """A load balancer that is gone explains what the CDN and the API answer."""
    environment = sandbox()
    for kind, name in (("host", "sandbox-kyeol.click"), ("api", "graphql"), ("origin", "graphql-store")):
        assert scopes_of(environment, kind, name)["ingress"] == {"saleor"}, (kind, name)


def test_one_nat_gateway_for_all_serves_every_zone() -> None:
    """Where one gateway serves all, its failure explains the routes of every zone."""
    environment = load(find("dev", FOLDER), {})
    (gateway,) = environment.nat_gateways
    zones = {subnet.zone for subnet in environment.subnets.values()}
    assert scopes_of(environment, "nat_gateway", gateway)["zone"] == zones


def test_controller_without_a_role_is_asked_for_none() -> None:
    """With EKS Pod Identity a ServiceAccount names no role, and works; the rest is checked."""
    without_role = sandbox().controllers["external-dns"].model_copy(update={"role": None, "policy": None})
    environment = sandbox().model_copy(update={"controllers": {"external-dns": without_role}})
    collection = Collection(environment, "inside", rows(), release=None)
    assert collection.about("controller", [pytest.mark.where("owner_id").mark]) == [without_role]
    for check in (
        "tests_infra/test_controller_roles.py::test_controller_role_trusts_its_service_account",
        "tests_infra/test_controller_roles.py::test_controller_role_has_its_policy",
        "tests_platform/test_controllers.py::test_controller_service_account_names_its_role",
    ):
        assert collection.about("controller", where(check)) == [], check


def where(check: str) -> list[pytest.Mark]:
    """Return what a check wants of its subjects."""
    return [mark for mark in getattr(function(check), "pytestmark", []) if mark.name == "where"]
