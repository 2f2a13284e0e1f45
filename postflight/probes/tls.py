"""TLS: chain, host name and days left of what a server really serves; verification is never off."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from pathlib import Path

from postflight.evidence import Evidence, Unverified
from postflight.probes.addresses import a_label
from postflight.probes.certificate_refusals import CertificateTrouble, certificate_trouble
from postflight.probes.certificates import Presented, Served, covers, presented
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Kind, Stream, Trouble, connect, has_spoken

LOOK_S = 8.0
_REFUSALS = ("untrusted", "wrong name", "expired", "not yet valid")
# Parts of OpenSSL's reasons (sslerr.h), what kind of trouble each is, and what it says of the server.
_BROKEN: tuple[tuple[tuple[str, ...], Kind, str], ...] = (
    (
        ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"),
        "not tls", "answers, but not in TLS (plain HTTP on a TLS port?)",
    ),
    (
        ("ALERT_HANDSHAKE_FAILURE",), "tls refused",
        "takes none of our versions and ciphers of TLS, or demands a certificate of the client",
    ),
    (("CERTIFICATE_REQUIRED",), "tls refused", "demands a certificate of the client"),
    (("UNRECOGNIZED_NAME",), "tls refused", "has no certificate for this name"),
    (
        ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW"),
        "tls refused", "and we cannot agree on TLS 1.2 or newer",
    ),
    (("ALERT",), "tls refused", "breaks the TLS handshake off with an alert"),
    (("",), "garbage", "answers the TLS handshake with something that cannot be read"),
)  # fmt: skip

# Kinds of Trouble by which a server that was reached shows that it, and we, do not agree on TLS.
REFUSALS = (*_REFUSALS, "not tls", "tls refused")

Preamble = Callable[[Stream], None]


class Tls(Evidence):
    """What became of one TLS handshake, and what is known of the certificates.

    `chain`: every certificate that was served, leaf first, and after them the root that OpenSSL found; also
    known where the chain is refused. `certificate`: the leaf. `is_signed`: each link is signed by the
    next, up to a trusted root. `answered`: the server said anything at all. `offered`: it agreed to TLS
    when asked for it, as PostgreSQL is.
    """

    host: str
    port: int
    seconds: float
    answered: bool = False
    offered: bool = False
    version: str | None = None
    certificate: Served | None = None
    chain: tuple[Served, ...] = ()
    is_signed: bool = False
    kind: Kind | None = None
    problem: str | None = None

    @property
    def is_spoken(self) -> bool:
        """Whether the server speaks TLS: a certificate that is refused is TLS all the same."""
        return self.is_verified or self.kind in _REFUSALS

    @property
    def is_declined(self) -> bool:
        """Whether the server says that it speaks no TLS: a handshake that fails is something else."""
        return self.kind == "tls refused" and not self.offered

    @property
    def is_verified(self) -> bool:
        """Whether chain, host name and dates are all in order."""
        return self.problem is None

    @property
    def is_trusted(self) -> bool:
        """Whether the chain ends in a trusted root.

        OpenSSL builds the path to a root first, then looks at usage and keys, then at the host's name; at
        signatures and dates last. What it did not come to is seen by `is_signed`.
        """
        return self.is_verified or (self.is_spoken and self.kind != "untrusted" and self.is_signed)

    @property
    def names_the_host(self) -> bool:
        """Whether the certificate is made out for the host, by OpenSSL's word where it has come to names."""
        if self.kind == "untrusted":
            return self.certificate is not None and covers(self.certificate.names, self.host)
        return self.is_spoken and self.kind != "wrong name"

    @property
    def path(self) -> tuple[Served, ...]:
        """The links that clients need: from the certificate to the root, or to where the chain ends."""
        return tuple(link for link in self.chain if link.is_on_path)

    @property
    def first_to_end(self) -> Served | None:
        """The link of the path that ends first; the certificate where several do."""
        return min(self.path, key=lambda link: link.not_after, default=None)

    @property
    def is_begun(self) -> bool:
        """Whether every link of the path is known, and valid already."""
        return bool(self.path) and self.kind != "not yet valid"

    @property
    def days_left(self) -> float:
        """Days until the first link of the path ends; below 0 once it has ended or when it is not known."""
        first = self.first_to_end
        if first is None or (self.kind == "expired" and first.days_left > 0):
            return -1.0
        return first.days_left


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
    context.sslsocket_class = _ShowingSocket
    if protocol is not None:
        context.set_alpn_protocols([protocol])
    context.hostname_checks_common_name = False  # as browsers and RFC 9525 have it
    context.load_verify_locations(cafile=file)
    return context


