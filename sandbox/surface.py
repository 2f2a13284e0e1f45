"""What the servers of the data plane ask while they run; the controllers keep it current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.name
import dns.rcode
import dns.rdatatype

from sandbox.names import LOOPBACK
from sandbox.network.records import Answer, names_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dns.rdatatype import RdataType

    from sandbox.controllers.cloud import Cloud
    from sandbox.network.certificates import Certificate
    from sandbox.network.records import Names


class Surface:
    """The present answers: names, certificates by ARN and by host, and what security groups let through."""

    def __init__(self) -> None:
        self.cloud: Cloud | None = None
        self.certificates: dict[str, Certificate] = {}
        self.arns: Mapping[str, str] = {}
        self.unserved: set[str] = set()  # zones that the name servers they are delegated to do not serve
        self._names: Names = names_from((), {})

    def set_names(self, names: Names) -> None:
        """Replace all names that resolve."""
        self._names = names

    def answer(self, name: dns.name.Name, kind: RdataType) -> Answer:
        """Answer a DNS question as a resolver: where no name server serves the zone, it fails."""
        return Answer(dns.rcode.SERVFAIL) if self._is_unserved(name) else self._names.answer(name, kind)

    def answer_as_authority(self, name: dns.name.Name, kind: RdataType) -> Answer:
        """Answer a DNS question as the zone's name server; one that does not serve the zone refuses."""
        return Answer(dns.rcode.REFUSED) if self._is_unserved(name) else self._names.answer(name, kind)

    def _is_unserved(self, name: dns.name.Name) -> bool:
        return any(name.is_subdomain(dns.name.from_text(zone)) for zone in self.unserved)

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

    def gets_out(self, node: str) -> bool:
        """Whether the node with this address reaches the internet; before AWS is known, it does."""
        return self.cloud is None or self.cloud.node_gets_out(node)
