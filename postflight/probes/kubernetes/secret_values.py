"""The values of Secrets, which never leave memory."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from postflight.environment import SecretKey
from postflight.evidence import Unverified
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.reading import mapping
from postflight.probes.kubernetes.withheld import remember

_ONE_MOMENT_S: Final = 2.0


class SecretValues:
    """Reads Secrets, each once in a moment, however many threads ask. `get` takes namespace and name."""

    def __init__(self, connections: Connections, get: Callable[[str, str], Mapping[str, Any] | None]) -> None:
        self._connections = connections
        self._get = get
        self._secrets: dict[tuple[str, str], _Secret] = {}
        self._lock = threading.Lock()

    def value(self, source: SecretKey) -> str:
        """Return one value of a Secret. Raises Unverified where it is not there."""
        values = self.read(source.namespace or "", source.secret)
        if values is None:
            raise Unverified(
                f"There is no Secret {source.namespace}/{source.secret}, so no login can be tried."
            )
        if source.key not in values:
            keys = ", ".join(sorted(values)) or "no key"
            raise Unverified(
                f"Secret {source.namespace}/{source.secret} has no key {source.key}; it has {keys}."
            )
        return values[source.key]

    def read(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return a Secret's values; None where it is absent. Raises Unverified."""
        with self._lock:
            kept = self._secrets.setdefault((namespace, name), _Secret())
        with kept.lock:
            if time.monotonic() - kept.read_at > _ONE_MOMENT_S:
                kept.values = self._secret(namespace, name)
                kept.read_at = time.monotonic()
            return kept.values

    def _secret(self, namespace: str, name: str) -> Mapping[str, str] | None:
        found = self._get(namespace, name)
        if found is None:
            return None
        values: dict[str, str] = {}
        for key, data in mapping(found, "data").items():
            encoded = str(data)
            try:
                values[key] = base64.b64decode(encoded).decode()
            except (binascii.Error, UnicodeDecodeError):
                values[key] = encoded  # binary: its base64 form is as good a secret as any
            source = SecretKey(secret=name, key=key, namespace=namespace)
            remember(self._connections, source, values[key], encoded)
        return values


class _Secret:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: Mapping[str, str] | None = None
        self.read_at = float("-inf")
