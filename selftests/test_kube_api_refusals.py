"""What a Kubernetes API server refuses, the sandbox's refuses as well, with the field that is wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.kube_api.quantities import quantity
from selftests.kube_api_server import Served, deployment_manifest, pod_manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

CORE = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
NETWORKING = "/apis/networking.k8s.io/v1/namespaces/default"
NAMED = {"metadata": {"name": "odd"}}
PORT = {"name": "http", "port": 80}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give one server for all tests of this file."""
    with serving(tmp_path_factory.mktemp("kube")) as served:
        yield served


def _service(*ports: Any, **spec: Any) -> Any:
    return NAMED | {"spec": {"selector": {"app": "odd"}, "ports": list(ports), **spec}}


def _pod(**container: Any) -> Any:
    return NAMED | {"spec": {"containers": [{"name": "box", "image": "shop:1", **container}]}}


def _deployment(**spec: Any) -> Any:
    manifest = deployment_manifest("odd")
    return {**manifest, "spec": {**manifest["spec"], **spec}}


def _ingress(**spec: Any) -> Any:
    return NAMED | {"spec": spec}


def _path(**path: Any) -> Any:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    return _ingress(
        rules=[{"http": {"paths": [{"pathType": "Prefix", "path": "/", "backend": backend, **path}]}}]
    )


INVALID = {
    "port too large": (f"{CORE}/services", _service({"port": 70000}), "spec.ports[0].port"),
    "no port": (f"{CORE}/services", _service({"name": "http"}), "spec.ports[0].port"),
    "target port 0": (f"{CORE}/services", _service({**PORT, "targetPort": 0}), "spec.ports[0].targetPort"),
    "target name": (f"{CORE}/services", _service({**PORT, "targetPort": "W_b"}), "spec.ports[0].targetPort"),
    "two nameless ports": (f"{CORE}/services", _service({"port": 1}, {"port": 2}), "spec.ports[0].name"),
    "one name twice": (f"{CORE}/services", _service(PORT, {**PORT, "port": 81}), "spec.ports[1].name"),
    "protocol": (f"{CORE}/services", _service({**PORT, "protocol": "HTTP"}), "spec.ports[0].protocol"),
    "service type": (f"{CORE}/services", _service(PORT, type="Cluster"), "spec.type"),
    "no external name": (f"{CORE}/services", _service(type="ExternalName"), "spec.externalName"),
    "no containers": (f"{CORE}/pods", NAMED | {"spec": {"containers": []}}, "spec.containers"),
    "container without a name": (f"{CORE}/pods", _pod(name=""), "spec.containers[0].name"),
    "container port": (
        f"{CORE}/pods",
        _pod(ports=[{"containerPort": -1}]),
        "spec.containers[0].ports[0].containerPort",
    ),
    "quantity": (
        f"{CORE}/pods",
        _pod(resources={"requests": {"cpu": "many"}}),
        "spec.containers[0].resources.requests.cpu",
    ),
    "negative replicas": (f"{APPS}/deployments", _deployment(replicas=-1), "spec.replicas"),
    "empty selector": (f"{APPS}/deployments", _deployment(selector={}), "spec.selector"),
    "selector without a match": (
        f"{APPS}/deployments",
        _deployment(selector={"matchExpressions": [{"key": "app", "operator": "In", "values": ["x"]}]}),
        "spec.template.metadata.labels",
    ),
    "surge": (
        f"{APPS}/deployments",
        _deployment(strategy={"rollingUpdate": {"maxSurge": "few"}}),
        "spec.strategy.rollingUpdate.maxSurge",
    ),
    "ingress of nothing": (f"{NETWORKING}/ingresses", _ingress(), "spec"),
    "no path type": (
        f"{NETWORKING}/ingresses",
        _ingress(rules=[{"http": {"paths": [{"path": "/", "backend": {}}]}}]),
        "spec.rules[0].http.paths[0].pathType",
    ),
    "relative path": (f"{NETWORKING}/ingresses", _path(path="x"), "spec.rules[0].http.paths[0].path"),
    "backend of nothing": (
        f"{NETWORKING}/ingresses",
        _path(backend={}),
        "spec.rules[0].http.paths[0].backend",
    ),
    "huge annotation": (
        f"{CORE}/configmaps",
        {"metadata": {"name": "odd", "annotations": {"x": "y" * 300_000}}},
        "metadata.annotations",
    ),
    "application without a spec": (
        "/apis/argoproj.io/v1alpha1/namespaces/default/applications",
        NAMED,
        "spec",
    ),
}


