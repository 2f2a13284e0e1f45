"""The kubelets of all nodes: keep one runner for each pod that has been put on a node."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox import names
from sandbox.controllers import pods as pod_state
from sandbox.controllers.runner import CONTROLLER, Node, PodRunner
from sandbox.controllers.workqueue import ReconcileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.controllers.cluster import Manifest


class Kubelet:
    """Starts and stops pods; answers exec, logs and "where does this pod's port really listen"."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._runners: dict[str, PodRunner] = {}
        self._round = 0
        self._stopping: set[asyncio.Task[None]] = set()

    def reconcile(self) -> None:
        """Start runners for new pods, and stop those whose pod is gone."""
        wanted = {
            pod["metadata"]["uid"]: pod
            for pod in self._node.cluster.all("pods")
            if pod["spec"].get("nodeName")
            and not (pod_state.is_finished(pod) or pod_state.is_terminating(pod))
        }
        for uid in [uid for uid in self._runners if uid not in wanted]:
            stopping = asyncio.create_task(self._runners.pop(uid).stop())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
        queue = self._node.queue
        for pod in queue.due(CONTROLLER, wanted.values()):
            uid = pod["metadata"]["uid"]
            if uid not in self._runners:
                with queue.attempt(CONTROLLER, pod):
                    self._runners[uid] = self._start(pod)

    def look_again(self, *, everything: bool) -> None:
        """Begin a round: probe every pod at once; with `everything`, also try those again that failed."""
        self._round += 1
        for runner in self._runners.values():
            if everything or runner.is_running or runner.answered < 0:
                runner.look_again(self._round)
            else:
                runner.answered = self._round

    def settled(self) -> bool:
        """Whether every pod has been looked at since the last round began, and none is still stopping."""
        return not self._stopping and all(runner.answered >= self._round for runner in self._runners.values())

    def owes_s(self) -> float:
        """For how long containers have yet to run until each has outlived its last run."""
        return max((runner.owes_s for runner in self._runners.values()), default=0.0)

    async def stop(self) -> None:
        """End every pod."""
        runners = list(self._runners.values())
        self._runners.clear()
        await asyncio.gather(*(runner.stop() for runner in runners), *self._stopping)

    def locate(self, address: str, port: int) -> tuple[str, int] | None:
        """Find where a pod's address and port really listen."""
        for runner in self._runners.values():
            if runner.address == address:
                declared = [item["containerPort"] for item in runner.spec.get("ports", ())]
                running = runner.container
                alive = running is not None and not running.exited.done()
                return running.address if alive and running is not None and port in declared else None
        return None

    def runner(self, namespace: str, name: str) -> PodRunner | None:
        """Find a pod's runner by name."""
        for runner in self._runners.values():
            if pod_state.key(runner.pod) == (namespace, name):
                return runner
        return None

    async def execute(
        self, namespace: str, name: str, command: Sequence[str], stdin: bytes
    ) -> tuple[bytes, bytes, int]:
        """Run a command in a pod's container."""
        runner = self.runner(namespace, name)
        if runner is None or runner.container is None or runner.container.exited.done():
            return b"", b"container not found\n", 1
        return await self._node.runtime.execute(
            runner.pod, runner.container, runner.environment, command, stdin
        )

    def log(self, namespace: str, name: str, *, previous: bool) -> list[str] | None:
        """Give the lines of a pod's container, or of the one before it; None when there is none."""
        runner = self.runner(namespace, name)
        if runner is None:
            return None
        chosen = runner.container
        if previous and chosen is not None and not chosen.exited.done():
            chosen = runner.previous
        return None if chosen is None else list(chosen.lines)

    def _start(self, pod: Manifest) -> PodRunner:
        name = pod["spec"]["nodeName"]
        node = next((item for item in names.NODES if item.name == name), None)
        if node is None:
            raise ReconcileError(f'no kubelet runs on node "{name}"')
        taken = {runner.address for runner in self._runners.values()}
        free = (f"{node.pods}.{number}" for number in range(20, 255))
        address = next((candidate for candidate in free if candidate not in taken), None)
        if address is None:
            raise ReconcileError(f'node "{name}" has no free address for another pod')
        runner = PodRunner(self._node, pod, address, node.address)
        runner.look_again(self._round)
        return runner
