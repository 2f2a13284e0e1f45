"""Which values of a Secret are kept out of all that is written."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from postflight.probes.kubernetes import settings
from selftests.kube_api_server import serving
from selftests.kubernetes_runs import ENVIRONMENT, kubeconfig, run

SHOP_SERVER = {
    "kind": "cluster",
    "identifier": "shop-aurora",
    "user": "shopkeeper",
    "login_database": "postgres",
    "databases": ["orders_service"],
    "login": {"password": {"secret": "db", "key": "word", "namespace": "shop"}},
}


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("user", "shopkeeper", "shopkeeper"),
        ("dbname", "orders_service", "orders_service"),
        ("host", "shop.example.com", "shop.example.com"),
        ("host", "shop-1.abc.rds.amazonaws.com", "shop-1.abc.rds.amazonaws.com"),
        ("engine", "psql", "psql"),
        ("debug", "false", "false"),
        ("host", "pw.elsewhere.example", "[redacted]"),
        ("opaque", "s3cr3t", "[redacted]"),
        ("PGPASSWORD", "shopkeeper", "[redacted]"),
        ("api_key", "a1b2", "[redacted]"),
        ("word", "shopkeeper", "[redacted]"),
        ("word", "12345", "[redacted]"),
        ("word", "true", "[redacted]"),
        ("link", "redis://:ab12@host/", "[redacted]"),
    ],
)
def test_only_what_may_be_secret_is_withheld(tmp_path: Path, key: str, value: str, said: str) -> None:
    """A report without the names of its databases says nothing; one with a password says too much."""
    data = {key: base64.b64encode(value.encode()).decode()}
    host = {"shop.example.com": {"hosted_zone": "example.com"}}
    declared = {**ENVIRONMENT, "database_servers": {"shop": SHOP_SERVER}, "hosts": host}
    with serving(tmp_path) as served:
        assert served.request("POST", "/api/v1/namespaces", body={"metadata": {"name": "shop"}}).ok
        made = {"metadata": {"name": "db"}, "data": data}
        assert served.request("POST", "/api/v1/namespaces/shop/secrets", body=made).ok
        file = kubeconfig(tmp_path, served.url, served.ca_file.read_bytes(), {"token": "admin"})
        connections = run(file, declared)
        settings.secret.looking(connections, "shop", "db", ()).look()
    assert connections.secrets.redact(f"<{value}>") == f"<{said}>"
    encoded = "<" + data[key] + ">"
    assert (connections.secrets.redact(encoded) == "<[redacted]>") is (said == "[redacted]")
