"""The sandbox's private certificate authorities."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Callable


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Certificate:
    """A server certificate with its key, all as PEM text."""

    cert_pem: str
    key_pem: str
    chain_pem: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime

    @property
    def full_chain_pem(self) -> str:
        """The certificate followed by its authority, as a server presents it."""
        return self.cert_pem + self.chain_pem

    def covers(self, host: str) -> bool:
        """Whether a client that asked for `host` accepts one of the names (RFC 6125 wildcards)."""
        wanted = host.lower().rstrip(".")
        parent = wanted.partition(".")[2]
        return any(name.lower() in (wanted, f"*.{parent}") for name in self.names)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether `moment` (with a time zone) lies in the certificate's life."""
        return self.not_before <= moment <= self.not_after

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS server context that presents this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory(prefix="sandbox-tls-") as folder:
            # The ssl module reads keys from files only; mkdtemp makes the folder ours alone.
            pair = Path(folder) / "pair.pem"
            pair.write_text(self.key_pem + self.full_chain_pem)
            context.load_cert_chain(pair)
        return context


class Authority:
    """A certificate authority that lives as long as the sandbox."""

    def __init__(
        self, organization: str, now: Callable[[], datetime] = _now, authority: trustme.CA | None = None
    ) -> None:
        self._authority = authority or trustme.CA(
            organization_name=organization, key_type=trustme.KeyType.ECDSA
        )
        self._now = now

    @property
    def pem(self) -> str:
        """The authority's own certificate, for those who trust it."""
        return self._authority.cert_pem.bytes().decode()

    def issue(self, *names: str, days: float = 90, age_days: float = 1) -> Certificate:
        """Issue a certificate for DNS names or IP addresses.

        `days` counts from now to the end and may be negative (expired); `age_days` is how long ago the
        certificate began.
        """
        now = self._now()
        start = now - timedelta(days=age_days)
        end = now + timedelta(days=days)
        if end <= start:
            start = end - timedelta(days=1)
        leaf = self._authority.issue_cert(
            *names,
            common_name=names[0],
            not_before=start,
            not_after=end,
            key_type=trustme.KeyType.ECDSA,
        )
        return certificate_from_pem(
            leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode(), self.pem
        )

    def intermediate(self, name: str, *, days: float) -> Authority:
        """Return an authority below this one, whose own certificate ends in so many days."""
        now, key = self._now(), ec.generate_private_key(ec.SECP256R1())
        root = x509.load_pem_x509_certificate(self._authority.cert_pem.bytes())
        root_key = serialization.load_pem_private_key(self._authority.private_key_pem.bytes(), None)
        if not isinstance(root_key, ec.EllipticCurvePrivateKey):
            raise TypeError("the sandbox's authorities sign by ECDSA")
        subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder(
                root.subject, subject, key.public_key(), x509.random_serial_number(),
                now - timedelta(days=365), now + timedelta(days=days),
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
            )
            .sign(root_key, hashes.SHA256())
        )  # fmt: skip
        own = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        below = trustme.CA.from_pem(made.public_bytes(serialization.Encoding.PEM), own)
        return Authority(name, self._now, below)


def certificate_from_pem(cert_pem: str, key_pem: str, chain_pem: str) -> Certificate:
    """Read names and dates out of a PEM certificate."""
    parsed = x509.load_pem_x509_certificate(cert_pem.encode())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    texts = [str(name.value) for name in names]
    return Certificate(
        cert_pem,
        key_pem,
        chain_pem,
        tuple(texts),
        parsed.not_valid_before_utc,
        parsed.not_valid_after_utc,
    )
