"""The sandbox's HTTPS edge: load balancers and a CDN, seen by an ordinary HTTPS client."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from aiohttp import web

from sandbox.network.certificates import Authority, Certificate
from sandbox.network.edge import Edge
from sandbox.network.routes import Distribution, LoadBalancer, Routes, Rule, Target
from selftests.event_loop import EventLoop, event_loop

PUBLIC = Authority("Test public authority")
ORIGIN, SHOP, DASHBOARD = "origin.test", "shop.test", "dashboard.test"
LATENCY = 0.1
Address = tuple[str, int]


@dataclass
class Front:
    """An edge with what it asks, and a client that trusts the public authority."""

    loop: EventLoop
    edge: Edge
    certificates: dict[str, Certificate]
    resolvable: set[str]
    ca_file: Path
    target: Address
    balancer: LoadBalancer

    def route(self, balancer: LoadBalancer) -> None:
        """Give the edge one load balancer, and the CDN before it."""
        self.edge.routes = Routes((balancer,), (Distribution((SHOP,), ORIGIN),))

    def ask(
        self, host: str, path: str = "/", method: str = "GET", body: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Send one request, verified against the public authority."""
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.edge.port,
            server_hostname=host,
            assert_hostname=host,
            ca_certs=str(self.ca_file),
            retries=False,
            timeout=3,
        ) as pool:
            wanted = {"Host": f"{host}:{self.edge.port}", **headers}
            return pool.request(method, path, body=body, headers=wanted)


async def _reflect(request: web.Request) -> web.Response:
    seen = {"method": request.method, "path": request.raw_path, "host": request.host}
    seen["size"] = str(len(await request.read()))
    seen["proto"] = request.headers.get("X-Forwarded-Proto", "")
    return web.json_response(seen, headers={"X-Target": "yes"})


async def _start_target() -> tuple[web.AppRunner, Address]:
    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{path:.*}", _reflect)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, runner.addresses[0]


def _free_address() -> Address:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1", int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def loop() -> Iterator[EventLoop]:
    """Give an event loop in a thread."""
    with event_loop() as running:
        yield running


@pytest.fixture(params=[0.0, LATENCY], ids=["quick", "late"])
def front(loop: EventLoop, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Front]:
    """Give an edge with one healthy target behind every host."""
    certificates = {host: PUBLIC.issue(host) for host in (ORIGIN, SHOP, DASHBOARD)}
    resolvable = {ORIGIN}
    edge = Edge(
        certificates.get,
        PUBLIC.issue("localhost"),
        resolvable.__contains__,
        latency=request.param,
        target_timeout=0.2,
    )
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(PUBLIC.pem)
    runner, target = loop.run(_start_target())
    loop.run(edge.start())
    rules = (
        Rule(ORIGIN, "/", (Target(target),)),
        Rule(ORIGIN, "/graphql/", ()),
        Rule(ORIGIN, "/refused/", (Target(_free_address()),)),
        Rule(ORIGIN, "/gone/", (Target(None),)),
        Rule(ORIGIN, "/closed/", (Target(target, admitted=False),)),
        Rule(ORIGIN, "/some/", (Target(None, healthy=False), Target(target))),
        Rule(DASHBOARD, "/", (Target(target, healthy=False),)),
    )
    made = Front(loop, edge, certificates, resolvable, ca_file, target, LoadBalancer("k8s-saleor", rules))
    made.route(made.balancer)
    yield made
    loop.run(edge.stop())
    loop.run(runner.cleanup())


def test_request_reaches_the_target_unchanged(front: Front) -> None:
    """What a service sees of a request decides what it answers."""
    answer = front.ask(ORIGIN, "/a%20b?q=1", "POST", b"z" * 3_000_000)
    assert answer.status == 200
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["size"]) == ("POST", "/a%20b?q=1", "3000000")
    assert seen["host"] == f"{ORIGIN}:{front.edge.port}"
    assert seen["proto"] == "https"


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "PUT", "DELETE", "PATCH"])
def test_every_method_passes(front: Front, method: str) -> None:
    """A preflight that the edge refuses would look like a CORS fault."""
    assert front.ask(ORIGIN, "/", method).headers["X-Target"] == "yes"


