"""What DNS looks return: servers, and what they say of a name."""

from __future__ import annotations

from typing import Literal

from postflight.environment import Declaration
from postflight.evidence import Evidence

PORT = 53

Status = Literal[
    "found", "no such name", "no such record", "loop", "alias", "not a name", "server failure", "refused",
    "error", "no answer", "no authority", "referral", "cut short", "garbage", "unproven",
]  # fmt: skip

# What settles a look: the server has said what the name is, or that it is not.
SETTLED: frozenset[str] = frozenset(
    {"found", "no such name", "no such record", "loop", "alias", "not a name"}
)
EITHER_FAMILY = "A or AAAA"
# What `detail` says where a resolver answers for a zone's server, and where DNSSEC is why a resolver fails.
FROM_RESOLVER = "a resolver answers there"
UNSIGNED = "DNSSEC validation fails"


class Server(Declaration):
    """A DNS server: what it is called, and the address and port it is asked at."""

    name: str
    address: str
    port: int = PORT

    @property
    def title(self) -> str:
        """Name and address, for messages: `ns-1.example.net (192.0.2.1)`."""
        at = shown(self.address, self.port)
        return self.name if self.name == at else f"{self.name} ({at})"


def shown(address: str, port: int) -> str:
    """Return an address with its port, unless that is DNS's own."""
    if port == PORT:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Resolution(Evidence):
    """One question to one server, and its answer, followed to the end of its aliases.

    `values`: addresses, or what the record type holds. `chain`: the names that the asked one is an alias of,
    in order. `end_server`: who says what the last of them is, where that is not `server`. `detail`: what else
    the server said: its code, what was wrong with its answer.
    """

    name: str
    record: str
    server: str
    status: Status
    values: tuple[str, ...] = ()
    seconds: float
    chain: tuple[str, ...] = ()
    end_server: str | None = None
    detail: str = ""

    @property
    def is_found(self) -> bool:
        """Whether the server gave at least one value."""
        return self.status == "found"

    @property
    def is_settled(self) -> bool:
        """Whether the answer says what the name is, or that it is not; else nothing is known of it."""
        return self.status in SETTLED

    @property
    def is_answered_by_a_resolver(self) -> bool:
        """Whether, in place of the zone's own server, something that asks others has answered."""
        return self.status == "no authority" and self.detail == FROM_RESOLVER

    @property
    def fails_validation(self) -> bool:
        """Whether the resolver fails since what it gets is not signed as it should be (DNSSEC)."""
        return UNSIGNED in self.detail

    @property
    def said(self) -> str:
        """The answer in a few words, for messages."""
        if self.status == "found":
            way = f" ({self.name} is a CNAME to {_links(self.chain)})" if self.chain else ""
            return f"{self.server} says {', '.join(self.values)}{way}"
        if self.status == "not a name":
            return f"{self.server} could not be asked: {self.detail}"
        if not self.is_settled:
            return f"{self.server} {_trouble(self.status, self.detail, self.seconds)}"
        if not self.chain:
            return f"{self.server} says that {_alone(self.status, self.detail or self.record)}"
        by = f", says {self.end_server}" if self.end_server else ""
        return f"{self.server} says that {fate(self.name, self.chain, self.status, self.detail)}{by}"


def fate(name: str, chain: tuple[str, ...], status: str, detail: str = "") -> str:
    """Say what becomes of a name that leads to nothing: `a is a CNAME to b, which does not exist (NXDOMAIN)`.

    `detail`: the record types that were asked for, of a name that has none of them.
    """
    if chain:
        lead, last = f"{name} is a CNAME to {_links(chain)}", ", which"
    else:
        lead, last = name, ""
    if status == "loop":
        return f"{lead}: a loop, or more aliases than resolvers follow"
    if status == "alias":
        return f"{lead}, where the zone itself should be"
    if status == "no such name":
        return f"{lead}{last} does not exist (NXDOMAIN)"
    return f"{lead}{last} has no address: its name exists, but has no {detail or EITHER_FAMILY} record"


def _links(chain: tuple[str, ...]) -> str:
    if len(chain) > 4:  # noqa: PLR2004 - a longer sentence is not read
        return f"{chain[0]}, and {len(chain) - 2} links on to {chain[-1]}"
    return " and on to ".join(chain)


def _alone(status: str, records: str) -> str:
    if status == "no such name":
        return "there is no such name (NXDOMAIN)"
    return f"the name has no {records} record (NODATA)"


def _trouble(status: str, detail: str, seconds: float) -> str:
    because = f": {detail}" if detail else ""
    words = {
        "server failure": f"fails to answer (SERVFAIL){because}",
        "refused": f"refuses to answer (REFUSED){because}",
        "error": f"answers with an error ({detail})",
        "no answer": f"did not answer within {seconds:.0f} s{because}",
        "no authority": f"does not serve the zone (an answer without authority){because}",
        "referral": f"refers to other name servers: {detail}",
        "cut short": f"gave a part of its answer only (TC){because}",
        "garbage": f"answered something that is not DNS{because}",
        "unproven": f"gave no answer to the question{because}",
    }
    return words[status]


class NameServers(Evidence):
    """The name servers that a zone is delegated to.

    `source`: who says so, where it was not the resolver. `unresolved`: names of servers whose address could
    not be looked up, and why.
    """

    zone: str
    servers: tuple[Server, ...] = ()
    problem: str | None = None
    source: str = ""
    unresolved: tuple[str, ...] = ()