class _ShowingSocket(ssl.SSLSocket):
    """Keeps what a server presented with the error that refuses it: HTTP libraries drop the socket."""

    def do_handshake(self, block: bool = False) -> None:
        """Make the handshake. A refused certificate's error has `presented`."""
        try:
            super().do_handshake(block)
        except ssl.SSLCertVerificationError as error:
            error.presented = presented(self)  # type: ignore[attr-defined]
            raise


def secure(stream: Stream, host: str, ca: str | None) -> Stream:
    """Return the stream under TLS, verified for `host`. Raises Trouble that says what was wrong."""
    plug = trust(ca).wrap_socket(stream.socket, server_hostname=a_label(host), do_handshake_on_connect=False)
    secured = Stream(plug, stream.deadline, stream.peer)
    try:
        with secured.step():
            plug.do_handshake()
    except ssl.SSLError as error:
        trouble = tls_trouble(error, host, stream.peer)
    except Trouble as broken:
        trouble = broken
    except OSError as error:
        trouble = Trouble("reset", f"{stream.peer} broke off the TLS handshake ({error.strerror or error})")
    else:
        return secured
    secured.close()
    raise trouble


def tls_trouble(error: ssl.SSLError, host: str, peer: str) -> Trouble:
    """Return what a failed handshake says about the server."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_trouble(error, host, peer, getattr(error, "presented", Presented()))
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
        return Trouble("closed", f"{peer} closed the connection in the middle of the TLS handshake")
    kind, words = next((kind, words) for parts, kind, words in _BROKEN if any(one in reason for one in parts))
    return Trouble(kind, f"{peer} {words} ({reason or error})")


def broken_off(error: ssl.SSLError, peer: str) -> Trouble:
    """Return what a server does that accepted the handshake, and ends TLS without an answer."""
    reason = error.reason or ""
    if "CERTIFICATE_REQUIRED" in reason:
        return Trouble("tls refused", f"{peer} demands a certificate of the client")
    return Trouble("garbage", f"{peer} broke TLS off after the handshake ({reason or error})")


def look(  # noqa: PLR0913 - a handshake, and what comes before it
    connections: Connections,
    host: str,
    port: int,
    ca: str | None,
    preamble: Preamble | None = None,
    *,
    limit_s: float = LOOK_S,
) -> Tls:
    """Make one handshake (after `preamble`, where a protocol has one) and return what came of it."""
    deadline = Deadline.after(limit_s)
    connections.calls.count("tls")
    stream: Stream | None = None
    offered = False
    try:
        stream = connect(connections, host, port, deadline)
        if preamble is not None:
            preamble(stream)
            offered = True
        secured = secure(stream, host, ca)
    except Trouble as trouble:
        shown = trouble.presented if isinstance(trouble, CertificateTrouble) else Presented()
        seen = Tls(
            host=host, port=port, seconds=deadline.elapsed_s, answered=has_spoken(trouble, stream),
            offered=offered, kind=trouble.kind, problem=str(trouble),
        )  # fmt: skip
        return _with_chain(seen, shown)
    finally:
        if stream is not None:
            stream.close()
    return _verified(secured, host, port, deadline, offered=offered)


def _verified(secured: Stream, host: str, port: int, deadline: Deadline, *, offered: bool) -> Tls:
    plug = secured.socket
    if not isinstance(plug, ssl.SSLSocket):
        raise TypeError("a secured stream holds an SSLSocket")
    version, shown = plug.version(), presented(plug)
    secured.close()
    seen = Tls(
        host=host, port=port, seconds=deadline.elapsed_s, answered=True, offered=offered, version=version
    )
    return _with_chain(seen, shown)


def _with_chain(seen: Tls, shown: Presented) -> Tls:
    chain = shown.links()
    found = {"chain": chain, "certificate": chain[0] if chain else None, "is_signed": shown.is_signed()}
    return seen.model_copy(update=found)


@reads("tls", "dns")
def handshake(connections: Connections, host: str, port: int, ca: str | None = None) -> Tls:
    """Look at the TLS that a server speaks. `ca`: PEM file; default: the public roots."""
    require_declared("tls")
    return look(connections, host, port, ca)
