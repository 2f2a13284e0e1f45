"""What the API server asks of the kubelets, in the API server's own terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.kube_api.server import ExecResult

if TYPE_CHECKING:
    from sandbox.controllers.kubelet import Kubelet


@dataclass(frozen=True)
class KubeletApi:
    """Exec and logs of every pod."""

    kubelet: Kubelet

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,  # noqa: ARG002  every pod here has one
        command: tuple[str, ...],
        stdin: bytes,
    ) -> ExecResult:
        """Run a command in a running container."""
        return ExecResult(*await self.kubelet.execute(namespace, pod, command, stdin))

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,  # noqa: ARG002  every pod here has one
        previous: bool,
        tail_lines: int | None,
    ) -> str | None:
        """Give the log text, or None when there is none."""
        lines = self.kubelet.log(namespace, pod, previous=previous)
        if lines is None:
            return None
        chosen = lines if tail_lines is None else lines[max(len(lines) - tail_lines, 0) :]
        return "".join(f"{line}\n" for line in chosen)
