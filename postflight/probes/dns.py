"""DNS: what a recursive resolver says, and what the zone's own name servers say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from postflight.environment import Declaration
from postflight.evidence import Evidence, Unverified
from postflight.probes.addresses import parse_server
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.reads import reads, require_declared
from postflight.probes.tcp import Trouble

if TYPE_CHECKING:
    import dns.message

LOOK_S = 6.0
TRY_S = 2.0
PORT = 53
_KNOWN = ("found", "no such name", "no such record")

Status = Literal[
    "found", "no such name", "no such record", "server failure", "refused", "no answer", "no authority",
    "garbage",
]  # fmt: skip


class Server(Declaration):
    """A DNS server: what it is called, and the address and port it is asked at."""

    name: str
    address: str
    port: int = PORT


class Resolution(Evidence):
    """One question to one server, and its answer. `values`: addresses, or what the record type holds."""

    name: str
    record: str
    server: str
    status: Status
    values: tuple[str, ...] = ()
    seconds: float

    @property
    def is_found(self) -> bool:
        """Whether the server gave at least one value."""
        return self.status == "found"

    @property
    def said(self) -> str:
        """The answer in a few words, for messages."""
        words = {
            "found": f"says {', '.join(self.values)}",
            "no such name": "says that there is no such name (NXDOMAIN)",
            "no such record": f"says that the name has no {self.record} record (NODATA)",
            "server failure": "fails to answer (SERVFAIL)",
            "refused": "refuses to answer (REFUSED)",
            "no answer": f"did not answer within {self.seconds:.0f} s",
            "no authority": "does not serve the zone (an answer without authority)",
            "garbage": "answered something that is not DNS",
        }
        return f"{self.server} {words[self.status]}"


class NameServers(Evidence):
    """The name servers that a zone is delegated to."""

    zone: str
    servers: tuple[Server, ...] = ()
    problem: str | None = None


@reads("dns")
def recursive(connections: Connections, host: str, record: str = "A") -> Resolution:
    """Ask the resolver for a name. A resolver that says nothing is our own trouble: Unverified."""
    require_declared("dns")
    return _ask_in_turn(connections, host, record, f"{host} could not be looked up")


@reads("dns")
def name_servers(connections: Connections, zone: str) -> NameServers:
    """Look up which servers a zone is delegated to (or the one the environment says stands for them)."""
    require_declared("dns")
    stands_in = connections.environment.authoritative
    if stands_in is not None:
        address, port = parse_server(stands_in)
        return NameServers(zone=zone, servers=(Server(name=stands_in, address=address, port=port),))
    answer = _ask_in_turn(connections, zone, "NS", f"The name servers of {zone} could not be looked up")
    if not answer.is_found:
        return NameServers(zone=zone, problem=f"{zone} is delegated to no name server: {answer.said}")
    return _with_addresses(connections, zone, answer.values)


@reads("dns", deadline_s=30.0)
def authoritative(connections: Connections, server: Server, host: str, record: str = "A") -> Resolution:
    """Ask one of a zone's own servers, without recursion. An answer that has no authority is a finding."""
    require_declared("dns")
    return _ask(connections, server, host, record, recurse=False)


def _with_addresses(connections: Connections, zone: str, names: tuple[str, ...]) -> NameServers:
    servers = []
    homeless = []
    for name in sorted(names):
        try:
            servers.append(Server(name=name, address=connections.addresses.resolve(name)[0]))
        except Trouble:
            homeless.append(name)
    problem = (
        f"{zone} is delegated to names that have no address: {', '.join(homeless)}" if homeless else None
    )
    return NameServers(zone=zone, servers=tuple(servers), problem=problem)


def _ask_in_turn(connections: Connections, host: str, record: str, what_failed: str) -> Resolution:
    """Ask the resolver's servers one after the other, each for its share of the time, until one knows.

    SERVFAIL of all that answer is an answer; that none says anything of use is Unverified.
    """
    resolver = connections.addresses.resolver()
    addresses = [str(address) for address in resolver.nameservers]
    answers: list[Resolution] = []
    for address in addresses:
        server = Server(name=_shown(address, resolver.port), address=address, port=resolver.port)
        within_s = LOOK_S / len(addresses)
        answers.append(_ask(connections, server, host, record, recurse=True, within_s=within_s))
        if answers[-1].status in _KNOWN:
            return answers[-1]
    failed = next((answer for answer in answers if answer.status == "server failure"), None)
    if failed is None:
        raise Unverified(f"{what_failed}: the resolver {', and '.join(answer.said for answer in answers)}.")
    return failed


def _ask(  # noqa: PLR0913 - one question, and how it is put
    connections: Connections,
    server: Server,
    host: str,
    record: str,
    *,
    recurse: bool,
    within_s: float = LOOK_S,
) -> Resolution:
    import dns.exception
    import dns.flags
    import dns.message

    question = dns.message.make_query(host, record, use_edns=0, payload=1232)
    if not recurse:
        question.flags &= ~dns.flags.RD
    deadline = Deadline.after(within_s)
    status: Status
    values: tuple[str, ...] = ()
    try:
        answer = _exchange(connections, server, question, deadline)
        status, values = _judge(answer, record, recurse=recurse)
    except (dns.exception.Timeout, OSError):
        status = "no answer"
    except dns.exception.DNSException:
        status = "garbage"
    return Resolution(
        name=host, record=record, server=server.name, status=status, values=values,
        seconds=round(deadline.elapsed_s, 4),
    )  # fmt: skip


def _exchange(
    connections: Connections, server: Server, question: dns.message.Message, deadline: Deadline
) -> dns.message.Message:
    """Ask by UDP, again when a packet may have been lost, and by TCP when the answer was cut short."""
    import dns.exception
    import dns.query

    while True:
        connections.calls.count("dns")
        try:
            return dns.query.udp_with_fallback(
                question, server.address, deadline.remaining_s(at_most=TRY_S), server.port
            )[0]
        except dns.exception.Timeout:
            deadline.remaining_s()


def _judge(answer: dns.message.Message, record: str, *, recurse: bool) -> tuple[Status, tuple[str, ...]]:
    import dns.flags
    import dns.rcode
    import dns.rdatatype

    code = answer.rcode()
    if code == dns.rcode.REFUSED:
        return "refused", ()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return "server failure", ()
    if not recurse and not answer.flags & dns.flags.AA:
        return "no authority", ()
    wanted = dns.rdatatype.from_text(record)
    values = [str(value).rstrip(".") for rrset in answer.answer if rrset.rdtype == wanted for value in rrset]
    if not values and not recurse:
        # An alias into another zone is all that this zone's servers can say.
        values = [str(value).rstrip(".") for rrset in answer.answer for value in rrset]
    if values:
        return "found", tuple(values)
    return ("no such name" if code == dns.rcode.NXDOMAIN else "no such record"), ()


def _shown(address: str, port: int) -> str:
    return address if port == PORT else f"{address}:{port}"
