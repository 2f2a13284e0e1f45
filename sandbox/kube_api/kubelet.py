"""What the API server asks of a node's kubelet: logs, and commands run in containers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import WSMsgType, web

from sandbox.kube_api import errors
from sandbox.kube_api.errors import ApiError, Json
from sandbox.kube_api.requests import truthy

WEBSOCKET_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _ERROR, _CLOSE = 0, 1, 2, 3, 255
# A v4 client cannot say that its input ended, so silence has to do.
_QUIET_INPUT_S: Final = 0.3
_LONGEST_INPUT_S: Final = 30.0
# The Python client leaves without answering the close.
_CLOSE_ANSWER_S: Final = 0.5
_LOG_LOOK_S: Final = 0.2


@dataclass(frozen=True)
class ExecResult:
    """What a command left behind."""

    stdout: bytes
    stderr: bytes
    exit_code: int


class Kubelet(Protocol):
    """The other side of exec and logs, given by the world."""

    async def exec(
        self, namespace: str, pod: str, container: str, command: tuple[str, ...], stdin: bytes
    ) -> ExecResult:
        """Run a command in a running container."""

    def logs(
        self, namespace: str, pod: str, container: str, previous: bool, tail_lines: int | None
    ) -> str | None:
        """Return the log text, or None when that container has none (never started, no previous one)."""
        ...


@dataclass(frozen=True)
class ContainerOf:
    """A container of a pod, picked by the query of a log or exec request."""

    namespace: str
    pod: str
    name: str
    status: Json


def container_of(pod: Json, wanted: str) -> ContainerOf:
    """Pick the container; ApiError 400 when the choice is open or wrong."""
    metadata = pod["metadata"]
    names = [each["name"] for each in pod["spec"].get("containers", [])]
    if not wanted and len(names) > 1:
        raise errors.bad_request(
            f"a container name must be specified for pod {metadata['name']}, "
            f"choose one of: [{' '.join(names)}]"
        )
    name = wanted or names[0]
    if name not in names:
        raise errors.bad_request(f"container {name} is not valid for pod {metadata['name']}")
    statuses = pod.get("status", {}).get("containerStatuses", [])
    status: Json = next((each for each in statuses if each.get("name") == name), {})
    return ContainerOf(metadata["namespace"], metadata["name"], name, status)


def log_text(kubelet: Kubelet, container: ContainerOf, query: Mapping[str, str]) -> str:
    """Return a container's log; ApiError 400 in the kubelet's words when there is none."""
    previous = truthy(query.get("previous"))
    tail = query.get("tailLines")
    if tail is not None and not tail.isdigit():
        raise errors.bad_request(f'strconv.ParseInt: parsing "{tail}": invalid syntax')
    lines = int(tail) if tail is not None else None
    text = kubelet.logs(container.namespace, container.pod, container.name, previous, lines)
    if text is not None:
        return text
    where = f'container "{container.name}" in pod "{container.pod}"'
    if previous:
        raise errors.bad_request(f"previous terminated {where} not found")
    waiting = container.status.get("state", {}).get("waiting", {})
    reason = waiting.get("reason", "ContainerCreating")
    words = f"trying and failing to pull image ({reason})" if "ImagePull" in reason else reason
    raise errors.bad_request(f"{where} is waiting to start: {words}")


async def follow_log(
    kubelet: Kubelet, container: ContainerOf, query: Mapping[str, str]
) -> AsyncIterator[bytes]:
    """Yield the log and then what is added to it, until the container's log is gone or begins anew."""
    text = log_text(kubelet, container, query)
    yield text.encode()
    seen = kubelet.logs(container.namespace, container.pod, container.name, False, None) or ""
    while True:
        await asyncio.sleep(_LOG_LOOK_S)
        now = kubelet.logs(container.namespace, container.pod, container.name, False, None)
        if now is None or not now.startswith(seen):
            return
        if now != seen:
            yield now[len(seen) :].encode()
            seen = now


def exit_status(code: int) -> Json:
    """Return the Status that ends an exec."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: command terminated with exit code {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _read_input(socket: web.WebSocketResponse, *, can_close: bool) -> bytes:
    received = bytearray()
    pause = _LONGEST_INPUT_S if can_close else _QUIET_INPUT_S
    while True:
        try:
            message = await asyncio.wait_for(socket.receive(), pause)
        except TimeoutError:
            return bytes(received)
        if message.type != WSMsgType.BINARY or not message.data or message.data[0] == _CLOSE:
            return bytes(received)
        if message.data[0] == _STDIN:
            received += message.data[1:]


def require_running(container: ContainerOf) -> None:
    """Raise the ApiError 500 of a runtime that knows no such running container."""
    if not container.status.get("state", {}).get("running"):
        raise ApiError(500, "", f'unable to upgrade connection: container not found ("{container.name}")')


async def run_exec(request: web.Request, kubelet: Kubelet, container: ContainerOf) -> web.WebSocketResponse:
    """Upgrade to a WebSocket, run the command, send its output and its exit status."""
    query = request.query
    socket = web.WebSocketResponse(protocols=WEBSOCKET_PROTOCOLS, timeout=_CLOSE_ANSWER_S)
    await socket.prepare(request)
    stdin = b""
    if truthy(query.get("stdin")):
        stdin = await _read_input(socket, can_close=socket.ws_protocol == WEBSOCKET_PROTOCOLS[0])
    command = tuple(query.getall("command", []))
    result = await kubelet.exec(container.namespace, container.pod, container.name, command, stdin)
    for channel, output, wanted in (
        (_STDOUT, result.stdout, query.get("stdout")),
        (_STDERR, result.stderr, query.get("stderr")),
    ):
        if output and truthy(wanted):
            await socket.send_bytes(bytes([channel]) + output)
    await socket.send_bytes(bytes([_ERROR]) + json.dumps(exit_status(result.exit_code)).encode())
    await socket.close()
    return socket
