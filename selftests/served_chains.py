"""Certificates of every kind, made on the spot, and servers that serve them."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from sandbox.network.certificates import Certificate
from selftests.rude_servers import Street

HOST = "name.test"
CLIENT = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH])
_RSA_SHA256, _RSA_SHA1 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    one: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self) -> str:
        """The certificate alone."""
        return self.one.public_bytes(serialization.Encoding.PEM).decode()


def make(  # noqa: PLR0913 - what a certificate is made of
    name: str,
    issuer: Made | None = None,
    *,
    ca: bool = True,
    days: tuple[float, float] = (-10, 90),
    hosts: tuple[str, ...] = (),
    bits: int | None = None,
    extra: tuple[x509.ExtensionType, ...] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Made:
    """Make one certificate; `days`: its beginning and its end, from now; `bits`: an RSA key of this size."""
    now = datetime.now(UTC)
    own = key or (rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1()))
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        issuer.one.subject if issuer else subject, subject, own.public_key(), x509.random_serial_number(),
        now + timedelta(days=days[0]), now + timedelta(days=days[1]),
    ).add_extension(x509.BasicConstraints(ca, None), critical=True)  # fmt: skip
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, critical=False)
    for extension in extra:
        builder = builder.add_extension(extension, critical=False)
    return Made(builder.sign(issuer.key if issuer else own, hashes.SHA256()), own)


def signed_by_sha1(made: Made, issuer: Made) -> Made:
    """Return the certificate with a signature by SHA-1 of an RSA issuer; no library makes one any more."""
    if not isinstance(issuer.key, rsa.RSAPrivateKey):
        raise TypeError("only RSA's name of the algorithm has the same length with SHA-1")
    to_be_signed = made.one.tbs_certificate_bytes.replace(_RSA_SHA256, _RSA_SHA1)
    signature = issuer.key.sign(to_be_signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what it is for
    whole = made.one.public_bytes(serialization.Encoding.DER)
    whole = whole.replace(made.one.tbs_certificate_bytes, to_be_signed).replace(_RSA_SHA256, _RSA_SHA1)
    return Made(x509.load_der_x509_certificate(whole[: -len(signature)] + signature), made.key)


class OfLooseServer(Certificate):
    """A certificate with a key that servers of today refuse to serve."""

    def server_context(self) -> ssl.SSLContext:
        """Return a context as an old server has it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pair:
            pair.write(self.key_pem + self.full_chain_pem)
            pair.flush()
            context.load_cert_chain(pair.name)
        return context


def serve(
    opened: Street, *chain: Made, newest: ssl.TLSVersion | None = None, oldest: ssl.TLSVersion | None = None
) -> int:
    """Serve a chain, leaf first; return the port."""
    key = chain[0].key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    moment = datetime.now(UTC)
    rest = "".join(made.pem for made in chain[1:])
    return opened.https(
        OfLooseServer(chain[0].pem, key.decode(), rest, (), moment, moment), newest=newest, oldest=oldest
    )
