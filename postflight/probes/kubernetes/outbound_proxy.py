"""The HTTP or SOCKS proxy on the way to a Kubernetes API, chosen as kubectl chooses it."""

from __future__ import annotations

import importlib.util
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from postflight.evidence import Unverified

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True)
class Proxy:
    """A proxy: its URL without a login, and the login."""

    url: str
    login: str | None = None

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS and not HTTP."""
        return self.url.startswith("socks")


def proxy_of(server: str, declared: str | None, process: Mapping[str, str], title: str) -> Proxy | None:
    """Return the proxy to `server`: the kubeconfig's `proxy-url`, else what the environment's variables say.

    NO_PROXY exempts from the variables only, as in kubectl. Raises Unverified for a proxy that is none.
    Source: golang.org/x/net/http/httpproxy, k8s.io/client-go/tools/clientcmd.
    """
    parts = urlsplit(server)
    if declared:
        return _parsed(declared, title, "proxy-url")
    variable = f"{parts.scheme}_proxy"
    written = process.get(variable.upper()) or process.get(variable)
    exempt = process.get("NO_PROXY") or process.get("no_proxy") or ""
    if not written or is_exempt(parts, exempt):
        return None
    return _parsed(written if "://" in written else f"http://{written}", title, variable.upper())


def is_exempt(server: SplitResult, exempt: str) -> bool:
    """Whether NO_PROXY (names, domains, addresses, CIDR ranges, with or without a port, `*`) names a server.

    A loopback address never goes through a proxy.
    """
    host = (server.hostname or "").rstrip(".")
    port = server.port or _PORTS.get(server.scheme, 80)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_names(entry.strip().lower(), host, port, address) for entry in exempt.split(","))


def _names(
    entry: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> bool:
    if not entry or entry == "*":
        return entry == "*"
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    if _address(entry.strip("[]")) is None:
        name, colon, wanted = entry.rpartition(":")
        if colon and wanted.isdigit():
            if int(wanted) != port:
                return False
            entry = name
    entry = entry.strip("[]").removeprefix("*")
    if address is not None:
        return _address(entry) == address
    return host.endswith(entry) if entry.startswith(".") else host == entry or host.endswith(f".{entry}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _parsed(url: str, title: str, where: str) -> Proxy:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, SplitResult("", "", "", "", "")
    if parts.scheme not in _PORTS or not host:
        raise Unverified(f"{title}: {where} is not the URL of an http, https or socks5 proxy.")
    if parts.scheme.startswith("socks") and importlib.util.find_spec("socks") is None:
        raise Unverified(f"{title}: {where} names a SOCKS proxy, which needs PySocks: pip install PySocks.")
    login = None
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    # As in kubectl, the proxy resolves the server's name: that is socks5h.
    scheme = "socks5h" if parts.scheme.startswith("socks") else parts.scheme
    shown = f"[{host}]" if ":" in host else host
    return Proxy(f"{scheme}://{shown}:{port or _PORTS[parts.scheme]}", login)
