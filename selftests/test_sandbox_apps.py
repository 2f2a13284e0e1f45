"""The programs in the sandbox's containers: how they start, what they answer, and how they fail."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sandbox.apps.surroundings import Behaviour
from selftests.data_plane import SHOP_ORIGIN, DataPlane, ask, data_plane, ends
from selftests.event_loop import EventLoop, event_loop

FOREIGN_ORIGIN = "https://elsewhere.test"
PRODUCTS = {"query": "query($n: Int) { shop { name } products(first: $n) { edges { node { id name } } } }"}


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoop]:
    """Give an event loop in a thread."""
    with event_loop() as running:
        yield running


@pytest.fixture(scope="module")
def plane(loop: EventLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    """Give databases, a network and a container runtime."""
    context = data_plane(tmp_path_factory.mktemp("plane"))
    yield loop.run(context.__aenter__())
    loop.run(context.__aexit__(None, None, None))


# DOA Market


def test_service_answers_its_health(loop: EventLoop, plane: DataPlane) -> None:
    """Probes and load balancers ask both paths."""
    container = loop.run(plane.start("cart-service", plane.service("cart-service")))
    for path in ("/health", "/api/v1/health"):
        body = ask(container, path).json()
        assert (body["status"], body["service"]) == ("ok", "cart-service")
    assert ask(container, "/nothing").status_code == 404
    loop.run(container.stop())
    assert container.exited.result() == 137
    assert container.address is None


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("cart-service", {"DB_NAME": "doa_carts"}, 'database "doa_carts" does not exist (code: 3D000)'),
        ("cart-service", {"DB_USER": "doa_user"}, 'password authentication failed for user "doa_user"'),
        ("cart-service", {"DB_PASSWORD": "x"}, 'password authentication failed for user "doaadmin"'),
        ("cart-service", {"DB_HOST": "gone.rds.amazonaws.com"}, "ENOTFOUND gone.rds.amazonaws.com"),
        ("cart-service", {"LOG_DIR": "logs"}, "EROFS: read-only file system, mkdir '/app/logs'"),
        (
            "file-service",
            {"UPLOAD_DIR": "/app/uploads"},
            "read-only file system, mkdir '/app/uploads'",
        ),
        ("payment-service", {"RABBITMQ_ENABLED": "true"}, "getaddrinfo ENOTFOUND rabbitmq"),
        ("search-service", {"OPENSEARCH_ENABLED": "true"}, "Connection Error at http://localhost:9200/"),
    ],
)
def test_service_that_cannot_start_says_why(
    loop: EventLoop, plane: DataPlane, name: str, changes: dict[str, str], words: str
) -> None:
    """The log of a crashing pod is where its guide starts."""
    container = loop.run(plane.start(name, plane.service(name, **changes)))
    assert loop.run(ends(container)) == 1
    assert words in "\n".join(container.lines)


def test_broker_switch_concerns_only_its_users(loop: EventLoop, plane: DataPlane) -> None:
    """A missing switch breaks three services, not all of them."""
    environment = plane.service("cart-service", RABBITMQ_ENABLED="true", OPENSEARCH_ENABLED="true")
    container = loop.run(plane.start("cart-service", environment))
    assert not container.exited.done()
    loop.run(container.stop())


def test_service_ends_with_its_database(loop: EventLoop, plane: DataPlane) -> None:
    """A dropped database must show in its service and nowhere else."""
    cart, banner = (
        loop.run(plane.start(name, plane.service(name))) for name in ("cart-service", "banner-service")
    )
    loop.run(plane.doa.execute("DROP DATABASE cart_service WITH (FORCE)"))
    assert loop.run(ends(cart)) == 1
    assert not banner.exited.done()
    again = loop.run(plane.start("cart-service", plane.service("cart-service")))
    assert "3D000" in again.lines[-1]
    loop.run(plane.doa.execute("CREATE DATABASE cart_service OWNER doaadmin"))
    loop.run(banner.stop())


def test_service_times_out_behind_a_closed_group(loop: EventLoop, plane: DataPlane) -> None:
    """A closed security group is a timeout in the log, after the service's own limit."""
    plane.database_admitted = False
    loop.run(plane.gateways["doa"].refresh())
    container = loop.run(plane.start("cart-service", plane.service("cart-service")))
    assert "ETIMEDOUT" in container.lines[-1]
    plane.database_admitted = True
    loop.run(plane.gateways["doa"].refresh())


