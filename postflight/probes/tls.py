"""TLS: chain, host name and days left of what a server really serves; verification is never off."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from postflight.evidence import Evidence, Unverified
from postflight.probes import hello
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Kind, Stream, Trouble, connect, has_spoken

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

LOOK_S = 8.0
PREAMBLE_S = 5.0
# Verification errors of OpenSSL (x509_vfy.h) that do not mean "no trusted issuer".
_NOT_YET_VALID, _EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 62, 64
_SELF_SIGNED = 18
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")

Preamble = Callable[[Stream], None]


class Served(Evidence):
    """The certificate that a server presents."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    days_left: float


class Tls(Evidence):
    """What became of one TLS handshake, and what is known of the certificate.

    `certificate` is known also when it is not trusted, unless the server speaks nothing below TLS 1.3.
    `answered` tells whether the server said anything at all.
    """

    host: str
    port: int
    seconds: float
    answered: bool = False
    version: str | None = None
    certificate: Served | None = None
    kind: Kind | None = None
    problem: str | None = None

    @property
    def is_spoken(self) -> bool:
        """Whether the server speaks TLS: a certificate that is refused is TLS all the same."""
        return self.problem is None or self.kind in ("untrusted", "wrong name", "expired", "not yet valid")

    @property
    def is_verified(self) -> bool:
        """Whether chain, host name and dates are all in order."""
        return self.problem is None

    @property
    def is_trusted(self) -> bool:
        """Whether the chain ends in a trusted root. OpenSSL looks at names and dates only after that."""
        return self.is_spoken and self.kind != "untrusted"

    @property
    def names_the_host(self) -> bool:
        """Whether the certificate is made out for the host."""
        if self.certificate is None:
            return self.is_spoken and self.kind not in ("wrong name", "untrusted")
        return covers(self.certificate.names, self.host)

    @property
    def days_left(self) -> float:
        """Days until the certificate ends; below 0 once it has ended or when it is not known."""
        return self.certificate.days_left if self.certificate else -1.0


def covers(names: tuple[str, ...], host: str) -> bool:
    """Whether a certificate's names cover `host` (RFC 6125: a wildcard is one whole left-most label)."""
    wanted = host.lower().rstrip(".")
    parent = wanted.partition(".")[2]
    return any(name.lower() in (wanted, f"*.{parent}") for name in names)


def trust(ca: str | None, protocol: str | None = None) -> ssl.SSLContext:
    """Return the context that verifies against `ca`, a PEM file, or else the public roots.

    `protocol`: the one to offer by ALPN; PostgreSQL 17 refuses a client that offers another than its own.
    What REQUESTS_CA_BUNDLE or SSL_CERT_FILE say does not matter. Raises Unverified if the file is no good.
    """
    if ca is None:
        import certifi

        return _context(certifi.where(), 0, protocol)
    try:
        return _context(ca, Path(ca).stat().st_mtime_ns, protocol)
    except FileNotFoundError:
        raise Unverified(
            f"The declared CA file {ca} does not exist: no certificate can be verified."
        ) from None
    except (OSError, ssl.SSLError) as error:
        raise Unverified(f"The declared CA file {ca} cannot be read as PEM: {error.strerror}.") from None


