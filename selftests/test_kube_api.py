from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sandbox.kube_api.store import Store, resource_of
from selftests.kube_api_server import Served, deployment_manifest, pod_manifest, serving

_PODS: Final = "/api/v1/namespaces/shop/pods"
_DEPLOYMENTS: Final = "/apis/apps/v1/namespaces/shop/deployments"
_MERGE: Final = "application/merge-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"
_JSON_PATCH: Final = "application/json-patch+json"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Give a server with the empty namespace `shop`."""
    with serving(tmp_path) as served:
        assert served.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}}).ok
        yield served


def test_pages_hold_every_object_once(server: Served) -> None:
    """A listing that loses an object between two pages would be blind to it."""
    for number in range(7):
        server.request("POST", _PODS, body=pod_manifest(f"pod-{number}"))
    names: list[str] = []
    token = ""
    remaining: list[int | None] = []
    while True:
        page = server.request("GET", f"/api/v1/pods?limit=3&continue={token}").json()
        names += [item["metadata"]["name"] for item in page["items"]]
        remaining.append(page["metadata"].get("remainingItemCount"))
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == [f"pod-{number}" for number in range(7)]
    assert remaining == [4, 1, None]


def test_thousands_of_pods_are_listed_quickly(server: Served) -> None:
    """The budget for 5,000 pods is the suite's, so the sandbox must not spend it."""

    async def fill() -> None:
        for number in range(5_700):
            server.api.store.create(resource_of("pods"), "shop", pod_manifest(f"pod-{number:05}"))

    server.call(fill())
    for attempt in range(2):
        start = time.perf_counter()
        token, count = "", 0
        while True:
            page = server.request("GET", f"{_PODS}?limit=500&continue={token}").json()
            count += len(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                break
        elapsed = time.perf_counter() - start
        assert count == 5_700
        assert elapsed < (6.0 if attempt == 0 else 3.0)


def test_a_write_that_changes_nothing_keeps_the_version(server: Served) -> None:
    """Controllers write what they find; if that counted as a change, the world would never settle."""
    server.request("POST", _DEPLOYMENTS, body=deployment_manifest("cart"))
    found = server.request("GET", f"{_DEPLOYMENTS}/cart").json()
    again = server.request("PUT", f"{_DEPLOYMENTS}/cart", body=found).json()
    assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]


def test_generation_counts_changes_of_the_spec_only(server: Served) -> None:
    """The observed generation against the current one is how a rollout is judged."""
    server.request("POST", _DEPLOYMENTS, body=deployment_manifest("cart"))
    path = f"{_DEPLOYMENTS}/cart"
    server.request("PATCH", path, body={"metadata": {"labels": {"a": "b"}}}, Content_Type=_MERGE)
    status = {"status": {"observedGeneration": 1, "readyReplicas": 0}}
    patched = server.request("PATCH", f"{path}/status", body=status, Content_Type=_MERGE).json()
    assert patched["metadata"]["generation"] == 1
    assert patched["status"] == {"observedGeneration": 1}
    patched = server.request(
        "PATCH", path, body={"spec": {"replicas": 2}, "status": {}}, Content_Type=_MERGE
    ).json()
    assert patched["metadata"]["generation"] == 2
    assert patched["status"] == {"observedGeneration": 1}


def test_a_stale_write_is_a_conflict(server: Served) -> None:
    """Two writers must not overwrite each other unseen."""
    server.request("POST", _DEPLOYMENTS, body=deployment_manifest("cart"))
    old = server.request("GET", f"{_DEPLOYMENTS}/cart").json()
    server.request("PATCH", f"{_DEPLOYMENTS}/cart", body={"spec": {"replicas": 2}}, Content_Type=_MERGE)
    refused = server.request("PUT", f"{_DEPLOYMENTS}/cart", body=old)
    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")


