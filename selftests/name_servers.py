"""A name server that answers in a given way, by UDP and TCP on one port."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdatatype import RdataType

from selftests.rude_servers import Behaviour, Street

Answer = dns.message.Message | bytes
Udp = Callable[[dns.message.Message], Sequence[Answer]]

VALUES = {
    dns.rdatatype.A: "127.0.0.1",
    dns.rdatatype.AAAA: "::1",
    dns.rdatatype.NS: "ns.name.test.",
    dns.rdatatype.SOA: "ns.name.test. host.name.test. 1 2 3 4 5",
    dns.rdatatype.CNAME: "other.test.",
}
SOA = VALUES[dns.rdatatype.SOA]


@dataclass(frozen=True)
class Manner:
    """How a name server answers: packets by UDP, and what it does with a connection."""

    udp: Udp
    tcp: Behaviour | None = None


def name_server(street: Street, manner: Manner, host: str = "127.0.0.1", port: int = 0) -> str:
    """Start a name server; return its host:port. Without `tcp` its TCP port is closed."""
    plug, at = _bound(street, manner.tcp, (host, port))
    street.stack.callback(plug.close)

    def serve() -> None:
        while not street.over.is_set():
            try:
                packet, guest = plug.recvfrom(65535)
                for one in manner.udp(dns.message.from_wire(packet)):
                    plug.sendto(one if isinstance(one, bytes) else one.to_wire(max_size=65535), guest)
            except OSError:
                return  # the street is closed

    threading.Thread(target=serve, daemon=True).start()
    return f"{host}:{at}"


def _bound(street: Street, tcp: Behaviour | None, at: tuple[str, int]) -> tuple[socket.socket, int]:
    """Return a socket for UDP, and its port, where connections are accepted as well."""
    for _ in range(20):
        taken = street.house_at(at, tcp) if tcp is not None else at[1]
        plug = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            plug.bind((at[0], taken))
        except OSError:
            plug.close()
            continue  # that port is free for TCP only
        return plug, int(plug.getsockname()[1])
    raise OSError("no port is free for UDP and TCP")


def response(
    query: dns.message.Message,
    *records: tuple[str, RdataType | str, str],
    code: dns.rcode.Rcode = dns.rcode.NOERROR,
    flags: dns.flags.Flag = dns.flags.AA,
    authority: Sequence[tuple[str, RdataType | str, str]] = (),
    additional: Sequence[tuple[str, RdataType | str, str]] = (),
) -> dns.message.Message:
    """Return an answer with these records (owner, type, value) in its sections."""
    made = dns.message.make_response(query)
    made.flags |= flags
    made.set_rcode(code)
    sections = ((made.answer, records), (made.authority, authority), (made.additional, additional))
    for section, given in sections:
        for owner, kind, value in given:
            rrset = dns.rrset.from_text(owner, 60, "IN", kind, value)
            section.append(rrset)
    return made


def asked(query: dns.message.Message) -> tuple[str, RdataType]:
    """Return the name and the type that are asked for."""
    return query.question[0].name.to_text(), query.question[0].rdtype


def own(query: dns.message.Message) -> tuple[str, RdataType, str]:
    """Return the record that would be the answer."""
    name, kind = asked(query)
    return name, kind, VALUES.get(kind, VALUES[dns.rdatatype.A])


def good(query: dns.message.Message) -> list[Answer]:
    """Answer as all is well."""
    return [response(query, own(query))]