@functools.lru_cache(maxsize=64)
def _context(file: str, _modified: int, protocol: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if protocol is not None:
        context.set_alpn_protocols([protocol])
    context.load_verify_locations(cafile=file)
    return context


def secure(stream: Stream, host: str, ca: str | None) -> Stream:
    """Return the stream under TLS, verified for `host`. Raises Trouble that says what was wrong."""
    context = trust(ca)
    try:
        with stream.step():
            wrapped = context.wrap_socket(stream.socket, server_hostname=host)
    except ssl.SSLError as error:
        raise tls_trouble(error, host, stream.peer) from None
    except OSError as error:
        raise Trouble(
            "reset", f"{stream.peer} broke off the TLS handshake ({error.strerror or error})"
        ) from None
    return Stream(wrapped, stream.deadline, stream.peer)


def tls_trouble(error: ssl.SSLError, host: str, peer: str) -> Trouble:
    """Return what a failed handshake says about the server."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_trouble(error, host, peer)
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
        return Trouble("closed", f"{peer} closed the connection in the middle of the TLS handshake")
    if reason in _NOT_TLS:
        return Trouble("not tls", f"{peer} answers, but not in TLS (plain HTTP on a TLS port?)")
    return Trouble("tls refused", f"{peer} and we cannot agree on TLS 1.2 or newer ({reason or error})")


def _certificate_trouble(error: ssl.SSLCertVerificationError, host: str, peer: str) -> Trouble:
    if error.verify_code == _EXPIRED:
        return Trouble("expired", f"the certificate that {peer} serves has expired")
    if error.verify_code == _NOT_YET_VALID:
        return Trouble("not yet valid", f"the certificate that {peer} serves is not valid yet")
    if error.verify_code in (_WRONG_NAME, _WRONG_ADDRESS):
        return Trouble("wrong name", f"the certificate that {peer} serves is not made out for {host}")
    if error.verify_code == _SELF_SIGNED:
        return Trouble("untrusted", f"the certificate that {peer} serves is self-signed")
    words = error.verify_message
    return Trouble("untrusted", f"the certificate that {peer} serves leads to no trusted root ({words})")


def look(
    connections: Connections, host: str, port: int, ca: str | None, preamble: Preamble | None = None
) -> Tls:
    """Make one handshake (after `preamble`, where a protocol has one) and tell what came of it."""
    deadline = Deadline.after(LOOK_S)
    connections.calls.count("tls")
    stream: Stream | None = None
    try:
        stream = connect(connections, host, port, deadline)
        if preamble is not None:
            preamble(stream)
        secured = secure(stream, host, ca)
    except Trouble as trouble:
        answered = has_spoken(trouble, stream)
        certificate = _shown(connections, host, port, preamble) if _is_refusal(trouble) else None
        return Tls(
            host=host, port=port, seconds=deadline.elapsed_s, answered=answered, certificate=certificate,
            kind=trouble.kind, problem=str(trouble),
        )  # fmt: skip
    finally:
        if stream is not None:
            stream.close()
    return _verified(secured, host, port, deadline)


def _is_refusal(trouble: Trouble) -> bool:
    return trouble.kind in ("untrusted", "wrong name", "expired", "not yet valid")


def _verified(secured: Stream, host: str, port: int, deadline: Deadline) -> Tls:
    plug = secured.socket
    if not isinstance(plug, ssl.SSLSocket):
        raise TypeError("a secured stream holds an SSLSocket")
    encoded = plug.getpeercert(binary_form=True)
    version = plug.version()
    secured.close()
    return Tls(
        host=host, port=port, seconds=deadline.elapsed_s, answered=True, version=version,
        certificate=_parse(encoded) if encoded else None,
    )  # fmt: skip


def _shown(connections: Connections, host: str, port: int, preamble: Preamble | None) -> Served | None:
    """Return the certificate that a server shows to those who do not trust it."""
    deadline = Deadline.after(PREAMBLE_S)
    try:
        stream = connect(connections, host, port, deadline)
    except Trouble:
        # The verdict stands without the certificate; the first look already has the server's fault.
        return None
    try:
        if preamble is not None:
            preamble(stream)
        certificates = hello.greet(stream, host, hello.TLS_1_2).certificates
    except Trouble:
        return None  # it speaks nothing below TLS 1.3, where certificates travel encrypted
    finally:
        stream.close()
    return _parse(certificates[0]) if certificates else None


def _parse(encoded: bytes) -> Served | None:
    from cryptography import x509

    try:
        return _served(x509.load_der_x509_certificate(encoded))
    except ValueError:
        return None  # OpenSSL has judged it already; that it cannot be shown as well changes nothing


def _served(certificate: Certificate) -> Served:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = (
            *extension.get_values_for_type(x509.DNSName),
            *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
        )
    except x509.ExtensionNotFound:
        names = ()
    ends = certificate.not_valid_after_utc
    return Served(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=names,
        not_before=certificate.not_valid_before_utc,
        not_after=ends,
        days_left=round((ends - datetime.now(UTC)).total_seconds() / 86400, 2),
    )


@reads("tls", "dns")
def handshake(connections: Connections, host: str, port: int, ca: str | None = None) -> Tls:
    """Look at the TLS that a server speaks. `ca`: PEM file; default: the public roots."""
    require_declared("tls")
    return look(connections, host, port, ca)
