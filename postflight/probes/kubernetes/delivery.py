"""What was delivered: Argo CD Applications and Jobs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final

from pydantic import Field

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.answers import Absent
from postflight.probes.kubernetes.client import Resource
from postflight.probes.kubernetes.deployments import Condition, condition
from postflight.probes.kubernetes.reading import by_name, entries, mapping, moment, number, text
from postflight.probes.reads import reads

_SHOWN: Final = 300
_FAILED_PHASES: Final = frozenset({"Failed", "Error"})
# While the last pods of a failed Job are ended it has the second condition only (Kubernetes 1.31).
_FAILED_CONDITIONS: Final = frozenset({"Failed", "FailureTarget"})


class Application(Evidence):
    """An Argo CD Application, or the absence of one.

    `unhealthy` and `out_of_sync` name its resources (`Deployment saleor-api`). `operation_age_s`: seconds
    since an operation that is still running began. `gave_up`: Argo CD says that it will not sync by itself.
    `compared`: when Argo CD last held it against Git, `status_age_s` seconds ago, whether or not that
    changed anything; None: never.
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
    gave_up: bool = False
    compared: dt.datetime | None = None
    status_age_s: float | None = None

    def is_older_than(self, limit_s: float | None) -> bool:
        """Whether what its status says is older than that; never, without a limit."""
        if limit_s is None:
            return False
        return self.status_age_s is None or self.status_age_s > limit_s

    @property
    def last_compared(self) -> str:
        """`at 2026-11-27 02:33:00 UTC`."""
        return f"at {self.compared:%Y-%m-%d %H:%M:%S} UTC" if self.compared else "never"

    @property
    def title(self) -> str:
        """`Application argocd/kyeol-sandbox`."""
        return f"Application {self.namespace}/{self.name}"

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: Argo CD tries a revision whose sync has failed no second time."""
        return self.gave_up and self.operation_phase in _FAILED_PHASES


class Applications(Evidence):
    """The Applications of one namespace; `installed` is false where Argo CD's kinds are not served."""

    namespace: str
    installed: bool
    items: tuple[Application, ...]

    @cached_property
    def _by_name(self) -> dict[str, Application]:
        return by_name(self.items)

    def named(self, name: str) -> Application:
        """Return one of them, or its absence."""
        absent = Application(namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


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
        """Why it has failed for good, in its own words; empty where it has not, or is still retrying."""
        failed = (
            item for item in self.conditions if item.type in _FAILED_CONDITIONS and item.status == "True"
        )
        return next((f"{item.reason}: {item.message}" for item in failed), "")

    @property
    def is_doomed(self) -> bool:
        """Whether waiting is in vain: a Job that has failed for good is deleted and applied again."""
        return bool(self.failure)


class Jobs(Evidence):
    """The Jobs of one namespace."""

    namespace: str
    items: tuple[Job, ...]

    @cached_property
    def _by_name(self) -> dict[str, Job]:
        return by_name(self.items)

    def named(self, name: str) -> Job:
        """Return one of them, or its absence."""
        absent = Job(namespace=self.namespace, name=name, found=False)
        return self._by_name.get(name, absent)


@reads("list applications.argoproj.io")
def applications(connections: Connections, namespace: str) -> Applications:
    """List a namespace's Argo CD Applications."""
    resource = Resource("applications", "argoproj.io/v1alpha1")
    try:
        listed = list(connections.kubernetes.list(resource, namespace, may_be_absent=True))
    except Absent:
        return Applications(namespace=namespace, installed=False, items=())
    now = dt.datetime.now(dt.UTC)
    items = tuple(_application(item, namespace, now, connections.secrets.short) for item in listed)
    return Applications(namespace=namespace, installed=True, items=items)


@reads("list jobs.batch")
def jobs(connections: Connections, namespace: str) -> Jobs:
    """List a namespace's Jobs."""
    listed = connections.kubernetes.list(Resource("jobs", "batch/v1"), namespace)
    return Jobs(namespace=namespace, items=tuple(_job(item, namespace) for item in listed))


def _application(
    item: Mapping[str, Any], namespace: str, now: dt.datetime, short: Callable[[str, int], str]
) -> Application:
    status = mapping(item, "status")
    resources = list(entries(status, "resources"))
    phase = text(status, "operationState", "phase")
    began = moment(status, "operationState", "startedAt")
    compared = moment(status, "reconciledAt")
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
        complaints=tuple(short(text(each, "message"), _SHOWN) for each in entries(status, "conditions")),
        operation_phase=phase,
        operation_message=short(text(status, "operationState", "message"), _SHOWN),
        operation_began=began,
        operation_age_s=(now - began).total_seconds() if runs and began else None,
        gave_up=any(text(each, "type") == "SyncError" for each in entries(status, "conditions")),
        compared=compared,
        status_age_s=(now - compared).total_seconds() if compared else None,
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
