"""Host names to addresses, through the environment's resolver or the system's."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.deadlines import Deadline
from postflight.probes.dns_evidence import SETTLED, fate
from postflight.probes.tcp import Trouble

if TYPE_CHECKING:
    import dns.name
    import dns.resolver
    from dns.rdatatype import RdataType

    from postflight.probes.dns_answers import Said

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


def parse_server(server: str) -> tuple[str, int]:
    """Return address and port of `host:port`, `[v6]:port` or a bare address."""
    if is_address(server):
        return server, 53
    host, _, port = server.rpartition(":")
    if not host or not port.isdigit():
        raise Unverified(f"`{server}` is no DNS server: write it as host:port.")
    return host.strip("[]"), int(port)


@dataclass(frozen=True)
class Limits:
    """Seconds that one look of DNS may take, and one try in it: the answer to one packet."""

    look_s: float = 6.0
    try_s: float = 2.0


class Addresses:
    """Resolves names for everyone who merely needs an address. Safe to use from any thread."""

    def __init__(self, connections: Connections) -> None:
        self.limits = Limits()
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

        Raises Trouble when the resolver says that the name does not exist, has no address or is an alias of
        such a name, and Unverified when the resolver does not say what it is.
        """
        if is_address(host):
            return (host,)
        if host in ("localhost", "localhost."):
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
        import dns.rdatatype

        return self._ask(host, dns.rdatatype.AAAA, Deadline.after(self.limits.try_s))[-1].values

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
                self._resolver = made
            return self._resolver

    def _look_up(self, host: str) -> tuple[str, ...]:
        from postflight.probes.dns_answers import plain
        from postflight.probes.dns_lookups import of_either_family, spoken

        deadline = Deadline.after(self.limits.look_s)
        answers = of_either_family("A", lambda kind: self._ask(host, kind, deadline))
        said = answers[-1]
        if said.status == "found":
            return said.values
        if said.status in SETTLED:
            raise Trouble("name", fate(host, tuple(plain(one) for one in said.chain[1:]), str(said.status)))
        raise Unverified(
            f"{host} could not be resolved, so what it names was not reached: "
            f"the resolver {spoken(answers, deadline.elapsed_s)}."
        )

    def _ask(self, host: str, kind: RdataType, deadline: Deadline) -> list[Said]:
        """Return what the resolver says of the first candidate that it does not deny. Raises Trouble."""
        from postflight.probes.dns_answers import NotANameError, parse_name
        from postflight.probes.dns_lookups import resolve

        try:
            name = parse_name(host)
        except NotANameError as error:
            raise Trouble("name", str(error)) from None
        answers: list[Said] = []
        for one in completed(name, self.resolver().search, is_absolute=host.endswith(".")):
            answers = resolve(self._connections, one, kind, deadline)
            if answers[-1].status != "no such name":
                break
        return answers


def completed(
    name: dns.name.Name, search: Sequence[dns.name.Name], *, is_absolute: bool = False
) -> list[dns.name.Name]:
    """Return what a name may stand for. Search domains complete only short names of services in a cluster.

    Those are `service`, `service.namespace` and `service.namespace.svc`; any other name is a whole one, which
    a search domain with a wildcard would turn into another.
    """
    labels = name.labels[:-1]
    if is_absolute or (len(labels) > 2 and labels[-1] != b"svc"):  # noqa: PLR2004 - service.namespace
        return [name]
    if len(labels) == 2 and labels[-1] != b"svc":  # noqa: PLR2004 - service.namespace
        suffixes = [suffix for suffix in search if suffix.labels[0] == b"svc"]
        return [name, *(_joined(name, suffix) for suffix in suffixes)]
    return [*(_joined(name, suffix) for suffix in search), name]


def _joined(name: dns.name.Name, suffix: dns.name.Name) -> dns.name.Name:
    import dns.name

    return dns.name.Name((*name.labels[:-1], *suffix.labels))
