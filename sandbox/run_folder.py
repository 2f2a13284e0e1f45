"""The run folder: where a running sandbox says where it is, for its own commands and for outsiders."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CONTROL_TIMEOUT: Final = 300.0


class ControlError(RuntimeError):
    """The running sandbox refused, or could not do, what it was asked."""


@dataclass(frozen=True)
class RunFolder:
    """The files of one sandbox. Only the user who started it may read them."""

    path: Path

    @property
    def state(self) -> Path:
        """Everything about the running sandbox, as JSON."""
        return self.path / "state.json"

    @property
    def kubeconfig(self) -> Path:
        """Two contexts: `sandbox` may read, `sandbox-admin` may do everything."""
        return self.path / "kubeconfig"

    @property
    def authority(self) -> Path:
        """The authority of the edge and of the Kubernetes API."""
        return self.path / "ca.pem"

    @property
    def stores_authority(self) -> Path:
        """The authority of databases and caches."""
        return self.path / "rds-ca.pem"

    @property
    def log(self) -> Path:
        """What the sandbox's own process writes."""
        return self.path / "world.log"

    def prepare(self) -> None:
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def write(self, path: Path, text: str) -> None:
        """Put a file in one step, readable by its owner alone."""
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        fresh.replace(path)

    def leave(self, process: int) -> None:
        """Remove what a process wrote here, unless another sandbox has taken its place."""
        try:
            owner = json.loads(self.state.read_text())["pid"]
        except (FileNotFoundError, json.JSONDecodeError):
            return
        if owner == process:
            self.clear()

    def clear(self) -> None:
        """Remove everything that says a sandbox runs here."""
        for path in (self.state, self.kubeconfig, self.authority, self.stores_authority):
            path.unlink(missing_ok=True)

    def wait_for_end(self, process: int, patience: float = 10.0) -> None:
        """Return when a process is gone; TimeoutError when it does not go."""
        deadline = time.monotonic() + patience
        while _is_alive(process):
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {process} does not end")
            time.sleep(0.05)

    def read(self) -> dict[str, Any] | None:
        """Give the state of the sandbox that runs here, or None when none answers."""
        try:
            state: dict[str, Any] = json.loads(self.state.read_text())
            call(state, "ping", timeout=5.0)
        except (FileNotFoundError, json.JSONDecodeError, OSError):
            return None
        return state


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def call(state: dict[str, Any], action: str, timeout: float = CONTROL_TIMEOUT, **arguments: Any) -> Any:
    """Ask the running sandbox to do something; ControlError when it could not, OSError when it is gone."""
    control = state["control"]
    request = urllib.request.Request(  # noqa: S310  a loopback address of our own making
        f"{control['url']}/{action}",
        json.dumps(arguments).encode(),
        {"Authorization": f"Bearer {control['token']}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise ControlError(error.read().decode()) from error
