from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, Final, Literal

from aiohttp import ClientSession, DummyCookieJar, web

from sandbox.kube_api import (
    access,
    discovery,
    errors,
    kubelet,
    listing,
    objects,
    protobuf,
    service_proxy,
    spdy,
)
from sandbox.kube_api.access import ADMIN_GROUP, ANONYMOUS, Rule, User
from sandbox.kube_api.errors import ApiError
from sandbox.kube_api.kubelet import ExecResult, Kubelet
from sandbox.kube_api.misbehaviour import Mode, misbehave
from sandbox.kube_api.requests import RequestInfo, parse, truthy
from sandbox.kube_api.resources import GROUPS, resource_of
from sandbox.kube_api.service_proxy import Locate
from sandbox.kube_api.store import Store

__all__ = ["ADMIN_GROUP", "ExecResult", "KubeApi", "Kubelet", "Mode", "Rule", "User"]

_HEALTH_PATHS: Final = frozenset({"/healthz", "/readyz", "/livez"})
_LARGEST_BODY: Final = 8 * 1024 * 1024
_STREAM_SHUTDOWN_S: Final = 0.2


def _json(body: Any, status: int = 200) -> web.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return web.Response(status=status, body=data, content_type="application/json")


def _page_not_found() -> web.Response:
    return web.Response(status=404, text="404 page not found\n", content_type="text/plain", charset="utf-8")


def _refusal(error: ApiError) -> web.Response:
    answer = _json(error.status, error.code)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def wants_table(accept: str) -> bool:
    """Tell whether the client prefers a Table to plain objects; ApiError 406 when it takes neither."""
    for choice in accept.split(",") if accept else ["*/*"]:
        media, *parameters = (part.strip() for part in choice.split(";"))
        asked_as = next((each[3:] for each in parameters if each.startswith("as=")), "")
        if media in {"application/json", "application/*", "*/*"} and asked_as in {"", "Table"}:
            return asked_as == "Table"
    raise ApiError(406, "NotAcceptable", "406: Not Acceptable", details={})


