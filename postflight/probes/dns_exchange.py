"""Puts one question to one DNS server: by UDP, by TCP what is cut short, without EDNS if need be."""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import cast

import dns.exception
import dns.flags
import dns.inet
import dns.message
import dns.name
import dns.query
import dns.rcode
from dns.rdatatype import RdataType

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.dns_evidence import Server, Status
from postflight.probes.tcp import is_ours

PAYLOAD = 1232
_LARGEST = 65535
# By these a server says that it does not know EDNS (RFC 6891, 6.1.3 and 7).
_EDNS_REFUSED = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})


class NoMessageError(Exception):
    """A server gave no message that answers the question; `status` and text say what it did instead."""

    def __init__(self, status: Status, text: str = "") -> None:
        super().__init__(text)
        self.status: Status = status


@dataclass(frozen=True)
class Query:
    """A question as it is sent. `recurses`: to a resolver. `validates`: DNSSEC, where the resolver does."""

    name: dns.name.Name
    kind: RdataType
    recurses: bool
    validates: bool = True
    has_edns: bool = True

    def message(self) -> dns.message.Message:
        """Return it with a new id."""
        made = dns.message.make_query(self.name, self.kind)
        made.use_edns(0 if self.has_edns else None, payload=PAYLOAD)
        if not self.recurses:
            made.flags &= ~dns.flags.RD
        if not self.validates:
            made.flags |= dns.flags.CD
        return made


def exchange(
    connections: Connections, server: Server, query: Query, deadline: Deadline
) -> dns.message.Message:
    """Return the server's answer: its id and its question are ours, and it is whole.

    Raises NoMessageError, or Unverified where nothing could be sent from here.
    """
    refused: dns.message.Message | None = None
    odd: NoMessageError | None = None
    while not deadline.is_over:
        try:
            answer = _tried(connections, server, query.message(), deadline)
        except NoMessageError as error:
            if error.status not in ("no answer", "garbage"):
                raise
            odd = error if error.status == "garbage" or odd is None else odd
            if error.status == "no answer" and str(error):
                break
            # A packet may have been lost; and some servers drop a question with EDNS.
            query = replace(query, has_edns=False)
            continue
        if not query.has_edns or answer.rcode() not in _EDNS_REFUSED:
            return answer
        refused, query = answer, replace(query, has_edns=False)
    if refused is not None:
        return refused
    raise odd or NoMessageError("no answer")


def _tried(
    connections: Connections, server: Server, query: dns.message.Message, deadline: Deadline
) -> dns.message.Message:
    try:
        step = Deadline.after(deadline.remaining_s(at_most=connections.addresses.limits.try_s))
        connections.calls.count("dns")
        answer = _by_udp(server, query, step)
        if answer is not None:
            return answer
        connections.calls.count("dns")
        return _by_tcp(server, query, deadline)
    except (TimeoutError, dns.exception.Timeout):
        raise NoMessageError("no answer") from None
    except OSError as error:
        if is_ours(error):
            raise Unverified(f"{server.title} could not be asked from here: {error.strerror}.") from None
        raise NoMessageError("no answer", _unreachable(error)) from None


def _unreachable(error: OSError) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "its port is closed"
    return error.strerror or str(error)


def _by_udp(server: Server, query: dns.message.Message, step: Deadline) -> dns.message.Message | None:
    """Return the answer, None where it is cut short. What is not an answer to this question is ignored.

    The socket is connected, so the system drops what comes from elsewhere, and reports a closed port.
    """
    family = dns.inet.af_for_address(server.address)
    odd = ""
    with socket.socket(family, socket.SOCK_DGRAM) as plug:
        plug.connect(dns.inet.low_level_address_tuple((server.address, server.port), family))
        plug.send(query.to_wire())
        try:
            while True:
                plug.settimeout(step.remaining_s())
                answer, is_whole = _parsed(plug.recv(_LARGEST))
                if answer is not None and query.is_response(answer):
                    return answer if is_whole else None
                odd = "it answers another question" if answer is not None else "it cannot be read"
        except TimeoutError:
            if odd:
                raise NoMessageError("garbage", odd) from None
            raise


def _parsed(wire: bytes) -> tuple[dns.message.Message | None, bool]:
    """Return the message, None if it is none, and whether it is whole."""
    try:
        answer = dns.message.from_wire(wire, raise_on_truncation=True, ignore_trailing=True)
    except dns.message.Truncated as cut:
        return cast("dns.message.Message", cut.kwargs["message"]), False
    except (dns.exception.DNSException, ValueError):
        return None, False
    return answer, True


def _by_tcp(server: Server, query: dns.message.Message, deadline: Deadline) -> dns.message.Message:
    try:
        answer = dns.query.tcp(
            query, server.address, deadline.remaining_s(), server.port, ignore_trailing=True
        )
    except (TimeoutError, dns.exception.Timeout):
        raise NoMessageError("cut short", "and does not answer by TCP") from None
    except EOFError:
        raise NoMessageError("cut short", "and closes the connection by TCP") from None
    except OSError as error:
        if is_ours(error):
            raise
        said = "refuses TCP" if isinstance(error, ConnectionRefusedError) else f"by TCP: {error.strerror}"
        raise NoMessageError("cut short", f"and {said}") from None
    except (dns.exception.DNSException, ValueError):
        raise NoMessageError("cut short", "and what it answers by TCP is not DNS") from None
    if answer.flags & dns.flags.TC:
        raise NoMessageError("cut short", "by TCP too")
    return answer
