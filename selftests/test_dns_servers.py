"""Name servers and resolvers that others wrote are read as they mean it; skipped where not installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from postflight.evidence import Unverified
from postflight.probes import dns as dns_probes
from postflight.probes.addresses import Limits
from postflight.probes.dns_evidence import Resolution, Server
from selftests.name_servers import Manner, good, name_server
from selftests.name_zones import holding, reached
from selftests.rude_servers import Street, street
from selftests.rude_town import looking

ZONE = """$ORIGIN name.test.
$TTL 60
@ IN SOA ns.name.test. host.name.test. 1 3600 600 86400 60
@ IN NS ns.name.test.
ns IN A 127.0.0.1
www 0 IN A 192.0.2.1
six IN AAAA 2001:db8::1
alias IN CNAME www
dangling IN CNAME gone
loop IN CNAME pool
pool IN CNAME loop
_svc IN A 192.0.2.9
*.wild IN A 192.0.2.7
here.empty IN TXT "x"
old IN DNAME new
host.new IN A 192.0.2.8
below IN NS ns.below
ns.below IN A 127.0.0.1
"""
UPSTREAM = {
    "www.name.test.": [("A", "192.0.2.1")],
    "six.name.test.": [("AAAA", "2001:db8::1")],
    "alias.name.test.": [("CNAME", "www.name.test.")],
    "dangling.name.test.": [("CNAME", "gone.name.test.")],
    "_svc.name.test.": [("A", "192.0.2.9")],
    "loop.name.test.": [("CNAME", "pool.name.test.")],
    "pool.name.test.": [("CNAME", "loop.name.test.")],
}
COMMON = {
    "www": ("found", "192.0.2.1"),
    "WWW": ("found", "192.0.2.1"),
    "six": ("found", "2001:db8::1"),
    "alias": ("found", "192.0.2.1"),
    "_svc": ("found", "192.0.2.9"),
    "none": ("no such name", ""),
    "dangling": ("no such name", ""),
    "loop": ("loop", ""),
}
OF_AUTHORITY = COMMON | {
    "any.wild": ("found", "192.0.2.7"),
    "empty": ("no such record", ""),
    "host.old": ("found", "192.0.2.8"),
    "none.old": ("no such name", ""),
    "www.below": ("referral", ""),
}

Command = Callable[[Path, int, int], list[str]]


def _nsd(folder: Path, port: int, _: int) -> list[str]:
    (folder / "nsd.conf").write_text(
        f"""server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
remote-control:
  control-enable: no
zone:
  name: name.test
  zonefile: zone
"""
    )
    return ["nsd", "-d", "-c", str(folder / "nsd.conf")]


def _named(folder: Path, port: int, _: int) -> list[str]:
    (folder / "named.conf").write_text(
        f"""options {{
  directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file none; session-keyfile none;
}};
controls {{ }};
zone "name.test" {{ type primary; file "zone"; check-names ignore; }};
"""
    )
    return ["named", "-g", "-c", str(folder / "named.conf")]


def _unbound(folder: Path, port: int, upstream: int) -> list[str]:
    (folder / "unbound.conf").write_text(
        f"""server:
  interface: 127.0.0.1
  port: {port}
  do-daemonize: no
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  local-zone: test. nodefault
  module-config: "iterator"
stub-zone:
  name: name.test
  stub-addr: 127.0.0.1@{upstream}
"""
    )
    return ["unbound", "-d", "-c", str(folder / "unbound.conf")]


def _dnsmasq(_: Path, port: int, upstream: int) -> list[str]:
    options = f"--port={port} --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --user="
    return [
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        *options.split(),
        f"--server=127.0.0.1#{upstream}",
    ]


AUTHORITIES: dict[str, Command] = {"nsd": _nsd, "named": _named}
RESOLVERS: dict[str, Command] = {"unbound": _unbound, "dnsmasq": _dnsmasq}


def free_port() -> int:
    """Return a port that is free for UDP and TCP."""
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = int(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", port))
        return port


@contextmanager
def running(command: list[str], log: Path) -> Iterator[None]:
    """Run a server, and end it; skip the test where it is not installed."""
    # Debian's servers lie where only root's PATH leads.
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin:/sbin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    out: IO[bytes]
    with log.open("wb") as out, subprocess.Popen([program, *command[1:]], stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def opened() -> Iterator[Street]:
    """Open a street for one test."""
    with street() as made:
        yield made


def told(
    look: Callable[[str], Resolution], log: Path, hosts: dict[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Return what is said of each host, once the server is up."""
    ends = time.monotonic() + 10
    while True:
        try:
            if look("www.name.test").is_found:
                break
        except Unverified:
            pass
        assert time.monotonic() < ends, log.read_text()
        time.sleep(0.02)
    seen = {host: look(f"{host}.name.test") for host in hosts}
    return {host: (one.status, ", ".join(one.values)) for host, one in seen.items()}


@pytest.mark.parametrize("name", AUTHORITIES)
def test_name_servers_of_others_are_read(tmp_path: Path, opened: Street, name: str) -> None:
    """Each names absence, aliases, wildcards and delegations in its own way."""
    port = free_port()
    (tmp_path / "zone").write_text(ZONE)
    run = reached(name_server(opened, Manner(good)), f"127.0.0.1:{port}", Limits())
    server = Server(name="ns", address="127.0.0.1", port=port)
    with running(AUTHORITIES[name](tmp_path, port, 0), tmp_path / "log"):
        found = told(
            lambda host: looking(run, dns_probes.authoritative, server, host)(),
            tmp_path / "log",
            OF_AUTHORITY,
        )
    assert found == OF_AUTHORITY


@pytest.mark.parametrize("name", RESOLVERS)
def test_resolvers_of_others_are_read(tmp_path: Path, opened: Street, name: str) -> None:
    """Each passes on in its own way what the zone's server says."""
    upstream = int(name_server(opened, Manner(holding(UPSTREAM))).partition(":")[2])
    port = free_port()
    run = reached(f"127.0.0.1:{port}", None, Limits())
    with running(RESOLVERS[name](tmp_path, port, upstream), tmp_path / "log"):
        for _ in range(2):  # the second time from its cache
            found = told(lambda host: looking(run, dns_probes.recursive, host)(), tmp_path / "log", COMMON)
            assert found == COMMON