def test_strategic_patch_merges_containers_by_name(server: Served) -> None:
    """A fault that patches one variable must leave its neighbours alone."""
    obj = deployment_manifest("cart")
    box = obj["spec"]["template"]["spec"]["containers"][0]
    box["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    server.request("POST", _DEPLOYMENTS, body=obj)
    change = {"name": "box", "env": [{"name": "B", "value": "3"}, {"name": "A", "$patch": "delete"}]}
    body = {"spec": {"template": {"spec": {"containers": [change]}}}}
    patched = server.request("PATCH", f"{_DEPLOYMENTS}/cart", body=body, Content_Type=_STRATEGIC).json()
    [container] = patched["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "B", "value": "3"}]
    assert container["image"] == "shop:1"


def test_json_patch_edits_one_place(server: Served) -> None:
    """An annotation's name holds slashes, which a JSON pointer escapes."""
    server.request("POST", _PODS, body=pod_manifest("cart", annotations={"example.com/a": "1"}))
    edit = [{"op": "replace", "path": "/metadata/annotations/example.com~1a", "value": "2"}]
    patched = server.request("PATCH", f"{_PODS}/cart", body=edit, Content_Type=_JSON_PATCH).json()
    assert patched["metadata"]["annotations"] == {"example.com/a": "2"}
    missing = [{"op": "remove", "path": "/metadata/annotations/none"}]
    assert server.request("PATCH", f"{_PODS}/cart", body=missing, Content_Type=_JSON_PATCH).status_code == 422


def test_a_dry_run_leaves_everything_as_it_was(server: Served) -> None:
    """`kubectl diff` asks for one."""
    assert server.request("POST", f"{_PODS}?dryRun=All", body=pod_manifest("cart")).status_code == 201
    assert server.request("GET", f"{_PODS}/cart").status_code == 404


def test_what_an_object_owns_goes_with_it(server: Served) -> None:
    """Deleting a Deployment must end its pods."""
    owner = server.request("POST", _DEPLOYMENTS, body=deployment_manifest("cart")).json()
    reference = {
        "kind": "Deployment",
        "name": "cart",
        "uid": owner["metadata"]["uid"],
        "apiVersion": "apps/v1",
    }
    server.request("POST", _PODS, body=pod_manifest("cart-1", ownerReferences=[reference]))
    server.request("POST", _PODS, body=pod_manifest("other"))
    assert server.request("DELETE", f"{_DEPLOYMENTS}/cart").json()["status"] == "Success"
    assert [item["metadata"]["name"] for item in server.request("GET", _PODS).json()["items"]] == ["other"]


def test_a_namespace_takes_its_objects_along(server: Served) -> None:
    """A namespace that is made again must be empty."""
    server.request("POST", _PODS, body=pod_manifest("cart"))
    assert server.request("DELETE", "/api/v1/namespaces/shop").ok
    assert server.request("GET", "/api/v1/pods").json()["items"] == []
    assert server.request("POST", _PODS, body=pod_manifest("cart")).status_code == 404


def test_a_finalizer_keeps_the_object_until_it_is_taken_off(server: Served) -> None:
    """An Argo CD application that is stuck in deletion looks like this."""
    path = "/apis/argoproj.io/v1alpha1/namespaces/shop/applications"
    server.request("POST", path, body={"metadata": {"name": "shop", "finalizers": ["argocd"]}, "spec": {}})
    server.request("DELETE", f"{path}/shop")
    assert "deletionTimestamp" in server.request("GET", f"{path}/shop").json()["metadata"]
    server.request("PATCH", f"{path}/shop", body={"metadata": {"finalizers": None}}, Content_Type=_MERGE)
    assert server.request("GET", f"{path}/shop").status_code == 404


def test_newer_clients_find_their_versions(server: Served) -> None:
    """Today's clients ask for versions that the recorded server's discovery does not list."""
    for path in ("batch/v1/cronjobs", "policy/v1/poddisruptionbudgets", "discovery.k8s.io/v1/endpointslices"):
        listed = server.request("GET", f"/apis/{path}").json()
        assert listed["apiVersion"] == path.rpartition("/")[0]


def test_secrets_and_pods_get_the_defaults_of_a_real_server(server: Served) -> None:
    """What a manifest leaves out is filled in, and checks read the result."""
    body = {"metadata": {"name": "token"}, "stringData": {"key": "value"}}
    secret = server.request("POST", "/api/v1/namespaces/shop/secrets", body=body).json()
    assert (secret["type"], secret["data"]) == ("Opaque", {"key": "dmFsdWU="})
    assert "stringData" not in secret
    pod = pod_manifest("guaranteed")
    pod["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    assert server.request("POST", _PODS, body=pod).json()["status"]["qosClass"] == "Guaranteed"


def test_the_store_is_usable_without_a_server() -> None:
    """Controllers work on the store itself."""

    async def use() -> tuple[int, list[str]]:
        store = Store()
        store.create(resource_of("pods"), "default", pod_manifest("b", labels={"app": "x"}))
        store.create(
            resource_of("pods"), "default", {**pod_manifest("a"), "metadata": {"generateName": "a-"}}
        )
        found = store.list(resource_of("pods"), "default", labels="app=x")
        return len(store.list(resource_of("pods"))), [
            pod["kind"] + "/" + pod["metadata"]["name"] for pod in found
        ]

    assert asyncio.run(use()) == (2, ["Pod/b"])