@pytest.mark.parametrize(("path", "body", "field"), INVALID.values(), ids=INVALID)
def test_invalid_object_is_refused_with_the_field_as_cause(
    server: Served, path: str, body: Any, field: str
) -> None:
    """422, with every cause; nothing is stored."""
    answer = server.request("POST", path, body=body)

    assert answer.status_code == 422, answer.text
    assert field in {cause["field"] for cause in answer.json()["details"]["causes"]}
    assert server.request("GET", f"{path}/odd").status_code == 404


UNREADABLE = {
    "number as a selector": (f"{CORE}/services", _service(PORT, selector={"app": 1}), "spec.selector.app"),
    "text as a port": (f"{CORE}/services", _service({"port": "80"}), "spec.ports[0].port"),
    "ports as an object": (f"{CORE}/services", NAMED | {"spec": {"ports": {}}}, "spec.ports"),
    "spec as text": (f"{CORE}/pods", NAMED | {"spec": "box"}, "spec"),
    "number as a variable": (
        f"{CORE}/pods",
        _pod(env=[{"name": "A", "value": 5}]),
        "spec.containers[0].env[0].value",
    ),
    "text as replicas": (f"{APPS}/deployments", _deployment(replicas="2"), "spec.replicas"),
    "metadata as text": (f"{CORE}/configmaps", {"metadata": "odd"}, "metadata"),
    "label as a number": (
        f"{CORE}/configmaps",
        {"metadata": {"name": "odd", "labels": {"a": 1}}},
        "metadata.labels.a",
    ),
    "bad base64 in a Secret": (f"{CORE}/secrets", NAMED | {"data": {"key": "%%%"}}, "data.key"),
    "bad base64 in a ConfigMap": (f"{CORE}/configmaps", NAMED | {"binaryData": {"k": "%"}}, "binaryData.k"),
    "custom resource": (
        "/apis/argoproj.io/v1alpha1/namespaces/default/applications",
        NAMED | {"spec": "x"},
        "spec",
    ),
}


@pytest.mark.parametrize(("path", "body", "field"), UNREADABLE.values(), ids=UNREADABLE)
def test_value_of_a_wrong_type_is_refused_with_its_field(
    server: Served, path: str, body: Any, field: str
) -> None:
    """400, as from Go's decoder."""
    answer = server.request("POST", path, body=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["reason"] == "BadRequest"
    assert field in answer.json()["message"]


def test_patch_to_a_wrong_type_is_refused(server: Served) -> None:
    """Not only creation is looked at; the object stays as it was."""
    server.request("POST", f"{CORE}/pods", body=pod_manifest("patched"))
    before = server.request("GET", f"{CORE}/pods/patched").json()
    kind = {"Content_Type": "application/merge-patch+json"}
    changes: tuple[Any, ...] = (
        {"spec": "x"},
        {"spec": {"containers": [{"name": 1}]}},
        {"metadata": {"labels": {"a": []}}},
    )
    for change in changes:
        assert server.request("PATCH", f"{CORE}/pods/patched", body=change, **kind).status_code == 400
    status = {"status": {"conditions": [{"type": 5}]}}
    assert server.request("PATCH", f"{CORE}/pods/patched/status", body=status, **kind).status_code == 400

    assert server.request("GET", f"{CORE}/pods/patched").json() == before


def test_quantity_may_be_written_as_a_number(server: Served) -> None:
    """YAML's `cpu: 1` is a number, and valid."""
    body = _pod(resources={"requests": {"cpu": 1, "memory": "64Mi"}}) | {"metadata": {"name": "number"}}

    assert server.request("POST", f"{CORE}/pods", body=body).status_code == 201


def test_kind_that_is_not_served_is_not_found(server: Served) -> None:
    """As for a CustomResourceDefinition that was never applied."""
    for group in ("example.com/v1", "apps/v1"):
        answer = server.request("POST", f"/apis/{group}/namespaces/default/widgets", body=NAMED)
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", "0.5"), ("2", "2"), ("1e3", "1000"), ("1Ki", "1024"), ("1.5Gi", "1610612736"),
     ("10M", "10000000"), ("100n", "0.0000001"),
     ("1E", "1000000000000000000"), (".5", "0.5"), ("1Ei", str(2**60))],
)  # fmt: skip
def test_quantity_is_read_as_kubernetes_writes_it(text: str, number: str) -> None:
    """Every suffix of apimachinery's `resource.Quantity`."""
    assert quantity(text) == Decimal(number)
