"""What only a running sandbox knows: addresses, ports, ARNs and the secrets it made up for itself."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Server:
    """A database or cache: the host name AWS gives it, the port it really listens on, and how to log in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Facts:
    """Everything that the manifests and controllers must know and `sandbox.names` cannot."""

    kyeol_database: Server
    doa_database: Server
    kyeol_cache: Server
    doa_cache: Server
    kyeol_certificate: str
    doa_certificate: str
    https_port: int
    instance_ids: tuple[str, ...]
    secret_key: str = field(repr=False)
