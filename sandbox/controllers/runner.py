"""The life of one pod on its node: pull, configure, start, probe, and start again when it ends."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from sandbox.controllers import probing
from sandbox.controllers.conditions import moment, timestamp
from sandbox.controllers.environment import ConfigError, environment
from sandbox.controllers.images import ImageError, Images
from sandbox.controllers.pod_status import ContainerState, pod_status, waiting
from sandbox.controllers.workqueue import Controller

if TYPE_CHECKING:
    import aiohttp

    from sandbox.controllers.cluster import Cluster, Manifest
    from sandbox.controllers.probing import Answer
    from sandbox.controllers.runtime import Running, Runtime
    from sandbox.controllers.workqueue import WorkQueue

PERIOD: Final = 6.0  # seconds between two probes of a container that is well; what changes wakes it at once
SHORT_PERIOD: Final = 2.0
LIVENESS_FAILURES: Final = 3
LONGEST_BACK_OFF: Final = 4.0
SOURCE: Final = "kubelet"
CONTROLLER: Final = Controller(SOURCE, "FailedSync")


@dataclass(frozen=True)
class Node:
    """What every pod of the cluster is run with."""

    cluster: Cluster
    queue: WorkQueue
    images: Images
    runtime: Runtime
    session: aiohttp.ClientSession


class PodRunner:
    """Runs one pod until it is stopped. `answered` is the last round that it has looked at afresh."""

    def __init__(self, node: Node, pod: Manifest, address: str, host: str) -> None:
        self.pod = pod
        self.address = address
        self.answered = -1
        self.environment: dict[str, str] = {}
        self.container: Running | None = None
        self.previous: Running | None = None
        self._node = node
        self._host = host
        self._state = ContainerState()
        self._round = 0
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @property
    def spec(self) -> Manifest:
        """The pod's one container, as declared."""
        container: Manifest = self.pod["spec"]["containers"][0]
        return container

    @property
    def is_running(self) -> bool:
        """Whether the pod has a container that has not ended."""
        return self.container is not None and not self.container.exited.done()

    @property
    def owes_s(self) -> float:
        """For how long its container, which runs again, has yet to run to outlive its last run."""
        running = self._state.state.get("running")
        last = self._state.last.get("terminated")
        if running is None or last is None:
            return 0.0
        lasted = moment(last["finishedAt"]) - moment(last["startedAt"])
        return max((moment(running["startedAt"]) + lasted - datetime.now(UTC)).total_seconds(), 0.0)

    def look_again(self, number: int) -> None:
        """Begin a round: probe, or try to start, without waiting for the next turn."""
        self._round = number
        self._wake.set()

    async def stop(self) -> None:
        """End the pod and its container."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        if self.container is not None:
            await self.container.stop()

    async def _run(self) -> None:
        pause = 1.0
        with self._node.queue.attempt(CONTROLLER, self.pod):
            self._publish()
        while True:
            number = self._round
            began = asyncio.get_running_loop().time()
            with self._node.queue.attempt(CONTROLLER, self.pod):
                await self._attempt_and_clean_up()
            self.answered = max(self.answered, number)
            lasted = asyncio.get_running_loop().time() - began
            pause = 1.0 if lasted > 10 else min(pause * 2, LONGEST_BACK_OFF)
            await self._pause(pause if self._round == number else 0.0)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def _attempt_and_clean_up(self) -> None:
        try:
            await self._attempt()
        except Exception as error:
            if self.container is not None and self.is_running:
                await self.container.stop()
            self._tell(state=waiting("CreateContainerError", str(error)), ready=False)
            raise

    async def _attempt(self) -> None:
        image = self.spec["image"]
        try:
            digest = await self._node.images.pull(self._host, image, self.spec["imagePullPolicy"])
            self.environment = environment(self._node.cluster, self.pod, self.spec)
        except ImageError as error:
            self._event(
                "Failed", f'Failed to pull image "{image}": rpc error: code = {error.code} desc = {error}'
            )
            self._event("BackOff", f'Back-off pulling image "{image}"', normal=True)
            self._tell(state=waiting("ImagePullBackOff", f'Back-off pulling image "{image}": {error}'))
            return
        except ConfigError as error:
            self._event("Failed", f"Error: {error}")
            self._tell(state=waiting("CreateContainerConfigError", str(error)))
            return
        self._event("Pulled", f'Successfully pulled image "{image}"', normal=True)
        await self._live(digest)

    async def _live(self, digest: str) -> None:
        started = timestamp()
        container_id = f"containerd://{secrets.token_hex(32)}"
        container = await self._node.runtime.start(self.pod, self.spec, self.environment)
        self.previous, self.container = self.container, container
        if not container.exited.done():
            running = {"running": {"startedAt": started}}
            self._tell(state=running, image_id=digest, container_id=container_id)
            self._event("Started", f"Started container {self.spec['name']}", normal=True)
            self._node.queue.succeed(CONTROLLER, self.pod)
            await self._watch(container)
        code = await container.exited
        self._ended(code, started, digest, container_id)

    def _ended(self, code: int, started: str, digest: str, container_id: str) -> None:
        ended = {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "startedAt": started,
            "finishedAt": timestamp(),
            "containerID": container_id,
        }
        namespace, name = self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]
        place = f"{name}_{namespace}({self.pod['metadata']['uid']})"
        message = f"back-off 10s restarting failed container={self.spec['name']} pod={place}"
        self._event("BackOff", f"Back-off restarting failed container {self.spec['name']} in pod {place}")
        self._tell(
            state=waiting("CrashLoopBackOff", message),
            last={"terminated": ended},
            ready=False,
            restarts=self._state.restarts + 1,
            image_id=digest,
        )

    async def _watch(self, container: Running) -> None:
        """Probe until the container ends; a liveness probe that keeps failing ends it."""
        failures = 0
        while not container.exited.done():
            number = self._round
            answer = await self._probe("readinessProbe", container)
            if answer is not None and not answer.healthy and not container.exited.done():
                # One lost answer is no verdict; the real kubelet waits for three.
                await asyncio.sleep(0.1)
                answer = await self._probe("readinessProbe", container)
            if container.exited.done():
                return
            is_ready = self._judge_readiness(answer)
            failures = 0 if await self._is_alive(container) else failures + 1
            self.answered = max(self.answered, number)
            if failures >= LIVENESS_FAILURES:
                self._event(
                    "Killing", f"Container {self.spec['name']} failed liveness probe, will be restarted"
                )
                await container.stop()
                return
            period = PERIOD if is_ready and not failures else SHORT_PERIOD
            await self._pause_or_end(container, period if self._round == number else 0.0)

    async def _is_alive(self, container: Running) -> bool:
        answer = await self._probe("livenessProbe", container)
        if answer is None or answer.healthy:
            return True
        self._event("Unhealthy", f"Liveness probe failed: {_words(answer)}")
        return False

    def _judge_readiness(self, answer: Answer | None) -> bool:
        if answer is not None and not answer.healthy:
            self._event("Unhealthy", f"Readiness probe failed: {_words(answer)}")
        is_ready = answer is None or answer.healthy
        self._tell(ready=is_ready)
        return is_ready

    async def _pause_or_end(self, container: Running, seconds: float) -> None:
        wake = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((wake, container.exited), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
        self._wake.clear()

    async def _probe(self, kind: str, container: Running) -> Answer | None:
        get = self.spec.get(kind, {}).get("httpGet")
        if get is None:
            return None
        declared = {port["containerPort"] for port in self.spec.get("ports", ())}
        named = {port.get("name"): port["containerPort"] for port in self.spec.get("ports", ())}
        port = named.get(get["port"], get["port"])
        address = container.address if port in declared else None
        return await probing.ask(
            self._node.session, address, get.get("path", "/"), {"User-Agent": "kube-probe/1.32"}
        )

    def _tell(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # fields of ContainerState
        self._publish()

    def _publish(self) -> None:
        current = self._node.cluster.current(self.pod)
        if current is not None:
            status = pod_status(current, self._state, self.address, self._host)
            self._node.cluster.set_status(current, status)

    def _event(self, reason: str, message: str, *, normal: bool = False) -> None:
        kind: Literal["Normal", "Warning"] = "Normal" if normal else "Warning"
        self._node.cluster.event(self.pod, reason, message, kind=kind, source=SOURCE)


def _words(answer: Answer) -> str:
    if answer.status is not None:
        return f"HTTP probe failed with statuscode: {answer.status}"
    return f"Get: {answer.trouble}"
