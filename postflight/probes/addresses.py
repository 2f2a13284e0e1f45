"""Host names to addresses, through the environment's resolver or the system's."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.tcp import Trouble

if TYPE_CHECKING:
    import dns.resolver

LOOK_S = 6.0
TRY_S = 2.0
# Long enough for one round of looking, short enough that a check looked at again asks again.
REMEMBERED_S = 5.0


def is_address(host: str) -> bool:
    """Whether `host` is an IP address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def a_label(host: str) -> str:
    """Return a host in the form that DNS and certificates have it: lower case, A-labels, no final dot.

    UTS 46 and IDNA 2008 (RFC 5891). A name that no DNS can hold comes back as it is: it matches nothing.
    """
    import idna

    plain = host.lower().rstrip(".")
    if plain.isascii():
        return plain
    try:
        return idna.encode(plain, uts46=True).decode()
    except idna.IDNAError:
        return plain


def _in_dns(host: str) -> str:
    """Return a host as DNS is asked for it: dnspython alone would take IDNA 2003, and ask for other names."""
    return host if host.isascii() else a_label(host) + "." * host.endswith(".")


def parse_server(server: str) -> tuple[str, int]:
    """Return address and port of `host:port`, `[v6]:port` or a bare address."""
    if is_address(server):
        return server, 53
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        raise Unverified(f"`{server}` is no DNS server: write it as host:port.")
    return host.strip("[]"), int(port)


class Addresses:
    """Resolves names for everyone who merely needs an address. Safe to use from any thread."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[float, Future[tuple[str, ...]]]] = {}
        self._resolver: dns.resolver.Resolver | None = None

    @property
    def server(self) -> str:
        """The resolver that is asked, for messages."""
        return self._connections.environment.resolver or "the system's resolver"

    def resolve(self, host: str) -> tuple[str, ...]:
        """Return the addresses of `host`, at least one.

        Raises Trouble when the name does not exist or has no address, and Unverified when our resolver
        does not answer or refuses.
        """
        if is_address(host):
            return (host,)
        if host == "localhost":
            return ("127.0.0.1",)
        return self._remembered(host, "", lambda: self._look_up(host))

    def each(self, host: str) -> Iterator[str]:
        """Yield the addresses of `host`, those of the other family once the first ones are used up.

        Raises as `resolve` does; without the other family there is just nothing more to try.
        """
        first = self.resolve(host)
        yield from first
        if host == "localhost":
            yield "::1"
        elif first[0] != host and ":" not in first[0]:
            try:
                yield from self._remembered(host, "AAAA", lambda: self._other_family(host))
            except (Trouble, Unverified):
                return

    def _other_family(self, host: str) -> tuple[str, ...]:
        return self._ask(host, "AAAA", Deadline.after(TRY_S))

    def _remembered(self, host: str, family: str, look_up: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        with self._lock:
            since, answer = self._known.get((host, family), (0.0, Future()))
            is_first = time.monotonic() - since > REMEMBERED_S
            if is_first:
                answer = Future()
                self._known[host, family] = (time.monotonic(), answer)
        if is_first:
            try:
                answer.set_result(look_up())
            except BaseException as error:  # noqa: BLE001 - carried to every thread that waits for it
                answer.set_exception(error)
        return answer.result()

    def resolver(self) -> dns.resolver.Resolver:
        """Return the resolver, configured once. Raises Unverified if there is none."""
        import dns.resolver

        with self._lock:
            if self._resolver is None:
                declared = self._connections.environment.resolver
                try:
                    made = dns.resolver.Resolver(configure=declared is None)
                except dns.resolver.NoResolverConfiguration as error:
                    raise Unverified(f"This machine has no resolver configuration: {error}.") from None
                if declared is not None:
                    address, made.port = parse_server(declared)
                    made.nameservers = [address]
                made.timeout = TRY_S
                self._resolver = made
            return self._resolver

    def _look_up(self, host: str) -> tuple[str, ...]:
        deadline = Deadline.after(LOOK_S)
        for record in ("A", "AAAA"):
            found = self._ask(host, record, deadline)
            if found:
                return found
        raise Trouble("name", f"{host} has no address: its name exists, but has no A or AAAA record")

    def _ask(self, host: str, record: str, deadline: Deadline) -> tuple[str, ...]:
        import dns.exception
        import dns.resolver

        resolver = self.resolver()
        self._connections.calls.count("dns")
        try:
            answer = resolver.resolve(
                _in_dns(host), record, lifetime=deadline.remaining_s(), search=True, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            raise Trouble("name", f"{host} does not exist (NXDOMAIN)") from None
        except dns.resolver.NoNameservers as error:
            raise Unverified(
                f"{self.server} cannot resolve {host} ({failure_of(error)}), "
                "so what it names was not reached."
            ) from None
        except (dns.exception.Timeout, TimeoutError):
            raise Unverified(
                f"{self.server} did not answer for {host} within {LOOK_S:g} s, "
                "so what it names was not reached."
            ) from None
        except (dns.exception.DNSException, OSError) as error:
            raise Unverified(f"{host} could not be asked of {self.server}: {error}.") from None
        return tuple(str(value) for value in answer.rrset or ())


def failure_of(error: dns.resolver.NoNameservers) -> str:
    """Name the answer (SERVFAIL, REFUSED …) that the last server asked gave."""
    import dns.rcode

    last = error.kwargs.get("errors", [])[-1:]
    response = last[0][4] if last else None
    if response is not None:
        return dns.rcode.to_text(response.rcode())
    return str(last[0][3]) if last else "no server answered"
