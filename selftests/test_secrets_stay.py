"""Secrets are planted where real ones lie; nothing that a run prints or writes may hold a part of one."""

from __future__ import annotations

import base64
import json
import secrets as random_values
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sandbox import names
from sandbox.kube_client import Kubernetes
from selftests.proofs.harness import Sandbox, SuiteRun

SALEOR, DOA = "saleor", "doa-market-prod"
MARKS = {
    name: f"{random_values.token_urlsafe(15)}-{number:02}"
    for number, name in enumerate(
        (
            "secret-key",
            "secret-never-asked-for",
            "password-in-url",
            "token-in-query",
            "cache-password",
            "plain-variable",
            "variable-with-url",
            "configuration-with-url",
            "argument",
            "annotation",
            "token-of-an-address",
            "session-token",
            "webhook",
            "message-of-argo-cd",
            "variable-of-the-shell",
            "password-of-the-shell",
        ),
        1,
    )
}
VERBOSITIES = {
    "quiet": ("-q",),
    "v-parallel": ("-v", "-n", "2"),
    "vv-locals": ("-vv", "-l"),
    "long-locals": ("--tb=long", "-l"),
    "short-all": ("-vv", "--tb=short", "-rA", "--showlocals"),
}


def administrator(sandbox: Sandbox) -> Kubernetes:
    """Return a client that may write."""
    kubeconfig = json.loads((sandbox.folder / "kubeconfig").read_text(encoding="utf-8"))
    token = next(one["user"]["token"] for one in kubeconfig["users"] if one["name"] == "sandbox-admin")
    server = kubeconfig["clusters"][0]["cluster"]["server"]
    return Kubernetes(server, token, Path(sandbox.variables["SANDBOX_CA"]))


