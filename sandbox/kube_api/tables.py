"""`Table` answers: what `kubectl get` asks the server to lay out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from sandbox.kube_api import cells
from sandbox.kube_api.column_help import COLUMN_HELP
from sandbox.kube_api.errors import Json
from sandbox.kube_api.history import Entry
from sandbox.kube_api.resources import Resource

Row = Callable[[Json, datetime], list[Any]]


@dataclass(frozen=True)
class Layout:
    """Column names, those only `-o wide` shows, the columns that hold numbers, and how a row is made."""

    columns: tuple[str, ...]
    row: Row
    wide: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in order; a wide one may stand among the others."""
        return self.columns + tuple(name for name in self.wide if name not in self.columns)


def _scaled(obj: Json, now: datetime) -> list[Any]:
    status, spec = obj.get("status", {}), obj["spec"]
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        cells.age(obj, now),
        *cells.container_cells(obj),
        cells.label_selector(spec.get("selector")),
    ]


def _replica_set(obj: Json, now: datetime) -> list[Any]:
    status, spec = obj.get("status", {}), obj["spec"]
    return [
        obj["metadata"]["name"],
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        cells.age(obj, now),
        *cells.container_cells(obj),
        cells.label_selector(spec.get("selector")),
    ]


def _stateful_set(obj: Json, now: datetime) -> list[Any]:
    scaled = _scaled(obj, now)
    return [*scaled[:2], *scaled[4:7]]


def _daemon_set(obj: Json, now: datetime) -> list[Any]:
    status = obj.get("status", {})
    counters = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    template = obj["spec"]["template"]["spec"]
    return [
        obj["metadata"]["name"],
        *(status.get(name, 0) for name in (*counters, "numberAvailable")),
        cells.selector(template.get("nodeSelector")),
        cells.age(obj, now),
    ]


def _paths(*paths: str) -> Row:
    def row(obj: Json, now: datetime) -> list[Any]:
        found: list[Any] = [obj["metadata"]["name"]]
        for path in paths:
            value: Any = obj
            for step in path.split("."):
                value = value.get(step, "") if isinstance(value, dict) else ""
            found.append(len(value) if path in {"data", "secrets"} else value)
        return [*found, cells.age(obj, now)]

    return row


def _application(obj: Json, _: datetime) -> list[Any]:
    status = obj.get("status", {})
    sync = status.get("sync", {})
    health = status.get("health", {})
    project = obj.get("spec", {}).get("project", "")
    return [
        obj["metadata"]["name"],
        sync.get("status", ""),
        health.get("status", ""),
        sync.get("revision", ""),
        project,
    ]


def _endpoint_slice(obj: Json, now: datetime) -> list[Any]:
    addresses = [address for each in obj.get("endpoints", []) for address in each.get("addresses", [])]
    ports = [str(port.get("port", "*")) for port in obj.get("ports", [])]
    return [
        obj["metadata"]["name"],
        obj.get("addressType", ""),
        ",".join(ports) or "<unset>",
        ",".join(addresses[:3]) or "<unset>",
        cells.age(obj, now),
    ]


_WORKLOAD_WIDE: Final = ("Containers", "Images", "Selector")
_LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "pods": Layout(
            ("Name", "Ready", "Status", "Restarts", "Age"),
            cells.pod_cells,
            ("IP", "Node", "Nominated Node", "Readiness Gates"),
            ("Restarts",),
        ),
        "deployments": Layout(
            ("Name", "Ready", "Up-to-date", "Available", "Age"),
            _scaled,
            _WORKLOAD_WIDE,
            ("Up-to-date", "Available"),
        ),
        "replicasets": Layout(
            ("Name", "Desired", "Current", "Ready", "Age"),
            _replica_set,
            _WORKLOAD_WIDE,
            ("Desired", "Current", "Ready"),
        ),
        "statefulsets": Layout(("Name", "Ready", "Age"), _stateful_set, ("Containers", "Images")),
        "daemonsets": Layout(
            ("Name", "Desired", "Current", "Ready", "Up-to-date", "Available", "Node Selector", "Age"),
            _daemon_set,
        ),
        "services": Layout(
            ("Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"),
            cells.service_cells,
            ("Selector",),
        ),
        "ingresses": Layout(("Name", "Class", "Hosts", "Address", "Ports", "Age"), cells.ingress_cells),
        "nodes": Layout(
            ("Name", "Status", "Roles", "Age", "Version"),
            cells.node_cells,
            ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        ),
        "jobs": Layout(("Name", "Completions", "Duration", "Age"), cells.job_cells, _WORKLOAD_WIDE),
        "events": Layout(
            (
                "Last Seen",
                "Type",
                "Reason",
                "Object",
                "Subobject",
                "Source",
                "Message",
                "First Seen",
                "Count",
                "Name",
            ),
            cells.event_cells,
            ("Subobject", "Source", "First Seen", "Count", "Name"),
        ),
        "namespaces": Layout(("Name", "Status", "Age"), _paths("status.phase")),
        "configmaps": Layout(("Name", "Data", "Age"), _paths("data"), (), ("Data",)),
        "secrets": Layout(("Name", "Type", "Data", "Age"), _paths("type", "data"), (), ("Data",)),
        "serviceaccounts": Layout(("Name", "Secrets", "Age"), _paths("secrets"), (), ("Secrets",)),
        "endpoints": Layout(("Name", "Endpoints", "Age"), cells.endpoints_cells),
        "endpointslices": Layout(("Name", "AddressType", "Ports", "Endpoints", "Age"), _endpoint_slice),
        "ingressclasses": Layout(("Name", "Controller", "Age"), _paths("spec.controller")),
        "cronjobs": Layout(("Name", "Schedule", "Suspend", "Age"), _paths("spec.schedule", "spec.suspend")),
        "rolebindings": Layout(("Name", "Role", "Age"), _paths("roleRef.name")),
        "clusterrolebindings": Layout(("Name", "Role", "Age"), _paths("roleRef.name")),
        "poddisruptionbudgets": Layout(
            ("Name", "Min Available", "Max Unavailable", "Age"),
            _paths("spec.minAvailable", "spec.maxUnavailable"),
        ),
        "applications": Layout(
            ("Name", "Sync Status", "Health Status"), _application, ("Revision", "Project")
        ),
    }
)
_PLAIN: Final = Layout(("Name", "Age"), _paths())


def _columns(layout: Layout) -> list[Json]:
    return [
        {
            "name": name,
            "type": "integer" if name in layout.numbers else "string",
            "format": "name" if name == "Name" else "",
            "description": COLUMN_HELP.get(name, name),
            "priority": 1 if name in layout.wide else 0,
        }
        for name in layout.names
    ]


def _row_object(resource: Resource, entry: Entry, include: str) -> Json | None:
    if include == "None":
        return None
    if include == "Object":
        return {"kind": resource.kind, "apiVersion": resource.api_version(), **entry.obj}
    head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {**head, "metadata": entry.obj["metadata"]}


def table(
    resource: Resource, entries: Iterable[Entry], metadata: Json, include: str, *, headed: bool = True
) -> Json:
    """Lay the objects out; `include` is None, Metadata or Object, as `includeObject` of the query has it."""
    layout = _LAYOUTS.get(resource.plural, _PLAIN)
    now = datetime.now(UTC)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": _columns(layout) if headed else None,
        "rows": [
            {"cells": layout.row(entry.obj, now), "object": _row_object(resource, entry, include)}
            for entry in entries
        ],
    }
