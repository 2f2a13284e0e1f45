"""Outsiders that look into the sandbox: kubectl, boto3, an HTTPS client, a resolver, a PostgreSQL client."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

import boto3
import dns.message
import dns.query
import psycopg
import urllib3

from selftests.sandbox_process import Running


def kubectl(sandbox: Running, *words: str) -> str:
    """Run kubectl as the suite's user."""
    environment = {**os.environ, "KUBECONFIG": sandbox.variables["KUBECONFIG"]}
    return subprocess.run(
        ["kubectl", *words], env=environment, capture_output=True, text=True, timeout=30, check=True
    ).stdout


def get(sandbox: Running, *words: str) -> Any:
    """Read objects with kubectl."""
    return json.loads(kubectl(sandbox, "get", *words, "-o", "json"))


def client(sandbox: Running, service: str) -> Any:
    """Give a boto3 client that knows nothing but the exported variables."""
    given = sandbox.variables
    session = boto3.Session(
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        region_name=given["AWS_REGION"],
    )
    return session.client(service, endpoint_url=given["AWS_ENDPOINT_URL"])


def ask(
    sandbox: Running,
    host: str,
    path: str = "/",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> urllib3.BaseHTTPResponse:
    """Make an HTTPS request to a host as if its name led to the sandbox's address."""
    port = int(sandbox.variables["SANDBOX_HTTPS_PORT"])
    with urllib3.HTTPSConnectionPool(
        "127.0.0.1",
        port,
        ca_certs=sandbox.variables["SANDBOX_CA"],
        server_hostname=host,
        assert_hostname=host,
        timeout=20,
    ) as pool:
        return pool.request(
            method, path, headers={"Host": f"{host}:{port}", **(headers or {})}, redirect=False
        )


def look_up(sandbox: Running, name: str, server: str = "SANDBOX_DNS") -> dns.message.Message:
    """Ask the sandbox's DNS for an address."""
    host, _, port = sandbox.variables[server].partition(":")
    return dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=5)


def secret(sandbox: Running, namespace: str, name: str) -> dict[str, str]:
    """Read a Secret."""
    data = get(sandbox, "secret", name, "-n", namespace)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def log_in(sandbox: Running, database: str) -> psycopg.Connection[Any]:
    """Connect as DOA Market's services do."""
    login = secret(sandbox, "doa-market-prod", "db-credentials-prod")
    return psycopg.connect(
        host="127.0.0.1",
        port=sandbox.variables["SANDBOX_DOA_POSTGRES_PORT"],
        user=login["username"],
        password=login["password"],
        dbname=database,
        sslmode="disable",
        connect_timeout=3,
    )


def pods(sandbox: Running, namespace: str) -> dict[str, Any]:
    """Give the pods of a namespace by their app label."""
    found = get(sandbox, "pods", "-n", namespace)["items"]
    return {item["metadata"]["labels"]["app"]: item for item in found}


def waiting_reason(pod: Any) -> str | None:
    """Say why a pod's container does not run."""
    state = pod["status"]["containerStatuses"][0]["state"]
    reason: str | None = state.get("waiting", {}).get("reason")
    return reason
