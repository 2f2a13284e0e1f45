"""How a Kubernetes API is reached, and as whom."""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from postflight.evidence import Unverified
from postflight.probes.kubernetes.transport import Target


@dataclass(frozen=True)
class Credential:
    """What proves who we are: an Authorization header, or a client certificate with its key (PEM)."""

    header: str | None = None
    certificate: str | None = None
    key: str | None = None
    good_for_s: float = 60.0


@dataclass(frozen=True)
class Access:
    """A Kubernetes API and our way in.

    `label` says in messages where this came from. `ca` is PEM text; without it the public roots are
    trusted. `credential` is asked again when what it gave has run out.
    """

    label: str
    server: str
    user: str
    ca: str | None
    credential: Callable[[], Credential]
    tls_server_name: str | None = None
    proxy: str | None = None
    in_cluster: bool = False

    def target(self, credential: Credential) -> Target:
        """Return where to connect. Raises Unverified for a server URL that can not be one."""
        parts = urlsplit(self.server)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Unverified(f"{self.label}: {self.server!r} is not the URL of a Kubernetes API.")
        is_tls = parts.scheme == "https"
        try:
            return Target(
                host=parts.hostname,
                port=parts.port or (443 if is_tls else 80),
                tls=_tls(self.ca, credential) if is_tls else None,
                tls_server_name=self.tls_server_name,
                proxy=_proxy(self.proxy),
            )
        except (ssl.SSLError, ValueError) as error:
            message = f"{self.label}: the CA, client certificate or URL is not usable: {error}."
            raise Unverified(message) from None

    @property
    def path_prefix(self) -> str:
        """What stands before `/api` (Rancher and others publish clusters under a path)."""
        return urlsplit(self.server).path.rstrip("/")


class Renewed:
    """Keeps a credential until shortly before it runs out. Safe to use from any thread."""

    def __init__(self, fetch: Callable[[], Credential]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._kept: Credential | None = None
        self._until = 0.0

    def __call__(self) -> Credential:
        """Return a credential that is still good. Raises Unverified."""
        with self._lock:
            if self._kept is None or time.monotonic() >= self._until:
                self._kept = self._fetch()
                self._until = time.monotonic() + self._kept.good_for_s
            return self._kept


def _tls(ca: str | None, credential: Credential) -> ssl.SSLContext:
    # With `cadata`, Python loads no default roots: SSL_CERT_FILE in the shell changes nothing.
    context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context()
    if credential.certificate and credential.key:
        with tempfile.TemporaryDirectory() as folder:  # OpenSSL takes a client key from a file only
            file = Path(folder) / "client.pem"
            file.touch(mode=0o600)
            file.write_text(f"{credential.certificate}\n{credential.key}\n", encoding="ascii")
            context.load_cert_chain(file)
    return context


def _proxy(url: str | None) -> tuple[str, int] | None:
    if not url:
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"proxy {parts.scheme}://{parts.hostname} is no http:// proxy")
    return parts.hostname, parts.port or 3128


def decoded(text: str, what: str) -> str:
    """Return base64 data as text. Raises Unverified that says what is not base64."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Unverified(f"{what} is not base64.") from None


def fingerprints(pem: str) -> tuple[str, ...]:
    """Return the SHA-256 fingerprints of the certificates in a PEM text, in hexadecimal."""
    import hashlib

    marks = pem.split("-----BEGIN CERTIFICATE-----")[1:]
    blocks = (mark.split("-----END CERTIFICATE-----")[0] for mark in marks)
    return tuple(hashlib.sha256(base64.b64decode("".join(block.split()))).hexdigest() for block in blocks)
