"""Pods of a namespace, cut to what checks need, and the last words of their containers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final, Literal
from urllib.parse import urlencode

from postflight.evidence import Evidence
from postflight.probes.connections import Connections
from postflight.probes.kubernetes.client import Call, Resource
from postflight.probes.kubernetes.reading import entries, mapping, moment, number, text
from postflight.probes.reads import reads

_PULL_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
     "RegistryUnavailable", "SignatureValidationFailed"}
)  # fmt: skip
_STEADY_AFTER_S: Final = 600.0
_RESTARTING: Final = 2
_LAST_WORDS: Final = 3


class ContainerState(Evidence):
    """One container of a pod, as its node reports it. Times are UTC.

    `image` is what the pod asks for: a node may report another name of the same content, or a bare digest.
    """

    name: str
    image: str
    image_id: str = ""
    ready: bool = False
    restarts: int = 0
    state: Literal["waiting", "running", "terminated"] = "waiting"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    running_since: dt.datetime | None = None
    last_reason: str = ""
    last_exit_code: int | None = None
    last_ended: dt.datetime | None = None
    last_run_s: float = 0.0
    # A native sidecar (an init container that is restarted always) runs beside the others, and is none.
    is_init: bool = False

    @property
    def cannot_pull(self) -> bool:
        """Whether its image is what it waits for."""
        return self.state == "waiting" and self.reason in _PULL_REASONS

    @property
    def trouble(self) -> str:
        """State, reason and message, for messages."""
        ended = f" with exit code {self.exit_code}" if self.exit_code is not None else ""
        said = f": {' '.join(self.message.split())}" if self.message else ""
        return f"{self.state}{ended} ({self.reason or 'no reason given'}{said})"

    @property
    def last_run(self) -> str:
        """How long its last run lasted, for messages."""
        ended = f", ended {self.last_ended:%Y-%m-%d %H:%M:%S} UTC" if self.last_ended else ""
        return f"of {self.last_run_s:g} s{ended}"

    @property
    def is_stuck(self) -> bool:
        """Whether it waits for anything else than its image, or has ended with an error."""
        if self.state == "terminated":
            return bool(self.exit_code)
        return self.state == "waiting" and not self.cannot_pull


class Pod(Evidence):
    """A pod that is not being deleted."""

    name: str
    labels: dict[str, str]
    phase: str
    node: str
    owner: str
    ready: bool
    scheduled: bool
    scheduling_message: str
    containers: tuple[ContainerState, ...]

    @property
    def is_finished(self) -> bool:
        """Whether it has ended for good (a Job's pod, or one that was evicted)."""
        return self.phase in {"Succeeded", "Failed"}

    def carries(self, labels: Mapping[str, str]) -> bool:
        """Whether it has all of these labels."""
        return all(self.labels.get(key) == value for key, value in labels.items())


class Pods(Evidence):
    """The pods of a namespace, or some of them."""

    namespace: str
    looked_at: dt.datetime
    items: tuple[Pod, ...]

    @cached_property
    def _by_label(self) -> dict[tuple[str, str], list[Pod]]:
        found: dict[tuple[str, str], list[Pod]] = {}
        for pod in self.items:
            for label in pod.labels.items():
                found.setdefault(label, []).append(pod)
        return found

    def selected(self, labels: Mapping[str, str]) -> Pods:
        """Return those with all of these labels that have not ended; none for no labels."""
        having = (self._by_label.get(label, []) for label in labels.items())
        fewest = min(having, key=len, default=[])
        chosen = (pod for pod in fewest if pod.carries(labels) and not pod.is_finished)
        return Pods(namespace=self.namespace, looked_at=self.looked_at, items=tuple(chosen))

    @property
    def containers(self) -> Iterator[tuple[Pod, ContainerState]]:
        """Every container with its pod."""
        return ((pod, container) for pod in self.items for container in pod.containers)

    @property
    def unable_to_pull(self) -> tuple[tuple[Pod, ContainerState], ...]:
        """Containers whose image cannot be pulled."""
        return tuple(each for each in self.containers if each[1].cannot_pull)

    @property
    def stuck(self) -> tuple[tuple[Pod, ContainerState], ...]:
        """Containers that wait for something else than their image, or have crashed.

        Unless a sibling's image is what they all wait for.
        """
        return tuple(
            (pod, container)
            for pod, container in self.containers
            if pod.scheduled and container.is_stuck and not any(other.cannot_pull for other in pod.containers)
        )

    @property
    def troubled(self) -> tuple[tuple[Pod, ContainerState], ...]:
        """Containers that cannot start, whatever the reason."""
        return (*self.unable_to_pull, *self.stuck)

    @property
    def restarting(self) -> tuple[tuple[Pod, ContainerState], ...]:
        """Containers that restarted more than once and have not outlived their last run (10 minutes do)."""
        return tuple(each for each in self.containers if self._is_restarting(each[1]))

    @property
    def crashing(self) -> tuple[Pod, ContainerState] | None:
        """The first container whose log tells why it is in trouble, with its pod."""
        return next(iter((*self.stuck, *self.restarting)), None)

    @property
    def crashing_pod(self) -> str:
        """Name of its pod, for a command to be pasted: of all pods kubectl would choose one that is well."""
        return self.crashing[0].name if self.crashing else ""

    @property
    def crashing_container(self) -> str:
        """Its name, for a command to be pasted."""
        return self.crashing[1].name if self.crashing else ""

    @property
    def unready_pod(self) -> str:
        """Name of the first pod that takes no traffic, one that runs before others, to be pasted."""
        return next((pod.name for pod in (*self.running_but_unready, *self.items) if not pod.ready), "")

    @property
    def unscheduled(self) -> tuple[Pod, ...]:
        """Pods that no node takes."""
        return tuple(pod for pod in self.items if not pod.scheduled)

    @property
    def running_but_unready(self) -> tuple[Pod, ...]:
        """Pods whose containers all run, and that still take no traffic."""
        return tuple(
            pod
            for pod in self.items
            if not pod.ready
            and pod.containers
            and all(c.state == "running" or c.is_init for c in pod.containers)
        )

    def _is_restarting(self, container: ContainerState) -> bool:
        if container.restarts < _RESTARTING or container.is_init:
            return False
        if container.running_since is None:
            return True
        running_s = (self.looked_at - container.running_since).total_seconds()
        return running_s < min(container.last_run_s, _STEADY_AFTER_S)


class LastWords(Evidence):
    """The end of a container's log, with logins removed; empty where there is no log."""

    text: str


@reads("list pods")
def pods(connections: Connections, namespace: str) -> Pods:
    """List a namespace's pods."""
    listed = connections.kubernetes.list(Resource("pods"), namespace)
    return Pods(
        namespace=namespace,
        items=tuple(_pod(item) for item in listed if not text(item, "metadata", "deletionTimestamp")),
        looked_at=dt.datetime.now(dt.UTC),
    )


@reads("get pods/log")
def last_words(
    connections: Connections, namespace: str, pod: str, container: str, *, previous: bool
) -> LastWords:
    """Read the last lines of a container's log; with `previous`, of its last run."""
    asked = {"container": container, "tailLines": "20", "limitBytes": "8192"}
    query = urlencode({**asked, "previous": "true"} if previous else asked)
    path = f"{Resource('pods').path(namespace, pod, 'log')}?{query}"
    call = Call("get pods/log", f" in {namespace}", path)
    written = connections.kubernetes.text(call, 8192, absent=frozenset({400, 404})) or ""
    lines = [line.strip() for line in written.splitlines() if line.strip()][-_LAST_WORDS:]
    return LastWords(text=connections.secrets.end(" / ".join(lines), 400))


def _pod(item: Mapping[str, Any]) -> Pod:
    status = mapping(item, "status")
    conditions = {text(each, "type"): each for each in entries(status, "conditions")}
    placed = conditions.get("PodScheduled", {})
    return Pod(
        name=text(item, "metadata", "name"),
        labels={str(key): str(value) for key, value in mapping(item, "metadata", "labels").items()},
        phase=text(status, "phase"),
        node=text(item, "spec", "nodeName"),
        owner=next((text(owner, "name") for owner in entries(item, "metadata", "ownerReferences")), ""),
        ready=text(conditions.get("Ready"), "status") == "True",
        # Where no scheduler has looked at a pod, it has no condition either.
        scheduled=bool(text(item, "spec", "nodeName")),
        scheduling_message=text(placed, "message") or _unseen(item),
        containers=tuple(_states(item)),
    )


def _unseen(item: Mapping[str, Any]) -> str:
    scheduler = text(item, "spec", "schedulerName") or "default-scheduler"
    return f"its scheduler, {scheduler}, has not looked at it"


def _states(pod: Mapping[str, Any]) -> Iterator[ContainerState]:
    for declared, reported in (
        ("initContainers", "initContainerStatuses"),
        ("containers", "containerStatuses"),
    ):
        specs = {text(each, "name"): each for each in entries(pod, "spec", declared)}
        for item in entries(pod, "status", reported):
            spec = specs.get(text(item, "name"), {})
            # An init container that is always restarted is a sidecar, and runs as long as the pod.
            is_init = declared == "initContainers" and text(spec, "restartPolicy") != "Always"
            yield _state(item, text(spec, "image") or text(item, "image"), is_init=is_init)


def _state(item: Mapping[str, Any], image: str, *, is_init: bool) -> ContainerState:
    kind = next((key for key in ("running", "terminated") if key in mapping(item, "state")), "waiting")
    now = mapping(item, "state", kind)
    last = mapping(item, "lastState", "terminated")
    began, ended = moment(last, "startedAt"), moment(last, "finishedAt")
    return ContainerState.model_validate(
        {
            "name": text(item, "name"),
            "image": image,
            "image_id": text(item, "imageID"),
            "ready": bool(item.get("ready")),
            "restarts": number(item, "restartCount"),
            "state": kind,
            "reason": text(now, "reason"),
            "message": text(now, "message"),
            "exit_code": now.get("exitCode"),
            "running_since": moment(now, "startedAt") if kind == "running" else None,
            "last_reason": text(last, "reason"),
            "last_exit_code": last.get("exitCode"),
            "last_ended": ended,
            "last_run_s": (ended - began).total_seconds() if began and ended else 0.0,
            "is_init": is_init,
        }
    )
