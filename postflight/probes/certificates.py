"""X.509: the chain that a server presents, link by link, and what a refusal of OpenSSL says of it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from postflight.evidence import Evidence
from postflight.probes.addresses import a_label, is_address

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

Place = Literal["certificate", "intermediate certificate", "root certificate"]


class Served(Evidence):
    """One link of a chain. `is_on_path`: OpenSSL uses it on its way to a root; other links are not needed."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    days_left: float
    place: Place = "certificate"
    is_on_path: bool = True

    @property
    def said(self) -> str:
        """What the link is, for messages."""
        return self.place if self.place == "certificate" else f"{self.place} {self.subject}"


@dataclass(frozen=True)
class Presented:
    """What a handshake saw: the chain that was served, and the path that OpenSSL built; leaf first.

    The path of a refused chain ends where OpenSSL gave up, or at its trusted root.
    """

    served: tuple[Certificate, ...] = ()
    path: tuple[Certificate, ...] = ()

    def links(self) -> tuple[Served, ...]:
        """Return the served chain as evidence, and after it a root that was not served but ends the path."""
        unserved = tuple(one for one in self.path if one not in self.served)
        return tuple(
            _link(one, self._place(one, number), is_on_path=number == 0 or one in self.path)
            for number, one in enumerate(dict.fromkeys((*self.served, *unserved)))
        )

    def is_signed(self) -> bool:
        """Whether every link of the path is signed by the next, and no link constrains names."""
        if not self.path or _is_constrained(self.path):
            return False
        return all(is_signed_by(*pair) for pair in zip(self.path, self.path[1:], strict=False))

    def _place(self, one: Certificate, number: int) -> Place:
        if number == 0:
            return "certificate"
        return "root certificate" if one.subject == one.issuer else "intermediate certificate"


def presented(plug: ssl.SSLSocket) -> Presented:
    """Return what the server presented, also when the handshake was refused."""
    return Presented(_chain(plug, "get_unverified_chain"), _chain(plug, "get_verified_chain"))


def _chain(plug: ssl.SSLSocket, which: str) -> tuple[Certificate, ...]:
    from cryptography import x509

    public: Callable[[], list[bytes]] | None = getattr(plug, which, None)
    try:
        if public is not None:
            return tuple(x509.load_der_x509_certificate(one) for one in public())
        # Python 3.11 and 3.12 have the same two methods, on the object below the socket only.
        below = getattr(plug._sslobj, which)  # type: ignore[attr-defined]  # noqa: SLF001
        return tuple(x509.load_pem_x509_certificate(one.public_bytes().encode()) for one in below() or ())
    except ValueError:
        return ()  # OpenSSL has judged the chain; what cannot be parsed again is not shown, and not green


def _link(one: Certificate, place: Place, *, is_on_path: bool) -> Served:
    ends = one.not_valid_after_utc
    return Served(
        subject=one.subject.rfc4514_string(),
        issuer=one.issuer.rfc4514_string(),
        names=_names(one),
        not_before=one.not_valid_before_utc,
        not_after=ends,
        days_left=round((ends - datetime.now(UTC)).total_seconds() / 86400, 2),
        place=place,
        is_on_path=is_on_path,
    )


def _names(one: Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = (str(address) for address in names.get_values_for_type(x509.IPAddress))
    return (*names.get_values_for_type(x509.DNSName), *addresses)


def covers(names: tuple[str, ...], host: str) -> bool:
    """Whether a certificate's names cover `host` (RFC 9525: a wildcard is one whole left-most label).

    As OpenSSL has it, a wildcard below a top-level domain (`*.com`) covers nothing.
    """
    if is_address(host):
        return any(is_address(name) and _same_address(name, host) for name in names)
    wanted = a_label(host)
    parent = wanted.partition(".")[2]
    accepted = (wanted, f"*.{parent}") if "." in parent else (wanted,)
    return any(name.lower().rstrip(".") in accepted for name in names)


def _same_address(one: str, other: str) -> bool:
    return ipaddress.ip_address(one) == ipaddress.ip_address(other)


def is_signed_by(one: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's name and key are the ones that signed a certificate."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        one.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _is_constrained(path: tuple[Certificate, ...]) -> bool:
    from cryptography import x509

    try:
        return any(
            isinstance(extension.value, x509.NameConstraints) for one in path for extension in one.extensions
        )
    except ValueError:
        return True
