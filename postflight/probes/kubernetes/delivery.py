"""What was delivered: Argo CD Applications and Jobs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.deployments import Condition, condition
from postflight.probes.kubernetes.reading import entries, mapping, moment, number, text
from postflight.probes.kubernetes.refusals import Absent
from postflight.probes.reads import reads


class Application(Evidence):
    """An Argo CD Application, or the absence of one.

    `unhealthy` and `out_of_sync` name its resources (`Deployment saleor-api`). `operation_age_s`: seconds
    since an operation that is still running began.
    """

    namespace: str
    name: str
    found: bool = True
    sync: str = ""
    health: str = ""
    destination: str = ""
    revision: str = ""
    unhealthy: tuple[str, ...] = ()
    out_of_sync: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    operation_phase: str = ""
    operation_message: str = ""
    operation_began: dt.datetime | None = None
    operation_age_s: float | None = None

    @property
    def title(self) -> str:
        """`Application argocd/kyeol-sandbox`."""
        return f"Application {self.namespace}/{self.name}"


class Applications(Evidence):
    """The Applications of one namespace; `installed` is false where Argo CD's kinds are not served."""

    namespace: str
    installed: bool
    items: tuple[Application, ...]

    def named(self, name: str) -> Application:
        """Return one of them, or its absence."""
        absent = Application(namespace=self.namespace, name=name, found=False)
        return next((item for item in self.items if item.name == name), absent)


class Job(Evidence):
    """A Job, or the absence of one."""

    namespace: str
    name: str
    found: bool = True
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    conditions: tuple[Condition, ...] = ()
    selector: dict[str, str] = Field(default_factory=dict)

    @property
    def title(self) -> str:
        """`Job doa-market-prod/create-databases`."""
        return f"Job {self.namespace}/{self.name}"

    @property
    def is_complete(self) -> bool:
        """Whether it has run to its end."""
        return any(item.type == "Complete" and item.status == "True" for item in self.conditions)

    @property
    def failure(self) -> str:
        """Why it has failed for good, in its own words; empty where it has not."""
        failed = (item for item in self.conditions if item.type == "Failed" and item.status == "True")
        return next((f"{item.reason}: {item.message}" for item in failed), "")


class Jobs(Evidence):
    """The Jobs of one namespace."""

    namespace: str
    items: tuple[Job, ...]

    def named(self, name: str) -> Job:
        """Return one of them, or its absence."""
        absent = Job(namespace=self.namespace, name=name, found=False)
        return next((item for item in self.items if item.name == name), absent)


@reads("list applications.argoproj.io")
def applications(connections: Connections, namespace: str) -> Applications:
    """List a namespace's Argo CD Applications."""
    resource = Resource("applications", "argoproj.io/v1alpha1")
    try:
        listed = list(connections.kubernetes.list(resource, namespace, may_be_absent=True))
    except Absent:
        return Applications(namespace=namespace, installed=False, items=())
    now = dt.datetime.now(dt.UTC)
    items = tuple(_application(item, namespace, now) for item in listed)
    return Applications(namespace=namespace, installed=True, items=items)


@reads("list jobs.batch")
def jobs(connections: Connections, namespace: str) -> Jobs:
    """List a namespace's Jobs."""
    listed = connections.kubernetes.list(Resource("jobs", "batch/v1"), namespace)
    return Jobs(namespace=namespace, items=tuple(_job(item, namespace) for item in listed))


def _application(item: Mapping[str, Any], namespace: str, now: dt.datetime) -> Application:
    status = mapping(item, "status")
    resources = list(entries(status, "resources"))
    phase = text(status, "operationState", "phase")
    began = moment(status, "operationState", "startedAt")
    runs = phase in {"Running", "Terminating"}
    return Application(
        namespace=namespace,
        name=text(item, "metadata", "name"),
        sync=text(status, "sync", "status"),
        health=text(status, "health", "status"),
        destination=text(item, "spec", "destination", "namespace"),
        revision=text(status, "sync", "revision"),
        unhealthy=tuple(
            f"{_titled(each)} ({text(each, 'health', 'status')})"
            for each in resources
            if text(each, "health", "status") not in {"", "Healthy"}
        ),
        out_of_sync=tuple(_titled(each) for each in resources if text(each, "status") == "OutOfSync"),
        complaints=tuple(text(each, "message")[:300] for each in entries(status, "conditions")),
        operation_phase=phase,
        operation_message=text(status, "operationState", "message")[:300],
        operation_began=began,
        operation_age_s=(now - began).total_seconds() if runs and began else None,
    )


def _titled(resource: Mapping[str, Any]) -> str:
    return f"{text(resource, 'kind')} {text(resource, 'name')}"


def _job(item: Mapping[str, Any], namespace: str) -> Job:
    name = text(item, "metadata", "name")
    return Job(
        namespace=namespace,
        name=name,
        active=number(item, "status", "active"),
        succeeded=number(item, "status", "succeeded"),
        failed=number(item, "status", "failed"),
        conditions=tuple(condition(each) for each in entries(item, "status", "conditions")),
        selector={"job-name": name},
    )
