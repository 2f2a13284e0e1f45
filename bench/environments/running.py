"""Brings a pretend environment up, and runs the suite over it as anybody would: as a process."""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environments.declared import environment_text
from bench.environments.size import CONTEXT, Size

ROOT = Path(__file__).parent.parent.parent
NAME = "grown"


@dataclass(frozen=True)
class Place:
    """A pretend environment that is up: its file, its folder, and what a run must find in its shell."""

    folder: Path
    file: Path
    variables: Mapping[str, str]
    server: int


@dataclass(frozen=True)
class Ran:
    """One run of the suite: its exit status, what it took, what it printed, and what it left behind."""

    status: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    output: str
    run: Path | None

    @property
    def results(self) -> dict[str, Any]:
        """The run's `results.json`."""
        assert self.run is not None, self.output[-2000:]  # noqa: S101 - without one there is nothing to measure
        found: dict[str, Any] = json.loads((self.run / "results.json").read_text(encoding="utf-8"))
        return found


@contextmanager
def place(folder: Path, size: Size, latency_s: float = 0.0) -> Iterator[Place]:
    """Bring an environment up for as long as the block lasts; `folder` is made for it."""
    folder.mkdir(parents=True)
    words = [sys.executable, "-m", "bench.environments.server", "--services", str(size.services)]
    words += ["--replicas", str(size.replicas), "--trouble", size.trouble, "--latency", str(latency_s)]
    words += ["--images"] if size.has_images else []
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None  # noqa: S101 - for the type checker
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            told = json.loads(process.stdout.readline())
            yield _place(folder, size, told, process.pid)
        finally:
            process.stdin.close()
            process.wait(20)


def _place(folder: Path, size: Size, told: Mapping[str, Any], server: int) -> Place:
    file = folder / f"{NAME}.yaml"
    file.write_text(environment_text(size, told["app_port"], told["dns_port"]), encoding="utf-8")
    cluster = {
        "server": told["kubernetes"],
        "certificate-authority-data": base64.b64encode(told["ca"].encode()).decode(),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": "bench", "user": {"token": told["token"]}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": "bench"}}],
    }
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(content), encoding="utf-8")
    kubeconfig.chmod(0o600)
    return Place(folder, file, {"KUBECONFIG": str(kubeconfig), "AWS_ENDPOINT_URL": told["aws"]}, server)


def shell(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process that sees nothing of this machine's accounts."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    secrets = {"AWS_ACCESS_KEY_ID": "AKIABENCH", "AWS_SECRET_ACCESS_KEY": "of-nobody"}
    return {**kept, **secrets, "AWS_EC2_METADATA_DISABLED": "true", "COLUMNS": "120", **given}


def suite(where: Place, *words: str) -> Ran:
    """Run the suite, from inside the cluster's network, and take its measure."""
    reports = where.folder / "reports"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--no-header"]
    command += [f"--env={where.file}", "--vantage=inside", f"--reports={reports}", *words]
    return measured(command, shell(where.variables), reports / "latest")


def measured(command: list[str], variables: Mapping[str, str], latest: Path) -> Ran:
    """Run a command to its end; its own CPU and peak memory are the kernel's figures."""
    latest.unlink(missing_ok=True)
    log = latest.parent.parent / "output.txt"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(variables), stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(
        status=process.returncode,
        wall_s=time.monotonic() - began,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=used.ru_maxrss / 1024,
        output=log.read_text(encoding="utf-8", errors="replace"),
        run=latest.resolve() if latest.is_symlink() else None,
    )
