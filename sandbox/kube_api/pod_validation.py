"""What the API server refuses in a pod's specification, and in ports and quantities anywhere."""

from __future__ import annotations

import re
from typing import Any, Final

from sandbox.kube_api.errors import Json, bad_value, duplicate, required, unsupported
from sandbox.kube_api.quantities import quantity

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PORT_NAME: Final = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_LARGEST_PORT: Final = 65535
_QUANTITY_RULE: Final = (
    r"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def port_number(field: str, value: Any) -> list[Json]:
    """Return a cause unless the value is a port."""
    if isinstance(value, int) and 1 <= value <= _LARGEST_PORT:
        return []
    return [bad_value(field, value, f"must be between 1 and {_LARGEST_PORT}, inclusive")]


def valid_port_name(field: str, value: str) -> list[Json]:
    """Return a cause unless the value is an IANA_SVC_NAME (RFC 6335)."""
    if _PORT_NAME.fullmatch(value):
        return []
    text = (
        "must be no more than 15 characters of lower case alphanumeric characters or '-', with at least one "
        "letter, and must start and end with an alphanumeric character"
    )
    return [bad_value(field, value, text)]


def protocol_causes(port: Json, path: str) -> list[Json]:
    """Return a cause unless the port's protocol is known."""
    protocol = port.get("protocol", "TCP")
    return [] if protocol in _PROTOCOLS else [unsupported(f"{path}.protocol", protocol, _PROTOCOLS)]


def resource_causes(resources: Json, path: str) -> list[Json]:
    """Return a cause for each amount that is no quantity, or less than nothing."""
    causes = []
    for name, amount in resources.items():
        try:
            if quantity(str(amount)) < 0:
                text = "must be greater than or equal to 0"
                causes.append(bad_value(f"{path}.{name}", str(amount), text))
        except ValueError:
            causes.append(bad_value(f"{path}.{name}", str(amount), _QUANTITY_RULE))
    return causes


def _container_causes(container: Json, path: str) -> list[Json]:
    causes = [required(f"{path}.{field}") for field in ("name", "image") if not container.get(field)]
    if container.get("name") and not _LABEL.fullmatch(container["name"]):
        text = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
        causes.append(bad_value(f"{path}.name", container["name"], text))
    names: set[str] = set()
    for position, port in enumerate(container.get("ports") or ()):
        place, name = f"{path}.ports[{position}]", port.get("name", "")
        causes += port_number(f"{place}.containerPort", port["containerPort"])
        causes += protocol_causes(port, place)
        causes += valid_port_name(f"{place}.name", name) if name else []
        causes += [duplicate(f"{place}.name", name)] if name and name in names else []
        names.add(name)
    for position, variable in enumerate(container.get("env") or ()):
        if not variable.get("name"):
            causes.append(required(f"{path}.env[{position}].name"))
    for field in ("requests", "limits"):
        amounts = (container.get("resources") or {}).get(field) or {}
        causes += resource_causes(amounts, f"{path}.resources.{field}")
    return causes


def pod_causes(spec: Json, path: str) -> list[Json]:
    """Return what is wrong with a pod's specification that lies at `path`."""
    containers = spec.get("containers")
    if not containers:
        return [required(f"{path}.containers")]
    causes: list[Json] = []
    names: set[str] = set()
    for field in ("initContainers", "containers"):
        for position, container in enumerate(spec.get(field) or ()):
            place, name = f"{path}.{field}[{position}]", container.get("name", "")
            causes += _container_causes(container, place)
            causes += [duplicate(f"{place}.name", name)] if name and name in names else []
            names.add(name)
    return causes
