"""What a process carries itself is known before anything can be printed, in every form."""

from __future__ import annotations

import base64
import html
import json
import re
import secrets as random_values
from pathlib import Path
from urllib.parse import quote

import pytest

from postflight.redaction import Secrets
from postflight.redaction.names import is_secret_name
from postflight.redaction.process import secret_arguments, secrets_of
from selftests import tiny_project

ODD = "aB3$/+&<\"'\\%x 서울=9"
SECRET_NAMES = (
    "DB_PW",
    "SLACK_HOOK",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "STRIPE_KEY",
    "SENTRY_DSN",
    "DB_PASS",
    "apiKey",
    "POSTFLIGHT_SUMMARY_WEBHOOK",
    "clientSecret",
    "client-secret",
    "BASIC_AUTH",
    "GITHUB_PAT",
)
OTHER_NAMES = (
    "PWD",
    "HOME",
    "AWS_PROFILE",
    "AWS_REGION",
    "SSH_AUTH_SOCK",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "KEYCLOAK_HOST",
    "COMPASS",
    "MONKEY",
    "AWS_ACCESS_KEY_ID",
    "AUTHOR",
    "TOKEN_TTL",
    "PYTEST_CURRENT_TEST",
    "DOA_HOSTED_ZONE",
    "COOKIE_DOMAIN",
    "AUTH_DOMAIN",
    "TOKEN_ISSUER",
    "TOKEN_AUDIENCE",
    "TF_STATE_KEY",
    "S3_KEY_PREFIX",
    "PRIVATE_ZONE",
    "PRIVATE_SUBNETS",
    "CACHE_KEY",
    "SIGNATURE_VERSION",
    "SECRETS_BACKEND",
    "authServerUrl",
)
KUBECONFIG = """\
users:
- name: by-plugin
  user:
    exec:
      command: login
      args: [get-token, --client-secret, {argument}, --tenant, shop, --password={option}]
      env: [{{name: PLUGIN_PW, value: {plugin}}}, {{name: AWS_PROFILE, value: shop-stage}}]
- name: by-token
  user: {{token: {token}, client-key-data: {key}}}
clusters:
- name: shop
  cluster: {{server: https://shop.example, proxy-url: "http://kim:{proxy}@proxy.example:3128"}}
"""


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_says_that_a_value_is_secret(name: str) -> None:
    """Nobody declares which of a shell's variables are secrets."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_name_says_that_a_value_is_none(name: str) -> None:
    """Regions and paths are in every message."""
    assert not is_secret_name(name)


def test_variables_and_kubeconfig_are_known(tmp_path: Path) -> None:
    """An error may repeat any of them before the first Secret is read."""
    made = {
        name: random_values.token_urlsafe(12) for name in ("argument", "option", "plugin", "token", "proxy")
    }
    key = f"-----BEGIN PRIVATE KEY-----\n{random_values.token_urlsafe(40)}\n-----END PRIVATE KEY-----\n"
    file = tmp_path / "config"
    file.write_text(KUBECONFIG.format(**made, key=base64.b64encode(key.encode()).decode()), encoding="utf-8")
    shell = {
        "KUBECONFIG": str(file),
        "AWS_SESSION_TOKEN": f"{random_values.token_urlsafe(12)}\n",
        "HTTPS_PROXY": f"http://kim:{random_values.token_urlsafe(12)}@proxy.example:3128",
        "SLACK_HOOK": f"https://hooks.example/T0/{random_values.token_urlsafe(12)}",
    }
    known = Secrets(secrets_of(shell))

    for value in (*made.values(), shell["AWS_SESSION_TOKEN"].strip(), key.splitlines()[1]):
        assert known.redact(f"<{value}>") == "<[redacted]>"
    assert shell["HTTPS_PROXY"][11:27] not in known.redact(shell["HTTPS_PROXY"][11:28])
    assert known.redact("http://hooks.example/" + shell["SLACK_HOOK"].partition("example/")[2]).endswith(
        "[redacted]"
    )
    assert (
        known.redact("shop-stage of shop at https://shop.example")
        == "shop-stage of shop at https://shop.example"
    )


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("COOKIE_DOMAIN", "shop.example.com", "hosts\n www.example.com and www.shop.example.com"),
        ("SESSION_COOKIE", ".shop.example.com", "www.shop.example.com"),
        ("AUTH", "login.example.com:8443", "login.example.com:8443"),
        ("KEY", "ap-northeast-2", "subnet of ap-northeast-2"),
        ("PRIVATE", "arn:aws:iam::123456789012:role/shop", "arn:aws:iam::123456789012:role/shop"),
        ("TOKEN_URL", "https://login.example.com/", "https://login.example.com/\n login.example.com"),
        ("SLACK_HOOK", "https://hooks.example.com/T0/aB3aB3aB3", "https%253A%252F%252Fhooks.example.com\n"),
    ],
)
def test_names_of_places_stay(name: str, value: str, text: str) -> None:
    """A report without its hosts, regions and ARNs says nothing, and hides nothing."""
    assert Secrets(secrets_of({name: value})).redact_rendered(text) == text


@pytest.mark.parametrize("name", ["DB_PASSWORD", "API_TOKEN", "CLIENT_SECRET"])
def test_a_password_that_looks_like_a_host_is_known(name: str) -> None:
    """Passphrases are words with dots between them."""
    known = Secrets(secrets_of({name: "correct.horse.battery"}))

    assert known.redact("it is correct.horse.battery") == "it is [redacted]"


def test_of_a_secret_url_all_but_the_host_is_known() -> None:
    """Whoever knows a webhook's path may write to the channel; its host is everybody's."""
    variables = {
        "SLACK_WEBHOOK_URL": "https://hooks.example.com/services/T0/aB3aB3aB3",
        "AUTH_URL": "https://kim:hunter2-k9q@login.example.com",
        "HOOK_URI": "https://in.example.com?code=zY9zY9zY9zY9",
    }
    known = Secrets(secrets_of(variables))

    assert known.redact("services/T0/aB3aB3aB3 at hooks.example.com") == "[redacted] at hooks.example.com"
    assert known.redact("hunter2-k9q at login.example.com") == "[redacted] at login.example.com"
    assert known.redact("code=zY9zY9zY9zY9 at in.example.com") == "[redacted] at in.example.com"


def test_an_options_value_is_secret_by_the_options_name() -> None:
    """Plugins get their secrets on the command line."""
    given = [
        "token",
        "--client-secret",
        "a1",
        "--scope=x",
        "--password=b2",
        "--secret-id",
        "shop/db",
        "--token",
    ]
    assert list(secret_arguments(given)) == ["a1", "b2"]


@pytest.mark.parametrize(
    "form",
    [
        ODD,
        quote(ODD, safe=""),
        quote(quote(ODD, safe=""), safe=""),
        re.sub("%..", lambda found: found[0].lower(), quote(ODD, safe="")),
        json.dumps(ODD)[1:-1],
        json.dumps(json.dumps(ODD)),
        json.dumps(ODD, ensure_ascii=False)[1:-1],
        repr(ODD)[1:-1],
        html.escape(ODD),
        html.escape(ODD, quote=False),
        *(base64.b64encode(b"." * before + ODD.encode() + b"user").decode() for before in range(3)),
    ],
)
def test_a_value_is_known_in_every_form(form: str) -> None:
    """What is printed was often written by JSON, a URL or a header before."""
    known = Secrets([ODD])
    text = known.redact(f"before {form} after")

    assert "[redacted]" in text
    assert not any(part in text for part in ("aB3", "x 서울", "9IOyEnOyauD", form[6:16]))


def test_each_line_of_a_key_is_known() -> None:
    """Logs are read line by line."""
    known = Secrets(["c2VjcmV0LWxpbmUtMQ==\r\naB3-xyz_Kq9.z7Tw\n"])

    assert known.redact("got aB3-xyz_Kq9.z7Tw and c2VjcmV0LWxpbmUtMQ==") == "got [redacted] and [redacted]"


_DOCUMENT = """\
ap-northeast-2
shop.example.com
replicas: 3
database1
REGION=ap-northeast-2
COOKIE_DOMAIN=shop.example.com
DB_PASSWORD=hunter2-a1
export API_TOKEN="hunter2-b2"
"client_secret": "hunter2-c3",
  password: hunter2-d4