def test_service_without_tls_meets_forced_tls(loop: EventLoop, plane: DataPlane) -> None:
    """DOA Market's services connect in plain text: rds.force_ssl ends them."""
    loop.run(plane.doa.set_policy(force_ssl=True))
    container = loop.run(plane.start("cart-service", plane.service("cart-service")))
    assert "no pg_hba.conf entry" in container.lines[-1]
    secure = loop.run(plane.start("cart-service", plane.service("cart-service", DB_SSL="true")))
    assert not secure.exited.done()
    loop.run(secure.stop())
    loop.run(plane.doa.set_policy(force_ssl=False))


def test_health_under_another_path_is_not_found(loop: EventLoop, plane: DataPlane) -> None:
    """An image from before the health route was added answers 404 to the probe."""
    old = Behaviour(health_path="/api/v1/health")
    container = loop.run(plane.start("banner-service", plane.service("banner-service"), old))
    assert ask(container, "/health").status_code == 404
    assert ask(container, "/api/v1/health").status_code == 200
    loop.run(container.stop())


def test_gateway_uses_its_cache(loop: EventLoop, plane: DataPlane) -> None:
    """Host, TLS and AUTH of the cache are all needed."""
    container = loop.run(plane.start("api-gateway", plane.gateway()))
    assert "Redis connection established" in container.lines
    assert ask(container, "/health").json()["service"] == "api-gateway"
    loop.run(container.stop())


@pytest.mark.parametrize("required", [False, True])
def test_gateway_gives_up_a_hanging_cache(loop: EventLoop, plane: DataPlane, required: bool) -> None:
    """With the fix the gateway goes on without its cache; without it, it does not start."""
    loop.run(plane.gateways["cache"].set_mode("silent"))
    container = loop.run(plane.start("api-gateway", plane.gateway(), Behaviour(cache_required=required)))
    assert any("Redis connection timeout after 10s" in line for line in container.lines)
    assert container.exited.done() == required
    assert (container.lines[-1] == "Failed to start server") == required
    loop.run(container.stop())
    loop.run(plane.gateways["cache"].set_mode("relay"))


# KYEOL


def test_storefront_names_its_api(loop: EventLoop, plane: DataPlane) -> None:
    """What browsers call is what the page says."""
    uri = "https://origin-sandbox-kyeol.click/graphql/"
    container = loop.run(plane.start("saleor-storefront", {"NEXT_PUBLIC_API_URI": uri}))
    assert uri in ask(container, "/").text
    loop.run(container.stop())
    assert loop.run(ends(loop.run(plane.start("saleor-storefront", {})))) == 1


def test_api_serves_products(loop: EventLoop, plane: DataPlane) -> None:
    """The query goes from HTTP through GraphQL and Django to PostgreSQL and back."""
    container = loop.run(plane.start("saleor-api", plane.api()))
    assert ask(container, "/health/").json() == {"status": "ok", "database": "ok"}
    answer = ask(container, "/graphql/", "POST", json={**PRODUCTS, "variables": {"n": 3}}).json()
    assert answer["data"]["shop"] == {"name": "KYEOL"}
    assert len(answer["data"]["products"]["edges"]) == 3
    assert ask(container, "/graphql/", "POST", json={"query": "{ nothing }"}).status_code == 400
    assert ask(container, "/graphql/", "POST", data="{").status_code == 400
    loop.run(container.stop())
    assert container.exited.result() == 143


