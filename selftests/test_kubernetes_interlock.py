"""Below the official client: nothing is sent but declared reads, and a silent API is waited for once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes import pods, proxy
from postflight.probes.reads import UndeclaredReadError, reads
from selftests.kube_api_server import Served
from selftests.kubernetes_runs import kubeconfig, look, run, run_at, serving_shop
from selftests.rude_servers import Street, street

SHOP = "/api/v1/namespaces/shop"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the namespace `shop`."""
    with serving_shop(tmp_path) as server:
        yield server


@pytest.fixture
def town() -> Iterator[Street]:
    """Give a place for servers that do not play their part."""
    with street() as opened:
        yield opened


def at(port: int, folder: Path) -> Connections:
    """Return the connections of a run whose API is at this port."""
    return run(kubeconfig(folder, f"http://127.0.0.1:{port}", None, {"token": "t"}))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_nothing_is_sent_past_the_interlock(town: Street, tmp_path: Path, method: str) -> None:
    """Not even by a probe that takes the official client and calls it: the refusal is below the client."""
    visits: list[Any] = []
    port = town.house(visits.append)
    connections = at(port, tmp_path)

    @reads("list pods")
    def astray(connections: Connections) -> None:
        client: Any = connections.kubernetes.session().client.rest_client
        client.request(method, f"http://127.0.0.1:{port}{SHOP}/pods", headers={})

    with pytest.raises(UndeclaredReadError):
        look(astray, connections)

    @reads("list pods")
    def runs_commands(connections: Connections) -> None:
        with connections.kubernetes.connected("create pods/exec", 5.0):
            pytest.fail("it must not connect")

    with pytest.raises(UndeclaredReadError, match="create pods/exec"):
        look(runs_commands, connections)
    time.sleep(0.1)
    assert visits == []


def test_a_write_on_an_open_connection_is_refused(served: Served, tmp_path: Path) -> None:
    """A connection that a look has left in the pool is no way around."""
    connections = run_at(served, tmp_path, who="admin")
    assert look(pods.pods, connections, "shop").items == ()

    @reads("list pods")
    def astray(connections: Connections) -> None:
        client: Any = connections.kubernetes.session().client.rest_client
        headers = connections.kubernetes.session().headers()
        client.request("DELETE", f"{served.url}{SHOP}", headers=headers)

    with pytest.raises(UndeclaredReadError):
        look(astray, connections)
    assert served.request("GET", SHOP).json()["status"]["phase"] == "Active"


def test_a_silent_api_is_waited_for_once(town: Street, tmp_path: Path) -> None:
    """Hundreds of looks at an API that accepts and never answers take as long as the first."""
    connections = at(town.house(town.says_nothing), tmp_path)
    refusals: list[str] = []

    def ask(namespace: str) -> None:
        try:
            look(pods.pods, connections, namespace)
        except Unverified as error:
            refusals.append(str(error))

    began = time.monotonic()
    first = [threading.Thread(target=ask, args=(f"first-{number}",)) for number in range(4)]
    for thread in first:
        thread.start()
    for thread in first:
        thread.join()
    for number in range(100):
        ask(f"later-{number}")
    with pytest.raises(Unverified, match="did not answer in time"):
        look(proxy.service_answer, connections, "shop", "cart", 80, "/health")
    assert time.monotonic() - began < 12
    assert len(refusals) == 104
    assert all("did not answer in time" in words for words in refusals)


def test_health_over_a_silent_api_is_unverified(town: Street, tmp_path: Path) -> None:
    """Whether the service or the API keeps us waiting is asked of the API itself."""
    connections = at(town.house(town.says_nothing), tmp_path)
    with pytest.raises(Unverified, match="asked to get /version"):
        look(proxy.service_answer, connections, "shop", "cart", 80, "/health")
