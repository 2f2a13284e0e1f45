"""Reads a DNS message as the answer to one question: by owner, type and class, along its aliases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.nsbase
import dns.rrset
from dns.rdatatype import RdataType

from postflight.probes.dns_evidence import FROM_RESOLVER, Status

# Resolvers give up after 8 (Windows, glibc) to 16 aliases.
MOST_LINKS = 16
_FOLLOWED = frozenset({dns.rdatatype.A, dns.rdatatype.AAAA})
_NAMED: dict[dns.rcode.Rcode, Status] = {
    dns.rcode.SERVFAIL: "server failure",
    dns.rcode.REFUSED: "refused",
}


class NotANameError(ValueError):
    """What is asked for cannot be a name in DNS; the text is one clear phrase."""


@dataclass(frozen=True)
class Said:
    """What a server says to one question. `chain`: the asked name, and those that it is an alias of.

    `status` None: an alias, of whose last name the message says nothing. `denies`: what the answer would say
    if it named the zone. `who`: the server; `end_who`: who speaks of the last name, if that is another.
    """

    status: Status | None
    chain: tuple[dns.name.Name, ...]
    values: tuple[str, ...] = ()
    detail: str = ""
    denies: Status | None = None
    who: str = ""
    end_who: str | None = None


def parse_name(host: str) -> dns.name.Name:
    """Return a host name as DNS has it: absolute, a unicode label as punycode. Raises NotANameError."""
    problem = ""
    # What browsers do (UTS 46); symbols are in the older rules only.
    for codec in (dns.name.IDNA_2008_Practical, dns.name.IDNA_2003_Practical):
        try:
            name = dns.name.from_text(host, idna_codec=codec)
        except (dns.exception.DNSException, UnicodeError) as error:
            problem = problem or _why_no_name(error)
            continue
        if name != dns.name.root:
            return name
        problem = "it is empty"
    raise NotANameError(f"`{host}` is not a host name: {problem}")


def _why_no_name(error: Exception) -> str:
    if isinstance(error, dns.name.LabelTooLong):
        return "a label is longer than 63 octets"
    if isinstance(error, dns.name.NameTooLong):
        return "it is longer than 255 octets"
    if isinstance(error, dns.name.EmptyLabel):
        return "a label is empty"
    return str(error).rstrip(".") or "it is malformed"


def plain(name: dns.name.Name) -> str:
    """Return a name as people write it, without the dot at its end."""
    return name.to_text(omit_final_dot=True)


def read(
    answer: dns.message.Message, name: dns.name.Name, kind: RdataType, zone: dns.name.Name | None = None
) -> Said:
    """Read what a message says to a question for `name`.

    `zone`: the zone whose authority the asked server is (its word counts for names of that zone); None: the
    server is a resolver.
    """
    code = answer.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        status = _NAMED.get(code, "error")
        return Said(status, (name,), detail=_code_words(answer, code, status))
    if zone is not None and not answer.flags & dns.flags.AA:
        return _without_authority(answer, name, zone)
    chain, values = _follow(answer.answer, name, kind, zone)
    if is_loop(chain):
        return Said("loop", chain)
    if values and code == dns.rcode.NXDOMAIN:
        return Said("garbage", chain, detail="NXDOMAIN and a record of the name at once")
    if values:
        return Said("found", chain, values)
    is_alias = len(chain) > 1 and kind not in _FOLLOWED
    return Said("alias", chain) if is_alias else _denied(answer, chain, zone)


def is_loop(chain: Sequence[dns.name.Name]) -> bool:
    """Whether aliases lead back to a name that was passed before, or further than resolvers follow."""
    return len(set(chain)) < len(chain) or len(chain) > MOST_LINKS + 1


def _follow(
    records: list[dns.rrset.RRset], name: dns.name.Name, kind: RdataType, zone: dns.name.Name | None
) -> tuple[tuple[dns.name.Name, ...], tuple[str, ...]]:
    """Return the chain of aliases, as far as the server may speak of it, and the values at its end."""
    chain = [name]
    while not is_loop(chain) and (zone is None or chain[-1].is_subdomain(zone)):
        values = [str(value).rstrip(".") for rrset in _of(records, chain[-1], kind) for value in rrset]
        if values:
            return tuple(chain), tuple(values)
        target = _alias(records, chain[-1])
        if target is None:
            break
        chain.append(target)
        if kind not in _FOLLOWED:
            break
    return tuple(chain), ()


def _of(records: list[dns.rrset.RRset], name: dns.name.Name, kind: RdataType) -> list[dns.rrset.RRset]:
    return [
        rrset
        for rrset in records
        if rrset.name == name and rrset.rdtype == kind and rrset.rdclass == dns.rdataclass.IN
    ]


def _alias(records: list[dns.rrset.RRset], name: dns.name.Name) -> dns.name.Name | None:
    """Return what a name is an alias of: by its CNAME, or by the DNAME of a name above it (RFC 6672)."""
    for rrset in _of(records, name, dns.rdatatype.CNAME):
        target: dns.name.Name = rrset[0].target
        return target
    above = name
    while above != dns.name.root:
        above = above.parent()
        for rrset in _of(records, above, dns.rdatatype.DNAME):
            try:
                return name.relativize(above).concatenate(rrset[0].target)
            except dns.name.NameTooLong:
                return None
    return None


def _denied(
    answer: dns.message.Message, chain: tuple[dns.name.Name, ...], zone: dns.name.Name | None
) -> Said:
    end = chain[-1]
    if zone is not None and not end.is_subdomain(zone):
        return Said(None, chain)
    code = dns.rcode.to_text(answer.rcode())
    others = [rrset for rrset in answer.answer if not _is_link(rrset, chain)]
    if others:
        found = f"{plain(others[0].name)} {dns.rdatatype.to_text(others[0].rdtype)}"
        return Said("unproven", chain, detail=f"{code}, with records that were not asked for ({found})")
    denial: Status = "no such name" if answer.rcode() == dns.rcode.NXDOMAIN else "no such record"
    # The AA bit is about the asked name; of the end of its chain, an authority's code is (RFC 6604).
    is_about_end = len(chain) == 1 or (zone is not None and denial == "no such name")
    if (answer.flags & dns.flags.AA and is_about_end) or encloses(answer, end):
        return Said(denial, chain)
    if len(chain) > 1 and denial == "no such record":
        return Said(None, chain)
    if answer.authority:
        return Said("unproven", chain, detail=f"{code}, with the authority of another zone")
    return Said("unproven", chain, detail=f"{code}, without the authority of a zone", denies=denial)


def _is_link(rrset: dns.rrset.RRset, chain: tuple[dns.name.Name, ...]) -> bool:
    is_above = rrset.rdtype == dns.rdatatype.DNAME and len(chain) > 1
    return is_above or (rrset.rdtype == dns.rdatatype.CNAME and rrset.name in chain)


def encloses(answer: dns.message.Message, name: dns.name.Name) -> bool:
    """Whether the message names the zone (by its SOA) that `name` is in, or would be (RFC 2308)."""
    return any(
        name.is_subdomain(rrset.name)
        for rrset in answer.authority
        if rrset.rdtype == dns.rdatatype.SOA and rrset.rdclass == dns.rdataclass.IN
    )


def _without_authority(answer: dns.message.Message, name: dns.name.Name, zone: dns.name.Name) -> Said:
    for rrset in delegations(answer, name):
        if rrset.name.is_subdomain(zone) and rrset.name != zone:
            servers = ", ".join(sorted(plain(one.target) for one in rrset))
            return Said("referral", (name,), detail=f"{plain(rrset.name)} is a zone of its own at {servers}")
    is_resolver = bool(answer.flags & dns.flags.RA)
    return Said("no authority", (name,), detail=FROM_RESOLVER if is_resolver else "")


def delegations(answer: dns.message.Message, name: dns.name.Name) -> list[dns.rrset.RRset]:
    """Return the NS records by which a message refers to the servers of a zone that `name` is in."""
    return [
        rrset
        for rrset in answer.authority
        if rrset.rdtype == dns.rdatatype.NS
        and rrset.rdclass == dns.rdataclass.IN
        and name.is_subdomain(rrset.name)
    ]


def _code_words(answer: dns.message.Message, code: dns.rcode.Rcode, status: Status) -> str:
    """Return the code where no status names it, and what the server explains (RFC 8914)."""
    words = [dns.rcode.to_text(code)] if status == "error" else []
    for error in answer.extended_errors():
        reason = error.code.name.replace("_", " ").lower() if hasattr(error.code, "name") else str(error.code)
        words.append(f"{reason} ({error.text[:80]})" if error.text else reason)
    return ", ".join(words)
