"""Runs the `postflight` command as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from selftests.proofs.harness import ROOT, Sandbox


def postflight(
    *words: str, variables: Mapping[str, str] | None = None, folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`; `variables` are all that it gets, or those of this process."""
    return subprocess.run(
        [sys.executable, "-m", "postflight", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), **(os.environ if variables is None else variables)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def init(
    sandbox: Sandbox, file: Path, *words: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `postflight init` over a sandbox, told how names and certificates are looked up there."""
    told = sandbox.variables
    return postflight(
        "init", "--name", "found", "--output", str(file), "--context", "sandbox",
        "--resolver", told["SANDBOX_DNS"], "--authoritative", told["SANDBOX_NAME_SERVER"],
        "--ca", told["SANDBOX_CA"], "--database-ca", told["SANDBOX_RDS_CA"],
        "--cache-ca", told["SANDBOX_RDS_CA"], "--https-port", told["SANDBOX_HTTPS_PORT"], *words,
        variables={**sandbox.process_environment, **(variables or {})},
    )  # fmt: skip


def paragraph(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a failed command complained of, and hold it to the form of every complaint."""
    said = done.stderr.strip()
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + said
    assert "\n" not in said, "a complaint is one paragraph"
    assert said.startswith("postflight: ")
    return said
