"""What the servers of the data plane ask while they run; the controllers keep it current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.name
import dns.rdatatype

from sandbox.names import LOOPBACK
from sandbox.network.records import names_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dns.rdatatype import RdataType

    from sandbox.controllers.cloud import Cloud
    from sandbox.network.certificates import Certificate
    from sandbox.network.records import Answer, Names


class Surface:
    """The present answers: names, certificates by ARN and by host, and what security groups let through."""

    def __init__(self) -> None:
        self.cloud: Cloud | None = None
        self.certificates: dict[str, Certificate] = {}
        self.arns: Mapping[str, str] = {}
        self._names: Names = names_from((), {})

    def set_names(self, names: Names) -> None:
        """Replace all names that resolve."""
        self._names = names

    def answer(self, name: dns.name.Name, kind: RdataType) -> Answer:
        """Answer a DNS question."""
        return self._names.answer(name, kind)

    def resolves(self, host: str) -> bool:
        """Whether a host name has an address."""
        return bool(self.answer(dns.name.from_text(host.lower()), dns.rdatatype.A).answer)

    def resolve(self, host: str) -> str | None:
        """Give the address of a host name, as a pod's resolver would."""
        return LOOPBACK if host in {"localhost", LOOPBACK} or self.resolves(host) else None

    def certificate_of(self, host: str) -> Certificate | None:
        """Find the certificate that the edge presents for a host."""
        return self.certificates.get(self.arns.get(host, ""))

    def admits(self, identifier: str) -> Callable[[], bool]:
        """Give the question whether pods may connect to a store; before AWS is known, they may."""
        return lambda: self.cloud is None or self.cloud.node_reaches(identifier)