def test_head_has_the_length_of_get(front: Front) -> None:
    """A client that asks for the size alone must get the real one."""
    wanted = front.ask(ORIGIN, "/x").headers["Content-Length"]
    head = front.ask(ORIGIN, "/x", "HEAD")
    assert (abs(int(head.headers["Content-Length"]) - int(wanted)), head.data) == (1, b"")


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        (ORIGIN, "/graphql/", 503),
        (ORIGIN, "/graphql", 503),
        (ORIGIN, "/graphqlish", 200),
        (ORIGIN, "/refused/", 502),
        (ORIGIN, "/gone/", 502),
        (ORIGIN, "/closed/", 504),
        (ORIGIN, "/some/thing", 200),
        (DASHBOARD, "/", 200),
    ],
)
def test_load_balancer_answers_by_its_targets(front: Front, host: str, path: str, status: int) -> None:
    """No target, a dead one, an unreachable one and only unhealthy ones are four different stories."""
    answer = front.ask(host, path)
    assert answer.status == status
    assert (answer.headers.get("Server") == "awselb/2.0") == (status != 200)


def test_unhealthy_target_is_passed_over(front: Front) -> None:
    """Traffic goes to healthy targets as long as there are any."""
    assert {front.ask(ORIGIN, "/some/").status for _ in range(4)} == {200}


def test_unknown_host_gets_the_listeners_404(front: Front) -> None:
    """A host that no Ingress names ends at the listener's default action."""
    front.certificates["other.test"] = PUBLIC.issue("other.test")
    assert front.ask("other.test").status == 404


def test_unknown_name_gets_the_default_certificate(front: Front) -> None:
    """A certificate that does not cover its host must fail in the client, as in a browser."""
    with pytest.raises(urllib3.exceptions.SSLError, match="localhost"):
        front.ask("other.test")


def test_certificate_is_chosen_at_each_handshake(front: Front) -> None:
    """A certificate that expires while the sandbox runs is served expired at once."""
    assert front.ask(ORIGIN).status == 200
    front.certificates[ORIGIN] = PUBLIC.issue(ORIGIN, days=-1)
    with pytest.raises(urllib3.exceptions.SSLError, match="expired"):
        front.ask(ORIGIN)


def test_cdn_passes_the_origins_answer(front: Front) -> None:
    """The origin sees its own host; the client sees that a CDN was there."""
    answer = front.ask(SHOP, "/products")
    assert answer.status == 200
    assert answer.json()["host"] == ORIGIN
    assert answer.headers["X-Cache"] == "Miss from cloudfront"


def test_cdn_marks_the_origins_errors(front: Front) -> None:
    """A 503 of the load balancer passes through and is labelled."""
    answer = front.ask(SHOP, "/graphql/")
    assert answer.status == 503
    assert answer.headers["X-Cache"] == "Error from cloudfront"


def test_cdn_fails_when_its_origin_does_not_resolve(front: Front) -> None:
    """Without the origin's record CloudFront answers 502 by itself."""
    front.resolvable.clear()
    answer = front.ask(SHOP)
    assert answer.status == 502
    assert b"resolve the origin domain name" in answer.data


def test_cdn_fails_when_the_origin_does_not_admit_it(front: Front) -> None:
    """Without the origin-facing prefix list CloudFront times out, while others get through."""
    front.route(replace(front.balancer, admits_cdn=False))
    assert front.ask(SHOP).status == 504
    assert front.ask(ORIGIN).status == 200


@pytest.mark.parametrize("days", [-1, 90], ids=["expired", "another name"])
def test_cdn_fails_when_the_origins_certificate_is_bad(front: Front, days: float) -> None:
    """CloudFront verifies its origin as a browser does."""
    front.certificates[ORIGIN] = PUBLIC.issue(ORIGIN if days < 0 else "another.test", days=days)
    assert front.ask(SHOP).status == 502


def test_latency_delays_every_answer(front: Front) -> None:
    """Performance figures are honest only if the edge is late as well."""
    began = time.monotonic()
    front.ask(ORIGIN)
    assert (time.monotonic() - began >= 2 * LATENCY) == (front.edge.latency > 0)


def test_certificate_says_what_it_covers() -> None:
    """Wildcards stand for one label, and only the first."""
    certificate = PUBLIC.issue("kyeol.click", "*.kyeol.click", days=10)
    assert certificate.covers("kyeol.click")
    assert certificate.covers("API.kyeol.click.")
    assert not certificate.covers("a.b.kyeol.click")
    now = datetime.now(UTC)
    assert certificate.is_valid_at(now + timedelta(days=9))
    assert not certificate.is_valid_at(now + timedelta(days=11))


def test_issued_certificate_passes_a_strict_client() -> None:
    """Python's ssl module and OpenSSL agree on the chain."""
    context = PUBLIC.issue("127.0.0.1").server_context()
    trusted = ssl.create_default_context(cadata=PUBLIC.pem)
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    client = trusted.wrap_bio(client_in, client_out, server_hostname="127.0.0.1")
    server = context.wrap_bio(server_in, server_out, server_side=True)
    for _ in range(4):
        for side in (client, server):
            _step(side)
        server_in.write(client_out.read())
        client_in.write(server_out.read())
    assert client.version() == "TLSv1.3"


def _step(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