class KubeApi:
    """An HTTPS server that speaks the Kubernetes API about a Store.

    `users` maps bearer tokens to users. `locate` maps a pod's IP and port to where its process
    really listens.
    May be set while it runs: `denied` ((verb, resource) pairs refused to all but admins), `mode` and
    `retry_after_s` (how it misbehaves towards all but admins), `withheld` (how by (verb, resource or path),
    ("*", "*") for every resource; `empty`: as if there were no such objects), `latency_s` (before every
    answer), `roles` (rules by the name of a user, in place of the user's own).
    `calls` counts requests of users who are no admins, as `list pods`.
    """

    def __init__(self, store: Store, users: Mapping[str, User], kubelet: Kubelet, locate: Locate) -> None:
        self.store = store
        self.denied: set[tuple[str, str]] = set()
        self.withheld: dict[tuple[str, str], Mode | Literal["empty"]] = {}
        self.roles: dict[str, tuple[Rule, ...]] = {}
        self.mode: Mode = ""
        self.retry_after_s = 1
        self.latency_s = 0.0
        self.trusts_writers = False
        self.calls: Counter[str] = Counter()
        self._users = users
        self._kubelet = kubelet
        self._locate = locate
        self._address = ""
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None

    async def start(self, ssl_context: ssl.SSLContext | None, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and return the port."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # Without cancellation a watch whose client has left would live until its timeout.
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=_STREAM_SHUTDOWN_S
        )
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=ssl_context)
        await site.start()
        bound = int(runner.addresses[0][1])
        self._runner = runner
        self._session = ClientSession(
            cookie_jar=DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
        )
        self._address = f"{host}:{bound}"
        return bound

    async def stop(self) -> None:
        """Close every connection and release the port."""
        session, self._session = self._session, None
        runner, self._runner = self._runner, None
        if session is not None:
            await session.close()
        if runner is not None and runner.server is not None:
            transports = [each.transport for each in runner.server.connections if each.transport is not None]
            await runner.cleanup()
            # TLS would wait half a minute for a client that keeps its end open.
            for transport in transports:
                transport.abort()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            answer = await self._answer(request)
        except ApiError as error:
            answer = _refusal(error)
        if not answer.prepared:
            # By it, a client knows an API server's bare "404 page not found" from another server's.
            answer.headers["Audit-Id"] = str(uuid.uuid4())
        return answer

    def _user(self, request: web.Request) -> User | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            return ANONYMOUS
        user = self._users.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is not None and "Impersonate-User" in request.headers:
            name, groups = (
                request.headers["Impersonate-User"],
                request.headers.getall("Impersonate-Group", []),
            )
            user = access.impersonated(user, name, tuple(groups))
        if user is not None and user.name in self.roles:
            return replace(user, rules=self.roles[user.name])
        return user

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        if self.mode and not (user and user.is_admin):
            return await misbehave(request, self.mode, self.retry_after_s)
        if user is None:
            raise errors.unauthorized()
        info = parse(request.method, request.rel_url.raw_path, request.query)
        if info.plural and not user.is_admin:
            self.calls[f"{info.verb} {info.full_resource}"] += 1
        if not access.allowed(user, info, self.denied):
            raise access.forbidden(user, info)
        if not user.is_admin and (how := self._withheld(info)):
            return await self._withhold(request, info, how)
        if not info.plural:
            return self._about_the_server(info)
        if info.group in access.REVIEW_GROUPS and info.plural in access.REVIEW_RESOURCES:
            return await self._review(request, user, info)
        if info.group and info.group not in GROUPS:
            return _page_not_found()
        return await self._about_resources(request, info)

    def _withheld(self, info: RequestInfo) -> Mode | Literal["empty"] | None:
        every = self.withheld.get(("*", "*")) if info.plural else None
        return self.withheld.get((info.verb, info.full_resource or info.path), every)

    async def _withhold(
        self, request: web.Request, info: RequestInfo, how: Mode | Literal["empty"]
    ) -> web.StreamResponse:
        if how != "empty":
            return await misbehave(request, how, self.retry_after_s)
        resource = resource_of(info.plural, info.group)
        asked = objects.Asked(resource, info, request.query, request.content_type, None, table=False)
        status, document = objects.answer(asked, Store())
        return _json(document, status)

    def _about_the_server(self, info: RequestInfo) -> web.Response:
        if info.path in _HEALTH_PATHS or info.path.startswith(tuple(f"{path}/" for path in _HEALTH_PATHS)):
            return web.Response(text="ok", content_type="text/plain", charset="utf-8")
        found = discovery.document(info.path, self._address)
        return _page_not_found() if found is None else _json(found)

    async def _review(self, request: web.Request, user: User, info: RequestInfo) -> web.Response:
        if info.verb != "create":
            raise errors.method_not_allowed()
        body = await _body(request)
        if not isinstance(body, dict):
            raise errors.bad_request("a review is an object")
        match info.plural:
            case "selfsubjectaccessreviews":
                return _json(access.access_review(user, body, self.denied), 201)
            case "selfsubjectrulesreviews":
                return _json(access.rules_review(user, body, self.denied), 201)
            case _:
                return _json(access.subject_review(user), 201)

    async def _about_resources(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        resource = resource_of(info.plural, info.group)
        if info.version not in resource.versions:
            return _page_not_found()
        if resource.namespaced and info.name and not info.namespace:
            raise errors.no_such_resource()
        match info.full_resource:
            case "pods/log" if info.verb == "get":
                return await self._log(request, info)
            case "pods/exec":
                return await self._exec(request, info)
            case "services/proxy" | "pods/proxy":
                return await self._proxy(request, info)
        table = wants_table(request.headers.get("Accept", ""))
        if info.verb == "watch" or (info.verb == "get" and truthy(request.query.get("watch"))):
            asked = listing.question(resource, info, request.query, table=table)
            return await _stream(request, listing.watch_events(self.store, asked), "application/json")
        body = await _body(request)
        asked_for = objects.Asked(resource, info, request.query, request.content_type, body, table)
        with self.store.trusting() if self.trusts_writers else nullcontext():
            status, document = objects.answer(asked_for, self.store)
        return _json(document, status)

    def _container(self, request: web.Request, info: RequestInfo) -> kubelet.ContainerOf:
        pod = self.store.entry(resource_of("pods"), info.namespace, info.name).obj
        return kubelet.container_of(pod, request.query.get("container", ""))

    async def _log(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        container = self._container(request, info)
        text = kubelet.log_text(self._kubelet, container, request.query)
        if truthy(request.query.get("follow")):
            return await _stream(
                request, kubelet.follow_log(self._kubelet, container, request.query), "text/plain"
            )
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def _exec(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        container = self._container(request, info)
        upgrade = request.headers.get("Upgrade", "").lower()
        if upgrade:
            kubelet.require_running(container)
        if upgrade == "websocket":
            return await kubelet.run_exec(request, self._kubelet, container)
        if upgrade == "spdy/3.1":
            return await spdy.run_exec(request, self._kubelet, container)
        pod = self.store.entry(resource_of("pods"), info.namespace, info.name).obj
        node_name = pod["spec"].get("nodeName")
        if not node_name:
            raise errors.bad_request(f"pod {info.name} does not have a host assigned")
        node = self.store.entry(resource_of("nodes"), None, node_name).obj
        if not node.get("status", {}).get("addresses"):
            raise ApiError(500, "", "no preferred addresses found; known addresses: []")
        raise errors.bad_request("Upgrade request required")

    async def _proxy(self, request: web.Request, info: RequestInfo) -> web.Response:
        find = service_proxy.service_address if info.plural == "services" else service_proxy.pod_address
        target = find(self.store, info.namespace, info.name)
        if self._session is None:
            raise errors.unavailable("the server is shutting down")
        return await service_proxy.forward(request, self._session, target, self._locate, info.tail)


async def _body(request: web.Request) -> Any:
    data = await request.read()
    if not data:
        return None
    if request.content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(data)
    try:
        return json.loads(data)
    except ValueError as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from error


async def _stream(
    request: web.Request, chunks: AsyncIterator[bytes], content_type: str
) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": content_type})
    await answer.prepare(request)
    async for chunk in chunks:
        await answer.write(chunk)
    await answer.write_eof()
    return answer