CACHE=redis://shop:hunter2-e5@cache.example.com:6379
"""


def test_of_a_document_the_secrets_are_known_and_nothing_else() -> None:
    """A Secret `app.env` holds hosts and regions too, and every message names them."""
    known = Secrets([_DOCUMENT])
    text = "subnet of ap-northeast-2 for shop.example.com has replicas: 3 and cache.example.com"

    assert known.redact(text) == text
    for value in ("hunter2-a1", "hunter2-b2", "hunter2-c3", "hunter2-d4", "hunter2-e5"):
        assert known.redact(f"<{value}>") == "<[redacted]>"
    assert known.redact(_DOCUMENT) == "[redacted]"


@pytest.mark.parametrize("text", ["failed for hunter2-k9…", "…r2-k9q and more", "it is hunter2-k9q…"])
def test_what_a_cut_leaves_is_known(text: str) -> None:
    """A message is cut when it is received, and the secret in it may be learned later."""
    shown = Secrets(["hunter2-k9q"]).redact(text)

    assert "r2-k" not in shown
    assert "[redacted]" in shown
    assert Secrets(["hunter2-k9q"]).redact("hundreds… of hundred") == "hundreds… of hundred"


def test_the_parts_that_pytest_renders_are_known() -> None:
    """Pprint breaks a value into lines, and reprlib cuts its middle out."""
    value = random_values.token_urlsafe(30)
    rendered = f"a = ('{value[:17]}'\n     '{value[17:]}')\nb = '{value[:12]}...{value[-12:]}'"
    shown = Secrets([value]).redact_rendered(rendered)

    assert not any(value[at : at + 10] in shown for at in range(len(value) - 9))


def test_a_usage_error_holds_no_secret(tmp_path: Path) -> None:
    """Botocore repeats a session token that a line end makes unusable; no check has run by then."""
    folder = tiny_project.make(tmp_path)
    token = random_values.token_urlsafe(24)
    variables = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": random_values.token_urlsafe(24),
        "AWS_SESSION_TOKEN": f"{token}\n",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    run = tiny_project.run(folder, live=True, variables=variables)

    assert run.returncode == 4, run.stdout + run.stderr
    assert "cannot tell where we are" in run.stderr
    assert "[redacted]" in run.stderr
    assert not any(token[at : at + 10] in run.stdout + run.stderr for at in range(len(token) - 9))
