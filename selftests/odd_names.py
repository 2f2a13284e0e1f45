"""Odd ways in which a name server answers."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from itertools import pairwise

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from selftests.name_servers import SOA, Answer, Manner, Udp, asked, own, response
from selftests.rude_servers import Behaviour, Street


def _below(query: dns.message.Message) -> str:
    """Return a name below the one that is asked for."""
    return dns.name.Name((b"x", *query.question[0].name.labels)).to_text()


def _codes() -> dict[str, Udp]:
    def answering(code: dns.rcode.Rcode, *, full: bool) -> Udp:
        return lambda query: [response(query, *([own(query)] if full else []), code=code)]

    codes = [code for code in dns.rcode.Rcode if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)]
    found = {f"{dns.rcode.to_text(code)}": answering(code, full=False) for code in codes}
    full = {f"{dns.rcode.to_text(code)} with a record": answering(code, full=True) for code in codes[:6]}
    return found | full | {"code of no name": answering(dns.rcode.Rcode.make(3841), full=False)}


def _changed(change: Callable[[dns.message.Message], None]) -> Udp:
    def answer(query: dns.message.Message) -> list[Answer]:
        made = response(query, own(query))
        change(made)
        return [made]

    return answer


def _with_id(made: dns.message.Message) -> None:
    made.id ^= 0x5555


def _for_another_question(made: dns.message.Message) -> None:
    made.question = [dns.rrset.from_text("other.test.", 0, "IN", made.question[0].rdtype)]


def _for_another_class(made: dns.message.Message) -> None:
    question = made.question[0]
    made.question = [dns.rrset.RRset(question.name, dns.rdataclass.CH, question.rdtype)]


def _as_a_question(made: dns.message.Message) -> None:
    made.flags &= ~dns.flags.QR


def _as_a_status(made: dns.message.Message) -> None:
    made.set_opcode(dns.opcode.STATUS)


def _of_class(query: dns.message.Message) -> list[Answer]:
    wire = bytearray(response(query, own(query)).to_wire())
    # The class of the record comes between its type and its TTL.
    at = wire.index(struct.pack("!HHI", asked(query)[1], dns.rdataclass.IN, 60)) + 2
    wire[at : at + 2] = struct.pack("!H", dns.rdataclass.CH)
    return [bytes(wire)]


def _wire(query: dns.message.Message) -> bytes:
    return response(query, own(query)).to_wire()


def _truncated(query: dns.message.Message) -> list[Answer]:
    return [response(query, own(query), flags=dns.flags.AA | dns.flags.TC)]


def _links(count: int) -> Udp:
    """Answer with a chain of so many CNAMEs and the record at its end."""

    def answer(query: dns.message.Message) -> list[Answer]:
        name, kind = asked(query)
        names = [name, *(f"link{number}.name.test." for number in range(count))]
        chain = [(one, "CNAME", following) for one, following in pairwise(names)]
        return [response(query, *chain, (names[-1], kind, own(query)[2]))]

    return answer


def _alias(*rest: tuple[str, str, str], target: str = "gone.name.test.", **given: object) -> Udp:
    return lambda query: [
        response(query, (asked(query)[0], "CNAME", target), *rest, **given)  # type: ignore[arg-type]
    ]


_LONG = f"{'.'.join(['x' * 62] * 4)}."
_B = "b.name.test."
_NONE = dns.flags.Flag(0)
_ELSEWHERE = [("elsewhere.example.", "SOA", SOA)]

# Nothing that any look may take for an address, a zone or its servers.
PACKETS: dict[str, Udp] = {
    **_codes(),
    "NXDOMAIN": lambda query: [response(query, code=dns.rcode.NXDOMAIN)],
    "NXDOMAIN without authority": lambda query: [response(query, code=dns.rcode.NXDOMAIN, flags=_NONE)],
    "NXDOMAIN of another zone": lambda query: [
        response(query, code=dns.rcode.NXDOMAIN, flags=_NONE, authority=_ELSEWHERE)
    ],
    "NXDOMAIN with a record": lambda query: [response(query, own(query), code=dns.rcode.NXDOMAIN)],
    "nothing": lambda query: [response(query)],
    "nothing, without authority": lambda query: [response(query, flags=_NONE)],
    "nothing, of another zone": lambda query: [response(query, flags=_NONE, authority=_ELSEWHERE)],
    "another owner": lambda query: [response(query, ("other.test.", *own(query)[1:]))],
    "another owner below": lambda query: [response(query, (_below(query), *own(query)[1:]))],
    "another type": lambda query: [response(query, (asked(query)[0], "TXT", '"127.0.0.1"'))],
    "record in the additional section": lambda query: [response(query, additional=[own(query)])],
    "another class": _of_class,
    "another id": _changed(_with_id),
    "another question": _changed(_for_another_question),
    "another class in the question": _changed(_for_another_class),
    "no question": _changed(lambda made: made.question.clear()),
    "the question itself": _changed(_as_a_question),
    "another opcode": _changed(_as_a_status),
    "empty packet": lambda _: [b""],
    "garbage": lambda _: [b"\x00\x01 what is this\r\n\r\n" * 20],
    "HTTP": lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "half a header": lambda query: [_wire(query)[:7]],
    "header only": lambda query: [_wire(query)[:12]],
    "cut record": lambda query: [_wire(query)[:-3]],
    "pointer to itself": lambda query: [_wire(query)[:12] + b"\xc0\x0c" + bytes(4)],
    "many wrong packets": lambda _: [bytes([number % 256] * 40) for number in range(300)],
    "silence": lambda _: [],
    "CNAME to itself": lambda query: [response(query, (asked(query)[0], "CNAME", asked(query)[0]))],
    "loop of two": lambda query: [
        response(query, (asked(query)[0], "CNAME", _B), (_B, "CNAME", asked(query)[0]))
    ],
    "loop one by one": lambda query: [
        response(query, (asked(query)[0], "CNAME", _B if asked(query)[0] != _B else "c.name.test."))
    ],
    "endless chain": lambda query: [response(query, (asked(query)[0], "CNAME", _below(query)))],
    "chain of 20": _links(20),
    "CNAME into nothing": _alias(code=dns.rcode.NXDOMAIN, authority=[("name.test.", "SOA", SOA)]),
    "CNAME into NODATA": _alias(authority=[("name.test.", "SOA", SOA)]),
    "CNAME into silence": lambda query: [
        response(query, (asked(query)[0], "CNAME", "gone.name.test."))
        for _ in range(asked(query)[0] != "gone.name.test.")
    ],
    "CNAME and a record of another": _alias(("other.test.", "A", "127.0.0.1")),
    "DNAME to itself": lambda query: [response(query, ("name.test.", "DNAME", "x.name.test."))],
    "DNAME that is too long": lambda query: [response(query, ("test.", "DNAME", _LONG))],
    "referral": lambda query: [
        response(query, flags=_NONE, authority=[(asked(query)[0], "NS", "ns.other.test.")])
    ],
    "referral to the root": lambda query: [
        response(query, flags=_NONE, authority=[(".", "NS", "a.root-servers.net.")])
    ],
}  # fmt: skip

# Of these a resolver's would be right; a zone's own server has to answer with authority.
WITHOUT_AUTHORITY: dict[str, Udp] = {
    "no authority": lambda query: [response(query, own(query), flags=_NONE)],
    "a resolver in the way": lambda query: [response(query, own(query), flags=dns.flags.RA)],
}


def connections_of(street: Street) -> dict[str, Behaviour]:
    """Return what a server does by TCP whose answer by UDP is cut short."""

    def reading(act: Callable[[socket.socket, dns.message.Message], None]) -> Behaviour:
        def behave(guest: socket.socket) -> None:
            with guest.makefile("rb") as source:
                size = int.from_bytes(source.read(2), "big")
                query = source.read(size)
            if size and len(query) == size:
                act(guest, dns.message.from_wire(query))

        return behave

    def framed(wire: bytes) -> bytes:
        return len(wire).to_bytes(2, "big") + wire

    def flood(guest: socket.socket, _: dns.message.Message) -> None:
        for _megabyte in range(50):
            guest.sendall(b"\xff" * 65536)

    def another_id(guest: socket.socket, query: dns.message.Message) -> None:
        query.id ^= 1
        guest.sendall(framed(_wire(query)))

    return {
        "TCP silent": street.says_nothing,
        "TCP reset": street.resets,
        "TCP closed": street.closes,
        "TCP drip": street.drips(b"\x7f\xff"),
        "TCP drip of the length": street.drips(b""),
        "TCP garbage": street.speaks(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        "TCP cut": reading(lambda guest, query: guest.sendall(framed(_wire(query))[:-4])),
        "TCP length of nothing": reading(lambda guest, _: guest.sendall(b"\x00\x00")),
        "TCP another id": reading(another_id),
        "TCP cut short too": reading(lambda guest, query: guest.sendall(
            framed(response(query, own(query), flags=dns.flags.AA | dns.flags.TC).to_wire())
        )),
        "TCP megabytes": reading(flood),
    }  # fmt: skip


def manners(street: Street) -> dict[str, Manner]:
    """Return every odd way to answer."""
    by_udp = {name: Manner(udp) for name, udp in PACKETS.items()}
    by_tcp = {name: Manner(_truncated, tcp) for name, tcp in connections_of(street).items()}
    return by_udp | by_tcp | {"cut short, TCP refused": Manner(_truncated)}
