"""Sandboxes to measure against: brought up with a latency, and taken down again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def state(folder: Path) -> Mapping[str, Any]:
    """Return what the sandbox of a run folder tells of itself."""
    told: Mapping[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return told


def running_variables() -> dict[str, str]:
    """Return what the running sandbox says that its clients should export."""
    folder = Path(os.environ.get("SANDBOX_RUN_DIR", ROOT / "sandbox" / "run"))
    return dict(state(folder)["variables"])


def environment(folder: Path) -> dict[str, str]:
    """Return the variables for processes that look at the sandbox of a run folder.

    Bytecode may be kept: it is on any machine from the second run on, and all peers have it.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **state(folder)["variables"], "SANDBOX_RUN_DIR": str(folder)}


@contextmanager
def sandbox(folder: Path, latency_ms: int) -> Iterator[dict[str, str]]:
    """Bring a sandbox up whose every answer takes so long; yield the variables to look at it."""
    chosen = ("--run-dir", str(folder))
    command = [sys.executable, "-m", "sandbox"]
    subprocess.run(
        [*command, "up", *chosen, "--latency", f"{latency_ms}ms"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield environment(folder)
    finally:
        subprocess.run([*command, "down", *chosen], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
