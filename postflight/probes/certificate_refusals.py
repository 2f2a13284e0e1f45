"""What OpenSSL's reasons to refuse a certificate mean (x509_vfy.h), and which link of the chain is meant."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from postflight.probes.certificates import Presented, Served, is_signed_by
from postflight.probes.tcp import Kind, Trouble

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    Meant = Callable[[Certificate, int, tuple[Certificate, ...]], bool]

_NOT_YET_VALID, _EXPIRED, _SELF_SIGNED, _UNKNOWN_ROOT, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 18, 19, 62, 64
_NO_ISSUER = (2, 20, 21)
_RSA_BITS, _EC_BITS = 2048, 224


class CertificateTrouble(Trouble):
    """The server's certificate is refused; `presented` is what it showed."""

    def __init__(self, kind: Kind, text: str, presented: Presented) -> None:
        super().__init__(kind, text)
        self.presented = presented


def certificate_trouble(
    error: ssl.SSLCertVerificationError, host: str, peer: str, presented: Presented
) -> CertificateTrouble:
    """Return why a certificate is refused. The text names the link of the chain that is at fault."""
    kind, words = _judged(error, host, peer, presented)
    return CertificateTrouble(kind, words, presented)


def _judged(  # noqa: PLR0911 - one return for each family of reasons
    error: ssl.SSLCertVerificationError, host: str, peer: str, presented: Presented
) -> tuple[Kind, str]:
    code = error.verify_code
    links = presented.links()
    now = datetime.now(UTC)
    if code == _EXPIRED:
        link = _first(links, lambda one: one.not_after < now)
        return "expired", f"the {_said(link)} that {peer} serves has expired"
    if code == _NOT_YET_VALID:
        link = _first(links, lambda one: one.not_before > now)
        begins = f"it begins on {link.not_before:%Y-%m-%d %H:%M}, and " if link is not None else ""
        words = f"{begins}this machine's clock says {now:%Y-%m-%d %H:%M} (UTC)"
        return "not yet valid", f"the {_said(link)} that {peer} serves is not valid yet: {words}"
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return "wrong name", f"the certificate that {peer} serves is not made out for {host}"
    if code == _SELF_SIGNED:
        return "untrusted", f"the certificate that {peer} serves is self-signed"
    if code in _NO_ISSUER:
        return "untrusted", _no_issuer(peer, presented)
    if code == _UNKNOWN_ROOT:
        root = presented.path[-1].subject.rfc4514_string() if presented.path else "a root"
        return "untrusted", f"the certificate that {peer} serves leads to {root}, which is no trusted root"
    return "untrusted", _other(error, peer, presented)


def _first(links: tuple[Served, ...], is_meant: Callable[[Served], bool]) -> Served | None:
    return next((one for one in links if one.is_on_path and is_meant(one)), None)


def _said(link: Served | None) -> str:
    return link.said if link is not None else "certificate chain"


def _no_issuer(peer: str, presented: Presented) -> str:
    if not presented.path:
        return f"the certificate that {peer} serves leads to no trusted root"
    last = presented.path[-1]
    url = _issuer_url(last)
    fetched = f" (browsers may fetch it from {url}, other clients do not)" if url else ""
    return (
        f"the certificate that {peer} serves leads to no trusted root: its chain ends at "
        f"{last.subject.rfc4514_string()}, and the certificate of its issuer {last.issuer.rfc4514_string()} "
        f"is neither served nor trusted. Either the server lacks an intermediate certificate{fetched}, or "
        "the authority is a private one"
    )


def _issuer_url(one: Certificate) -> str | None:
    from cryptography import x509

    access = _extension(one, x509.AuthorityInformationAccess)
    wanted = x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
    return next(
        (str(item.access_location.value) for item in access or () if item.access_method == wanted), None
    )


def _other(error: ssl.SSLCertVerificationError, peer: str, presented: Presented) -> str:
    """Return the words for a chain that has another fault than its issuer, its names or its dates."""
    words, is_meant = _REASONS.get(error.verify_code, ("is refused", _unknown))
    path = presented.path
    meant = next((one for number, one in enumerate(path) if is_meant(one, number, path)), None)
    subject = meant.subject.rfc4514_string() if meant is not None else "a certificate of it"
    return f"the chain that {peer} serves does not verify: {subject} {words} ({error.verify_message})"


def _extension(one: Certificate, wanted: type[Any]) -> Any:
    from cryptography import x509

    try:
        return one.extensions.get_extension_for_class(wanted).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _unknown(_one: Certificate, _number: int, _path: tuple[Certificate, ...]) -> bool:
    return False


def _is_leaf(_one: Certificate, number: int, _path: tuple[Certificate, ...]) -> bool:
    return number == 0


def _is_badly_signed(one: Certificate, number: int, path: tuple[Certificate, ...]) -> bool:
    return number + 1 < len(path) and not is_signed_by(one, path[number + 1])


def _has_weak_key(one: Certificate, number: int, _path: tuple[Certificate, ...]) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    key = one.public_key()
    is_weak_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS
    return number > 0 and (
        is_weak_rsa or (isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _EC_BITS)
    )


def _has_weak_signature(one: Certificate, _number: int, _path: tuple[Certificate, ...]) -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        used = one.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return used is not None and used.name in ("md5", "sha1")


def _is_no_authority(one: Certificate, number: int, _path: tuple[Certificate, ...]) -> bool:
    from cryptography import x509

    limits = _extension(one, x509.BasicConstraints)
    return number > 0 and (limits is None or not limits.ca)


def _is_too_far_up(one: Certificate, number: int, _path: tuple[Certificate, ...]) -> bool:
    from cryptography import x509

    limits = _extension(one, x509.BasicConstraints)
    return limits is not None and limits.path_length is not None and number - 1 > limits.path_length


def _is_for_other_use(one: Certificate, _number: int, _path: tuple[Certificate, ...]) -> bool:
    from cryptography import x509

    uses = _extension(one, x509.ExtendedKeyUsage)
    known = (x509.oid.ExtendedKeyUsageOID.SERVER_AUTH, x509.oid.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return uses is not None and not any(use in known for use in uses)


def _may_not_sign(one: Certificate, number: int, _path: tuple[Certificate, ...]) -> bool:
    from cryptography import x509

    usage = _extension(one, x509.KeyUsage)
    return number > 0 and usage is not None and not usage.key_cert_sign


_REASONS: dict[int, tuple[str, Meant]] = {
    7: ("is not signed by the certificate above it", _is_badly_signed),
    22: ("is below more certificates than are allowed", _is_leaf),
    24: ("is no certificate authority, but issued another certificate", _is_no_authority),
    25: ("allows fewer certificates below it", _is_too_far_up),
    26: ("may not be used for a TLS server (key usage)", _is_for_other_use),
    32: ("may not sign certificates (key usage)", _may_not_sign),
    34: ("has a critical extension that is not understood", _unknown),
    47: ("has a name that an authority above it may not certify (name constraints)", _is_leaf),
    48: ("has a name that an authority above it may not certify (name constraints)", _is_leaf),
    66: ("has too small a key", _is_leaf),
    67: ("has too small a key", _has_weak_key),
    68: ("has too weak a signature (MD5 or SHA-1)", _has_weak_signature),
    79: ("is no certificate authority, but issued another certificate", _is_no_authority),
}
