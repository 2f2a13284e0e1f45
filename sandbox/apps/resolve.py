"""Looks a host name up at the sandbox's DNS, as a container's resolver would."""

from __future__ import annotations

import ipaddress

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

TIMEOUT_SECONDS = 2.0


def resolve_at(server: str, host: str) -> str | None:
    """Return an IPv4 address of `host`, or None; `server` is `address:port`, or empty for no DNS at all."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return _ask(server, host) if server else None


def _ask(server: str, host: str) -> str | None:
    address, _, port = server.rpartition(":")
    query = dns.message.make_query(host, dns.rdatatype.A)
    try:
        response = dns.query.udp(query, address, timeout=TIMEOUT_SECONDS, port=int(port))
    except dns.exception.DNSException:
        return None
    found = (rdata for rrset in response.answer if rrset.rdtype == dns.rdatatype.A for rdata in rrset)
    return next((str(rdata) for rdata in found), None)
