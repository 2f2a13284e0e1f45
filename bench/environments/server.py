"""A pretend environment that is up: `python -m bench.environments.server --services 190`.

Prints one line of JSON that tells where everything is, and ends when its standard input closes.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
from typing import get_args

from aiohttp import web

from bench.environments import endpoints
from bench.environments.cloud import Cloud
from bench.environments.manifests import objects
from bench.environments.size import Size, Trouble
from sandbox.kube_api.access import Rule, User
from sandbox.kube_api.kubelet import ExecResult
from sandbox.kube_api.resources import RESOURCES
from sandbox.kube_api.server import KubeApi
from sandbox.kube_api.store import Store
from sandbox.network.certificates import Authority
from sandbox.network.dns import DnsServer

TOKEN = "bench"
_READER = User("bench", rules=(Rule(("get", "list"), ("*",), ("*",)),))


class SilentKubelet:
    """Runs nothing, and has no log."""

    async def exec(
        self, namespace: str, pod: str, container: str, command: tuple[str, ...], stdin: bytes
    ) -> ExecResult:
        """Refuse."""
        _ = namespace, pod, container, command, stdin
        return ExecResult(b"", b"nothing runs here", 1)

    def logs(
        self, namespace: str, pod: str, container: str, previous: bool, tail_lines: int | None
    ) -> str | None:
        """Give an empty log."""
        _ = namespace, pod, container, previous, tail_lines
        return ""


def filled(size: Size, app_port: int) -> Store:
    """Return a store that holds every object of the environment."""
    kinds = {resource.kind: resource for resource in RESOURCES}
    store = Store()
    for made, status in objects(size, app_port):
        resource, metadata = kinds[made["kind"]], made["metadata"]
        store.create(resource, metadata.get("namespace"), made)
        if status is not None:
            store.patch_status(resource, metadata.get("namespace"), metadata["name"], {"status": status})
    return store


async def serve(size: Size, latency_s: float) -> None:
    """Serve until standard input closes."""
    apps, app_port = await endpoints.serve(latency_s)
    names = DnsServer(endpoints.everything_is_here)
    authority = Authority("Bench")
    locate = lambda _ip, _port: ("127.0.0.1", app_port)  # noqa: E731 - every pod is there
    kube = KubeApi(filled(size, app_port), {TOKEN: _READER}, SilentKubelet(), locate)
    kube_port = await kube.start(authority.issue("127.0.0.1").server_context())
    kube_url = f"https://127.0.0.1:{kube_port}"
    cloud = Cloud(size, kube_url, base64.b64encode(authority.pem.encode()).decode())
    runner = web.AppRunner(cloud.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told = {
        "app_port": app_port,
        "dns_port": await names.start(),
        "aws": f"http://127.0.0.1:{runner.addresses[0][1]}",
        "kubernetes": kube_url,
        "ca": authority.pem,
        "token": TOKEN,
    }
    print(json.dumps(told), flush=True)
    await asyncio.to_thread(_until_input_ends)
    await runner.cleanup()
    await kube.stop()
    await names.stop()
    apps.close()


def _until_input_ends() -> None:
    while os.read(0, 4096):
        pass


def main(words: list[str]) -> None:
    """Serve what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.environments.server", description=__doc__)
    parser.add_argument("--services", type=int, default=19)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--trouble", choices=get_args(Trouble), default="")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before a health endpoint answers")
    asked = parser.parse_args(words)
    size = Size(asked.services, asked.replicas, has_images=asked.images, trouble=asked.trouble)
    asyncio.run(serve(size, asked.latency))


if __name__ == "__main__":
    main(sys.argv[1:])
