"""A running API server of the sandbox, for tests: real TLS on a real port, its event loop in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
import trustme

from sandbox.kube_api.access import ADMIN_GROUP, Rule, User
from sandbox.kube_api.kubelet import ExecResult
from sandbox.kube_api.server import KubeApi
from sandbox.kube_api.store import Store

READER: Final = User(
    "viewer",
    rules=(
        Rule(
            ("get", "list", "watch"), ("", "apps"), ("pods", "pods/log", "deployments", "services"), ("shop",)
        ),
        Rule(("list",), ("",), ("nodes",)),
    ),
)
USERS: Final[Mapping[str, User]] = {
    "admin": User("kubernetes-admin", (ADMIN_GROUP,)),
    "readonly": User("smoke"),
    "viewer": READER,
}


def pod_manifest(name: str, **metadata: Any) -> dict[str, Any]:
    """Return a pod with one container."""
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"name": "box", "image": "shop:1"}]},
    }


def deployment_manifest(name: str) -> dict[str, Any]:
    """Return a Deployment of such pods."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod_manifest(name)["spec"]}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}


@dataclass
class RecordingKubelet:
    """Runs nothing: echoes the command and its input, and gives the logs it was told."""

    log_texts: dict[tuple[str, bool], str] = field(default_factory=dict)

    async def exec(
        self, namespace: str, pod: str, container: str, command: tuple[str, ...], stdin: bytes
    ) -> ExecResult:
        """Echo; `sh -c "exit N"` ends with N."""
        words = " ".join(command)
        code = int(words.rpartition("exit ")[2]) if "exit " in words else 0
        place = f"{namespace}/{pod}/{container}: {words}\n".encode()
        return ExecResult(place + stdin, b"to stderr\n" if code else b"", code)

    def logs(
        self, namespace: str, pod: str, container: str, previous: bool, tail_lines: int | None
    ) -> str | None:
        """Give back the log text of that pod."""
        text = self.log_texts.get((f"{namespace}/{pod}/{container}", previous))
        if text is None or tail_lines is None:
            return text
        lines = text.splitlines(keepends=True)
        return "".join(lines[len(lines) - tail_lines :]) if tail_lines else ""


@dataclass(frozen=True)
class Served:
    """A server, where it is, and a way to run something in its event loop."""

    api: KubeApi
    url: str
    ca_file: Path
    kubelet: RecordingKubelet
    pod_ports: dict[tuple[str, int], tuple[str, int]]
    call: Callable[[Coroutine[Any, Any, Any]], Any]

    def request(
        self, method: str, path: str, user: str = "admin", body: Any = None, **headers: str
    ) -> requests.Response:
        """Send one request; `none` sends no token, `Content_Type` as keyword sets that header."""
        with requests.Session() as session:
            session.trust_env = False
            sent = {"Connection": "close"} | {
                name.replace("_", "-"): value for name, value in headers.items()
            }
            if user != "none":
                sent["Authorization"] = f"Bearer {user}"
            return session.request(
                method, self.url + path, headers=sent, json=body, verify=str(self.ca_file), timeout=10
            )


def _loop_in_thread() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    return loop, thread


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Start a server with an empty store; its CA goes into `folder`."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    loop, thread = _loop_in_thread()

    def call(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=20)

    pod_ports: dict[tuple[str, int], tuple[str, int]] = {}
    kubelet = RecordingKubelet()

    async def make() -> KubeApi:
        return KubeApi(Store(), USERS, kubelet, lambda ip, port: pod_ports.get((ip, port)))

    api = call(make())
    port = call(api.start(context))
    try:
        yield Served(api, f"https://127.0.0.1:{port}", ca_file, kubelet, pod_ports, call)
    finally:
        call(api.stop())
        # TLS connections say goodbye in the next turns of the loop.
        call(asyncio.sleep(0.1))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