def test_api_answers_browsers_by_its_allowed_hosts(loop: EventLoop, plane: DataPlane) -> None:
    """Only the listed origins pass, on answers and on preflights."""
    container = loop.run(plane.start("saleor-api", plane.api()))
    preflight = {"Access-Control-Request-Method": "POST"}
    for origin, expected in ((SHOP_ORIGIN, SHOP_ORIGIN), (FOREIGN_ORIGIN, None)):
        asked = ask(container, "/graphql/", "OPTIONS", headers={"Origin": origin, **preflight})
        assert asked.status_code == 200
        assert asked.headers.get("Access-Control-Allow-Origin") == expected
        assert ("POST" in asked.headers.get("Access-Control-Allow-Methods", "")) == bool(expected)
        answer = ask(container, "/graphql/", "POST", json=PRODUCTS, headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == expected
    loop.run(container.stop())


def test_api_with_a_star_lets_anybody_in(loop: EventLoop, plane: DataPlane) -> None:
    """The fault is an echoed origin together with credentials."""
    container = loop.run(plane.start("saleor-api", plane.api(ALLOWED_CLIENT_HOSTS="*")))
    answer = ask(container, "/graphql/", headers={"Origin": FOREIGN_ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == FOREIGN_ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    loop.run(container.stop())


def test_api_without_a_secret_key_answers_500(loop: EventLoop, plane: DataPlane) -> None:
    """It starts, is healthy to its probe, and fails each request, with CORS headers on the error."""
    container = loop.run(plane.start("saleor-api", plane.api(SECRET_KEY="")))
    assert ask(container, "/health/").status_code == 200
    answer = ask(container, "/graphql/", "POST", json=PRODUCTS, headers={"Origin": SHOP_ORIGIN})
    assert answer.status_code == 500
    assert answer.headers["Access-Control-Allow-Origin"] == SHOP_ORIGIN
    loop.run(container.stop())
    assert any("SECRET_KEY setting must not be empty" in line for line in container.lines)


@pytest.mark.parametrize("key", ["DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS", "ALLOWED_CLIENT_HOSTS"])
def test_api_does_not_start_without_a_required_key(loop: EventLoop, plane: DataPlane, key: str) -> None:
    """A key gone from a ConfigMap or Secret is a crash with its name in the log."""
    environment = {name: value for name, value in plane.api().items() if name != key}
    container = loop.run(plane.start("saleor-api", environment))
    assert loop.run(ends(container)) == 1
    assert container.lines[-1].endswith(f"Missing required environment variable: {key}")


def test_api_is_unhealthy_without_its_database(loop: EventLoop, plane: DataPlane) -> None:
    """An old endpoint in DATABASE_URL does not resolve any more; the password is not shown."""
    url = plane.api()["DATABASE_URL"].replace("db.rds", "old.rds")
    container = loop.run(plane.start("saleor-api", plane.api(DATABASE_URL=url)))
    answer = ask(container, "/health/")
    assert answer.status_code == 503
    assert "failed to resolve host 'old.rds.amazonaws.com'" in answer.text
    loop.run(container.stop())
    assert plane.kyeol.plan.password not in answer.text + "\n".join(container.lines)


def test_slow_products_take_their_time(loop: EventLoop, plane: DataPlane) -> None:
    """The query must really last, so that a client's limit is put to the test."""
    container = loop.run(plane.start("saleor-api", plane.api(SANDBOX_PRODUCTS_DELAY="0.4")))
    began = time.monotonic()
    ask(container, "/graphql/", "POST", json=PRODUCTS)
    assert time.monotonic() - began >= 0.4
    began = time.monotonic()
    ask(container, "/graphql/", "POST", json={"query": "{ shop { name } }"})
    assert time.monotonic() - began < 0.4
    loop.run(container.stop())
