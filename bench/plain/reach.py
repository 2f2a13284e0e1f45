"""How the tests get through to hosts that only the environment's own resolver knows."""

import socket
import ssl
from collections.abc import Iterable
from typing import Any

import dns.resolver
import requests
from requests.adapters import HTTPAdapter


class AddressAdapter(HTTPAdapter):
    """Sends requests for one host to its address; SNI and the certificate stay the host's."""

    def __init__(self, reach: "Reach", host: str) -> None:
        self._reach = reach
        self._host = host
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make connections that are verified for the host."""
        super().init_poolmanager(*args, server_hostname=self._host, assert_hostname=self._host, **options)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send to the address that the resolver gives now."""
        address = self._reach.address(self._host)
        request.headers["Host"] = f"{self._host}:{self._reach.port}"
        request.url = str(request.url).replace(f"//{self._host}:", f"//{address}:", 1)
        return super().send(request, *args, **options)


class Reach:
    """Names looked up at the environment's resolver, and connections to them."""

    def __init__(self, resolver: dns.resolver.Resolver, ca: str, port: int) -> None:
        self._resolver = resolver
        self._ca = ca
        self.port = port

    def address(self, host: str) -> str:
        """Return an IPv4 address of a host."""
        return str(self._resolver.resolve(host, "A")[0])

    def session(self, hosts: Iterable[str]) -> requests.Session:
        """Return a session of requests that reaches these hosts."""
        made = requests.Session()
        made.verify = self._ca
        made.trust_env = False
        for host in hosts:
            made.mount(f"https://{host}:", AddressAdapter(self, host))
        return made

    def tls(self, host: str, version: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
        """Return an open TLS connection to a host, of just this version where one is named."""
        context = ssl.create_default_context(cafile=self._ca)
        if version is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        opened = socket.create_connection((self.address(host), self.port), timeout=10)
        return context.wrap_socket(opened, server_hostname=host)
