"""`/services/NAME:PORT/proxy/…` and `/pods/NAME:PORT/proxy/…`: HTTP into the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from sandbox.kube_api import errors
from sandbox.kube_api.errors import Json
from sandbox.kube_api.resources import resource_of
from sandbox.kube_api.store import Store

Locate = Callable[[str, int], tuple[str, int] | None]
PodAddress = tuple[str, int]

_HOP_HEADERS: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "authorization"}
)
_TIMEOUT: Final = ClientTimeout(total=60, sock_connect=10)


def _split(reference: str) -> tuple[str, str]:
    parts = reference.split(":")
    if len(parts) == 3:
        return parts[1], parts[2]
    return parts[0], parts[1] if len(parts) == 2 else ""


def _port_name(service: Json, port: str, name: str) -> str:
    """Find the name of a service port given as a number, as endpoints are looked up by name."""
    if not port.isdigit():
        return port
    for each in service["spec"].get("ports", []):
        if each["port"] == int(port):
            return str(each.get("name", ""))
    raise errors.unavailable(f'no service port {port} found for service "{name}"')


def service_address(store: Store, namespace: str, reference: str) -> PodAddress:
    """Return a ready pod's IP and port behind `NAME[:PORT]`; ApiError 404 or 503."""
    name, port = _split(reference)
    wanted = _port_name(store.entry(resource_of("services"), namespace, name).obj, port, name)
    try:
        endpoints = store.entry(resource_of("endpoints"), namespace, name).obj
    except errors.ApiError as error:
        raise errors.not_found("services", "", name) from error
    for subset in endpoints.get("subsets", []):
        for each in subset.get("ports", []):
            if subset.get("addresses") and each.get("name", "") == wanted:
                return str(subset["addresses"][0]["ip"]), int(each["port"])
    raise errors.unavailable(f'no endpoints available for service "{reference}"')


def pod_address(store: Store, namespace: str, reference: str) -> PodAddress:
    """Return the IP and port of the pod `NAME[:PORT]`; ApiError 404 or 503."""
    name, port = _split(reference)
    pod = store.entry(resource_of("pods"), namespace, name).obj
    declared = [each["containerPort"] for box in pod["spec"]["containers"] for each in box.get("ports", [])]
    ip = pod["status"].get("podIP")
    if not ip:
        raise errors.unavailable("address not allowed")
    return str(ip), int(port) if port.isdigit() else int(declared[0] if declared else 80)


async def forward(
    request: web.Request, session: ClientSession, target: PodAddress, locate: Locate, tail: str
) -> web.Response:
    """Send the request on and hand the answer back; ApiError 503 when nobody listens there."""
    ip, port = target
    place = locate(ip, port)
    refused = f"error trying to reach service: dial tcp {ip}:{port}: connect: connection refused"
    if place is None:
        raise errors.unavailable(refused)
    headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP_HEADERS}
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    url = f"http://{place[0]}:{place[1]}/{tail}{query}"
    try:
        async with session.request(
            request.method,
            url,
            headers=headers,
            data=await request.read(),
            allow_redirects=False,
            timeout=_TIMEOUT,
        ) as answer:
            body = await answer.read()
            kept = {
                key: value
                for key, value in answer.headers.items()
                if key.lower() not in _HOP_HEADERS | {"content-length", "content-encoding"}
            }
            return web.Response(status=answer.status, body=body, headers=kept)
    except TimeoutError as error:
        raise errors.unavailable(
            f"error trying to reach service: dial tcp {ip}:{port}: i/o timeout"
        ) from error
    except ClientError as error:
        raise errors.unavailable(refused) from error