def with_marks(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the changes that put secrets where they do not belong: variables, arguments, annotations."""
    container = dict(deployment["spec"]["template"]["spec"]["containers"][0])
    container["env"] = [
        *container["env"],
        {"name": "STRIPE_SECRET_KEY", "value": MARKS["plain-variable"]},
        {"name": "SENTRY_DSN", "value": f"https://user:{MARKS['variable-with-url']}@sentry.example.com/1"},
    ]
    container["args"] = [f"--token={MARKS['argument']}"]
    applied = {"kubectl.kubernetes.io/last-applied-configuration": MARKS["annotation"]}
    return {
        "metadata": {"annotations": applied},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def put_operation(kube: Kubernetes, operation: Mapping[str, Any]) -> None:
    """Let an Application tell this of its last operation."""
    change = {"status": {"operationState": operation}}
    kube.patch("Application", "argocd", names.KYEOL_APPLICATION, change)


@pytest.fixture(scope="module")
def planted(sandbox: Sandbox) -> Iterator[Mapping[str, str]]:
    """Plant the marks, which breaks a database login and a cache's; give what to export; take them back."""
    kube = administrator(sandbox)
    database = kube.secret(SALEOR, "saleor-db-secret")["DATABASE_URL"]
    application = kube.secret(SALEOR, "saleor-app-secret")["SECRET_KEY"]
    cache = kube.secret(DOA, "redis-credentials-prod")["password"]
    cart = kube.get("Deployment", DOA, "cart-service")
    host = database.partition("@")[2]
    url = f"postgresql://saleor_admin:{MARKS['password-in-url']}@{host}?token={MARKS['token-in-query']}"
    kube.set_secret(SALEOR, "saleor-db-secret", DATABASE_URL=url)
    kube.set_secret(
        SALEOR, "saleor-app-secret", SECRET_KEY=MARKS["secret-key"], OTHER=MARKS["secret-never-asked-for"]
    )
    kube.set_secret(DOA, "redis-credentials-prod", password=MARKS["cache-password"])
    mail = f"smtp://user:{MARKS['configuration-with-url']}@mail.example.com"
    kube.patch("ConfigMap", SALEOR, "saleor-api-config", {"data": {"EMAIL_URL": mail}})
    kube.patch("Deployment", DOA, "cart-service", with_marks(cart))
    delivered = kube.get("Application", "argocd", names.KYEOL_APPLICATION)["status"]["operationState"]
    # Argo CD's own words, cut through the middle of a secret that nobody has read anywhere.
    repository = f"https://git:{MARKS['message-of-argo-cd']}@git.example.com/shop"
    said = f"{'waiting ' * 34}for {repository} and for everything after it"
    stuck = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": None, "message": said}
    put_operation(kube, stuck)
    address = kube.get("ConfigMap", SALEOR, "saleor-storefront-config")["data"]["NEXT_PUBLIC_API_URI"]
    elsewhere = f"https://api.example.com/graphql/?token={MARKS['token-of-an-address']}"
    kube.patch("ConfigMap", SALEOR, "saleor-storefront-config", {"data": {"NEXT_PUBLIC_API_URI": elsewhere}})
    yield {
        "AWS_SESSION_TOKEN": MARKS["session-token"],
        "GITHUB_ACTIONS": "true",
        "SLACK_HOOK": f"https://hooks.example.com/T0/{MARKS['variable-of-the-shell']}",
        "DB_PW": f"{MARKS['password-of-the-shell']}\n",
        "POSTFLIGHT_SUMMARY_WEBHOOK": f"http://127.0.0.1:1/services/{MARKS['webhook']}",
    }
    put_operation(kube, delivered)
    kube.set_secret(SALEOR, "saleor-db-secret", DATABASE_URL=database)
    kube.set_secret(SALEOR, "saleor-app-secret", SECRET_KEY=application, OTHER=None)
    kube.set_secret(DOA, "redis-credentials-prod", password=cache)
    kube.patch("ConfigMap", SALEOR, "saleor-api-config", {"data": {"EMAIL_URL": None}})
    kube.patch("ConfigMap", SALEOR, "saleor-storefront-config", {"data": {"NEXT_PUBLIC_API_URI": address}})
    applied = {"kubectl.kubernetes.io/last-applied-configuration": None}
    containers = [{"args": None, **cart["spec"]["template"]["spec"]["containers"][0]}]
    back = {"metadata": {"annotations": applied}, "spec": {"template": {"spec": {"containers": containers}}}}
    kube.patch("Deployment", DOA, "cart-service", back)


def secrets(sandbox: Sandbox) -> dict[str, str]:
    """Return every value that must not be seen: the marks, and what the sandbox's own users carry."""
    kubeconfig = json.loads((sandbox.folder / "kubeconfig").read_text(encoding="utf-8"))
    tokens = {f"token of {one['name']}": one["user"]["token"] for one in kubeconfig["users"]}
    return {**MARKS, **tokens, "AWS secret key": sandbox.variables["AWS_SECRET_ACCESS_KEY"]}


def leaks(run: SuiteRun, values: Mapping[str, str]) -> list[str]:
    """Return which secrets are found where, whole or begun, plain or in base64, in what a run left."""
    texts = {"output": run.output.encode()}
    for file in run.folder.parent.rglob("*"):
        if file.is_file() and not file.is_symlink():
            texts[str(file.relative_to(run.folder.parent))] = file.read_bytes()
    return [
        f"{name} in {place}"
        for name, value in values.items()
        for place, text in texts.items()
        for form in forms(value)
        if form in text
    ]


def forms(value: str) -> Iterator[bytes]:
    """Yield what gives a secret away: ten characters of it in a row, and its base64 wherever that begins."""
    for at in range(len(value) - 9):
        yield value[at : at + 10].encode()
        yield quote(value[at : at + 10], safe="").encode()
    for before in range(3):
        encoded = base64.b64encode(b"." * before + value.encode())
        # The first and last characters are made of neighbours too.
        yield encoded[4 if before else 0 : -4]


@pytest.mark.parametrize("verbosity", VERBOSITIES)
def test_no_secret_is_printed_or_written(
    sandbox: Sandbox, planted: Mapping[str, str], tmp_path: Path, verbosity: str
) -> None:
    """A report is sent around, and a CI log is read by many."""
    sandbox.break_("access-denied", "action=get services/proxy")
    try:
        run = sandbox.run_suite(
            *VERBOSITIES[verbosity],
            f"--alluredir={tmp_path / 'allure'}",
            "--junitxml=$BESIDE/junit.xml",
            environment={
                **planted,
                "BESIDE": str(tmp_path),
                "GITHUB_STEP_SUMMARY": str(tmp_path / "step.md"),
            },
        )
    finally:
        sandbox.mend("access-denied")
    beside = [file for file in tmp_path.rglob("*") if file.is_file()]
    written = {f"{name} in {file.name}" for name, value in secrets(sandbox).items() for file in beside
               for form in forms(value) if form in file.read_bytes()}  # fmt: skip

    told = [one["message"] for one in run.by_verdict("failed")]
    assert any("NEXT_PUBLIC_API_URI is" in message for message in told)
    assert any("waiting waiting" in message for message in told)
    assert run.by_verdict("unverified")
    assert tmp_path / "junit.xml" in beside
    assert sorted({*leaks(run, secrets(sandbox)), *written}) == []
