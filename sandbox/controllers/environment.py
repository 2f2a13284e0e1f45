"""The environment of a container, resolved from its ConfigMaps and Secrets."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.controllers.cluster import Cluster, Manifest


class ConfigError(Exception):
    """A ConfigMap, Secret or key that the container asks for is not there; the text is the kubelet's."""


def environment(cluster: Cluster, pod: Manifest, container: Manifest) -> dict[str, str]:
    """Resolve `envFrom` and `env`; raises ConfigError."""
    namespace = pod["metadata"]["namespace"]
    result: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        for field, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
            if field in source:
                result |= _values(cluster, plural, namespace, source[field]) or {}
    for entry in container.get("env", ()):
        value = _value(cluster, pod, entry)
        if value is not None:
            result[entry["name"]] = value
    return result


def _values(cluster: Cluster, plural: str, namespace: str, reference: Manifest) -> dict[str, str] | None:
    name = reference["name"]
    found = cluster.find(plural, namespace, name)
    if found is None:
        if reference.get("optional"):
            return None
        raise ConfigError(f'{plural.removesuffix("s")} "{name}" not found')
    data = found.get("data") or {}
    if plural == "secrets":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return dict(data)


def _value(cluster: Cluster, pod: Manifest, entry: Manifest) -> str | None:
    source = entry.get("valueFrom")
    if source is None:
        return str(entry.get("value", ""))
    namespace = pod["metadata"]["namespace"]
    for field, plural, word in (
        ("secretKeyRef", "secrets", "Secret"),
        ("configMapKeyRef", "configmaps", "ConfigMap"),
    ):
        if field in source:
            values = _values(cluster, plural, namespace, source[field]) or {}
            key = source[field]["key"]
            if key not in values and not source[field].get("optional"):
                raise ConfigError(f"couldn't find key {key} in {word} {namespace}/{source[field]['name']}")
            return values.get(key)
    return str(pod["metadata"]["name"])
