"""How a Kubernetes API is reached, and as whom: the official client, configured for one cluster."""

from __future__ import annotations

import re
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from postflight.evidence import Unverified
from postflight.probes.kubernetes.outbound_proxy import Proxy, proxy_of

if TYPE_CHECKING:
    from kubernetes.client import ApiClient, Configuration

    from postflight.probes.kubernetes.transport import Transport
    from postflight.redaction import Secrets

FOR_EVER: Final = float("inf")
_POOLED: Final = 64
_NOT_IN_A_HEADER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True)
class Access:
    """A Kubernetes API and our way in.

    `label` says in messages where this came from. `log_in` configures the official client, with a folder for
    the files that it needs, and returns for how many seconds that is good; it is asked again afterwards.
    `impersonation`: headers that ask for another user's rights.
    """

    label: str
    server: str
    user: str
    log_in: Callable[[Configuration, Path], float]
    proxy_url: str | None = None
    impersonation: tuple[tuple[str, str], ...] = ()
    in_cluster: bool = False

    @property
    def title(self) -> str:
        """Who answers, in messages: `The Kubernetes API of context prod (https://…)`."""
        return f"The Kubernetes API of {self.label} ({self.server})"


@dataclass(frozen=True)
class Session:
    """The official client, logged in. `ca` is the CA in PEM that is trusted, None for the public roots."""

    access: Access
    client: ApiClient
    transport: Transport
    ca: str | None
    ends: float

    def headers(self, **more: str) -> Any:
        """Return the headers that prove who we are, and whose rights we ask for."""
        from urllib3 import HTTPHeaderDict

        own: dict[str, str] = {}
        self.client.update_params_for_auth(own, [], ["BearerToken"], "", "GET", None)
        headers = HTTPHeaderDict({"User-Agent": "postflight", **more, **own})
        for name, value in self.access.impersonation:
            headers.add(name, value)
        return headers


def opened(access: Access, process: Mapping[str, str], secrets: Secrets) -> Session:
    """Log in: make a client of its own, and nothing that outlives it. Raises Unverified."""
    from postflight.probes.kubernetes.official import ApiClient, Configuration
    from postflight.probes.kubernetes.transport import Transport

    parts = _required_url(access)
    proxy = proxy_of(access.server, access.proxy_url, process, access.label)
    configuration = Configuration()
    # The client needs files for certificates and keys; they are gone as soon as OpenSSL has read them.
    with tempfile.TemporaryDirectory(prefix="postflight-") as folder:
        ends = time.monotonic() + access.log_in(configuration, Path(folder))
        _remember_keys(configuration, secrets)
        ca, tls = _trust(access, configuration) if parts.scheme == "https" else (None, None)
    _require_header_values(access, configuration)
    # From here on renewing is ours, and the proxy is what kubectl would use.
    configuration.host = access.server
    configuration.refresh_api_key_hook = None
    configuration.ssl_ca_cert = configuration.cert_file = configuration.key_file = None
    configuration.connection_pool_maxsize = _POOLED
    configuration.no_proxy = ""
    configuration.proxy = None
    if proxy is not None:
        _set_proxy(configuration, proxy, ca, secrets)
    client = ApiClient(configuration)
    pools = client.rest_client.pool_manager
    for name in ("ca_certs", "ca_cert_data", "cert_file", "key_file", "cert_reqs"):
        pools.connection_pool_kw.pop(name, None)
    if tls is not None:
        pools.connection_pool_kw["ssl_context"] = tls
    return Session(access, client, Transport(pools, access.server), ca, ends)


def _required_url(access: Access) -> Any:
    try:
        parts = urlsplit(access.server)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or parts.username is not None or not access.server.isprintable() or " " in access.server:
        raise Unverified(f"{access.label}: {access.server!r} is not the URL of a Kubernetes API.")
    return parts


def _require_header_values(access: Access, configuration: Configuration) -> None:
    token = str(configuration.api_key.get("BearerToken", ""))
    if _NOT_IN_A_HEADER.search(token) or not token.isascii():
        raise Unverified(
            f"{access.label}: the token holds a line break or another character that no token has."
        )
    for name, value in access.impersonation:
        if _NOT_IN_A_HEADER.search(value):
            raise Unverified(f"{access.label}: the value for {name} holds a line break.")


def _remember_keys(configuration: Configuration, secrets: Secrets) -> None:
    for value in configuration.api_key.values():
        secrets.add(str(value).partition(" ")[2])
    if configuration.key_file and Path(configuration.key_file).is_file():
        secrets.add(Path(configuration.key_file).read_text(encoding="utf-8", errors="replace"))


def _trust(access: Access, configuration: Configuration) -> tuple[str | None, ssl.SSLContext]:
    """Return the CA that is trusted (PEM), and how TLS is spoken. Raises Unverified."""
    try:
        ca = Path(configuration.ssl_ca_cert).read_text("utf-8") if configuration.ssl_ca_cert else None
        return ca, tls_context(ca, configuration.cert_file, configuration.key_file)
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        message = f"{access.label}: the CA or the client certificate and its key cannot be used ({reason})."
        raise Unverified(message) from None


def tls_context(ca: str | None, certificate: str | None = None, key: str | None = None) -> ssl.SSLContext:
    """Return a context that verifies as kubectl does, with a client certificate from these files.

    Python 3.13 refuses certificates without an Authority Key Identifier, and CAs without a Subject Key
    Identifier; clusters have such, and Go takes them. Like Go, it trusts each certificate of `ca` by itself.
    Raises ssl.SSLError, OSError, ValueError.
    """
    # With `cadata`, Python loads no default roots: SSL_CERT_FILE in the shell changes nothing.
    context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    if certificate:
        # An encrypted key is refused: OpenSSL would ask the terminal for its passphrase.
        context.load_cert_chain(certificate, key, password=lambda: "-")
    return context


def _set_proxy(configuration: Configuration, proxy: Proxy, ca: str | None, secrets: Secrets) -> None:
    from urllib3.util import make_headers

    configuration.proxy = proxy.url
    if proxy.login is not None:
        secrets.add(proxy.login.partition(":")[2])
        if proxy.is_socks:
            from urllib.parse import quote

            name, _, password = proxy.login.partition(":")
            scheme, _, address = proxy.url.partition("://")
            configuration.proxy = f"{scheme}://{quote(name, safe='')}:{quote(password, safe='')}@{address}"
        else:
            as_bytes = proxy.login.encode().decode("latin-1")  # what urllib3 encodes it with
            configuration.proxy_headers = make_headers(proxy_basic_auth=as_bytes)
    if proxy.url.startswith("https:"):
        # kubectl trusts the cluster's CA for the proxy too; the public roots are what most proxies have.
        context = tls_context(None)
        if ca:
            context.load_verify_locations(cadata=ca)
        configuration.proxy_ssl_context = context


def fingerprints(pem: str) -> tuple[str, ...]:
    """Return the SHA-256 fingerprints of the certificates in a PEM text, in hexadecimal."""
    import base64
    import hashlib

    marks = pem.split("-----BEGIN CERTIFICATE-----")[1:]
    blocks = (mark.split("-----END CERTIFICATE-----")[0] for mark in marks)
    return tuple(hashlib.sha256(base64.b64decode("".join(block.split()))).hexdigest() for block in blocks)
