"""Runs one fixed, read-only command in a pod, where an environment allows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from postflight.evidence import Evidence, Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.answers import Absent, Answer, refuse
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.exchange import NoAnswerError
from postflight.probes.reads import reads

_PERMISSION: Final = "create pods/exec"
_WITHIN_S: Final = 25.0
_MOST_OUTPUT: Final = 65536
_STDOUT, _STDERR, _STATUS = 1, 2, 3
_COUNT: Final = re.compile(rb"active superusers: (\d+)")

# The only command that Postflight ever runs in a pod.
COUNT_SUPERUSERS: Final = (
    "python",
    "manage.py",
    "shell",
    "-c",
    (
        "from django.contrib.auth import get_user_model; "
        "users = get_user_model().objects.filter(is_superuser=True, is_active=True); "
        "print('active superusers:', users.count())"
    ),
)


class CountedSuperusers(Evidence):
    """How many active superusers Django counts; None with a `problem` where the command failed."""

    pod: str
    count: int | None = None
    problem: str | None = None


@reads(_PERMISSION, deadline_s=30.0)
def superusers(connections: Connections, namespace: str, pod: str, container: str) -> CountedSuperusers:
    """Count Saleor's active superusers with `manage.py shell` in one of its pods.

    Raises Unverified also where the stream ends before the command's exit status (channel 3 of
    v4.channel.k8s.io) and before a count: the command has not failed then, it was not seen to its end.
    """
    need = f"{_PERMISSION} in {namespace}"
    query = [("container", container), ("stdout", "true"), ("stderr", "true")]
    query += [("command", word) for word in COUNT_SUPERUSERS]
    path = f"{Resource('pods').path(namespace, pod, 'exec')}?{urlencode(query)}"
    try:
        output = _run(connections, path, need)
    except Absent:
        return CountedSuperusers(pod=pod, problem=f"pod {pod} is gone")
    found = _COUNT.search(output.get(_STDOUT, b""))
    if found:
        return CountedSuperusers(pod=pod, count=int(found[1]))
    if _STATUS not in output:
        title = connections.kubernetes.title
        raise Unverified(f"{title} ended the stream before the command's exit status (asked to {need}).")
    failure = _failure(output.get(_STATUS, b""))
    said = output.get(_STDERR, b"") or failure or output.get(_STDOUT, b"")
    lines = said.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
    problem = f"manage.py shell failed in {pod}: {connections.secrets.short(lines[-1], 300)}"
    return CountedSuperusers(pod=pod, problem=problem)


def _run(connections: Connections, path: str, need: str) -> dict[int, bytes]:
    import websocket

    kubernetes = connections.kubernetes
    try:
        with kubernetes.connected(_PERMISSION, _WITHIN_S) as (session, stream):
            # Not the client's own `websocket_call`: it sends no Impersonate headers, and has no time limit.
            url = session.access.server.replace("http", "ws", 1) + path
            headers = [f"{name}: {value}" for name, value in session.headers().items()]
            socket: Any = websocket.WebSocket()
            try:
                socket.connect(url, socket=stream, header=headers, subprotocols=["v4.channel.k8s.io"],
                               suppress_origin=True, redirect_limit=0)  # fmt: skip
                stream.settimeout(_WITHIN_S)
                return _collected(_frames(socket))
            except websocket.WebSocketBadStatusException as error:
                found = {str(name).lower(): str(value) for name, value in (error.resp_headers or {}).items()}
                answer = Answer(error.status_code, found, error.resp_body or b"")
                refuse(session.access.title, need, answer)
            except websocket.WebSocketTimeoutException as error:
                raise TimeoutError from error
            except websocket.WebSocketException as error:
                raise ConnectionError(type(error).__name__) from error
    except NoAnswerError as error:
        raise Unverified(f"{kubernetes.title} {error} (asked to {need}).") from error


def _frames(socket: Any) -> Iterator[bytes]:
    """Yield messages until the server closes, or tells the command's exit status."""
    from websocket import ABNF

    while True:
        kind, data = socket.recv_data()
        if kind == ABNF.OPCODE_CLOSE:
            return
        yield data
        if data[:1] == bytes([_STATUS]):
            return


def _collected(frames: Iterator[bytes]) -> dict[int, bytes]:
    """Gather output by channel: the first byte of each message."""
    output: dict[int, bytes] = {}
    for frame in frames:
        if frame:
            output[frame[0]] = (output.get(frame[0], b"") + frame[1:])[:_MOST_OUTPUT]
    return output


def _failure(status: bytes) -> bytes:
    try:
        return str(json.loads(status).get("message", "")).encode()
    except (ValueError, AttributeError):
        return b""
