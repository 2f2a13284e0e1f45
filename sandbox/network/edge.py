"""The public HTTPS port: application load balancers, and a CDN before one of them."""

from __future__ import annotations

import asyncio
import io
import itertools
import secrets
import ssl
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sandbox.network import answers
from sandbox.network.gateway import Gateway
from sandbox.network.routes import Distribution, LoadBalancer, Routes, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.network.certificates import Certificate

HOST = "127.0.0.1"
CONNECT_SECONDS = 10.0
LARGEST_BODY = 64 * 1024 * 1024
# RFC 9110 7.6.1, and what a proxy computes afresh.
NOT_FORWARDED = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
    }
)


class Edge:
    """Serves HTTPS on one port; chooses the certificate by SNI and the way by Host.

    `certificate_of(host)` is asked at every handshake, `resolves(host)` whenever the CDN looks for its
    origin. `routes` may be replaced at any time. Times are in seconds; `target_timeout` is how long a load
    balancer waits where a closed security group says nothing (a real one waits ten).
    """

    def __init__(  # noqa: PLR0913  one keyword an aspect of the edge
        self,
        certificate_of: Callable[[str], Certificate | None],
        default: Certificate,
        resolves: Callable[[str], bool],
        *,
        latency: float = 0.0,
        target_timeout: float = 0.5,
        answer_timeout: float = 60.0,
    ) -> None:
        self.routes = Routes()
        self.port = 0
        self._certificate_of = certificate_of
        self._default = default
        self._resolves = resolves
        self.latency = latency
        # Not the time to connect: a target that is let in accepts or refuses, also on a busy machine.
        self._silence_s = target_timeout
        self._timeout = aiohttp.ClientTimeout(total=answer_timeout, sock_connect=CONNECT_SECONDS)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._turn = itertools.count()
        self._runner: web.AppRunner | None = None
        self._front: Gateway | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(self, port: int = 0) -> int:
        """Listen on 127.0.0.1; returns the port."""
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        context = self._context(self._default)
        context.sni_callback = self._choose
        behind = 0 if self.latency else port
        await web.TCPSite(self._runner, HOST, behind, ssl_context=context).start()
        self.port = int(self._runner.addresses[0][1])
        if self.latency:
            self._front = Gateway("edge", (HOST, self.port), listen_port=port, latency=self.latency)
            self.port = await self._front.start()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=self._timeout,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        return self.port

    async def stop(self) -> None:
        """Stop listening; open requests get a tenth of a second."""
        if self._front is not None:
            await self._front.stop()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def _context(self, certificate: Certificate) -> ssl.SSLContext:
        if certificate.cert_pem not in self._contexts:
            self._contexts[certificate.cert_pem] = certificate.server_context()
        return self._contexts[certificate.cert_pem]

    def _choose(self, connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        certificate = self._certificate_of(host.lower()) if host else None
        if certificate is not None:
            connection.context = self._context(certificate)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        host = (request.host or "").partition(":")[0].lower()
        distribution = self.routes.distribution_for(host)
        if distribution is not None:
            return await self._through_cdn(request, distribution)
        balancer = self.routes.load_balancer_for(host)
        if balancer is None:
            return answers.no_rule()
        if not balancer.admits_clients:
            # All hosts share this port, so the silence of a closed security group starts after TLS.
            await asyncio.sleep(self._timeout.total or 0)
        return await self._through_balancer(request, balancer, host, request.host)

    async def _through_cdn(self, request: web.Request, distribution: Distribution) -> web.StreamResponse:
        origin = distribution.origin
        balancer = self.routes.load_balancer_for(origin)
        if not self._resolves(origin):
            return answers.from_cdn(HTTPStatus.BAD_GATEWAY, "name")
        if balancer is None or not balancer.admits_cdn:
            await asyncio.sleep(self._silence_s)
            return answers.from_cdn(HTTPStatus.GATEWAY_TIMEOUT, "timeout")
        certificate = self._certificate_of(origin)
        if certificate is None or not _is_accepted(certificate, origin):
            return answers.from_cdn(HTTPStatus.BAD_GATEWAY, "certificate")
        response = await self._through_balancer(request, balancer, origin, origin)
        failed = response.status >= HTTPStatus.BAD_REQUEST
        response.headers.update(answers.cdn_headers(failed=failed))
        return response

    async def _through_balancer(
        self, request: web.Request, balancer: LoadBalancer, host: str, host_header: str
    ) -> web.StreamResponse:
        rule = balancer.rule_for(host, request.rel_url.raw_path)
        if rule is None:
            return answers.no_rule()
        if not rule.eligible:
            return answers.from_load_balancer(HTTPStatus.SERVICE_UNAVAILABLE)
        target = rule.eligible[next(self._turn) % len(rule.eligible)]
        if not target.admitted:
            await asyncio.sleep(self._silence_s)
            return answers.from_load_balancer(HTTPStatus.GATEWAY_TIMEOUT)
        return await self._ask(request, target, host_header)

    async def _ask(self, request: web.Request, target: Target, host_header: str) -> web.StreamResponse:
        if target.address is None or self._session is None:
            return answers.from_load_balancer(HTTPStatus.BAD_GATEWAY)
        url = URL(f"http://{target.address[0]}:{target.address[1]}{request.raw_path}", encoded=True)
        headers = _forwarded(request.headers)
        headers["Host"] = host_header
        headers["X-Forwarded-For"] = ", ".join(
            [*request.headers.getall("X-Forwarded-For", []), request.remote or HOST]
        )
        headers["X-Forwarded-Proto"] = "https"
        headers["X-Forwarded-Port"] = "443"
        headers["X-Amzn-Trace-Id"] = f"Root=1-{secrets.token_hex(4)}-{secrets.token_hex(12)}"
        body = await request.read()
        try:
            async with self._session.request(
                request.method,
                url,
                headers=headers,
                data=io.BytesIO(body) if body else None,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                response = web.Response(
                    status=answer.status,
                    reason=answer.reason,
                    headers=_forwarded(answer.headers),
                    body=content,
                )
                if request.method == "HEAD" and "Content-Length" in answer.headers:
                    response.headers["Content-Length"] = answer.headers["Content-Length"]
                return response
        except TimeoutError:
            return answers.from_load_balancer(HTTPStatus.GATEWAY_TIMEOUT)
        except (aiohttp.ClientError, OSError):
            return answers.from_load_balancer(HTTPStatus.BAD_GATEWAY)


def _forwarded(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in NOT_FORWARDED)


def _is_accepted(certificate: Certificate, host: str) -> bool:
    return certificate.covers(host) and certificate.is_valid_at(datetime.now(UTC))
