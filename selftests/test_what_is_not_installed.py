"""What a run says where packages of its groups are not installed: which, and how to install them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from postflight.bring_up import BringUpError, bring_up
from postflight.environment import BringUp
from selftests.proofs.harness import ROOT

# Python reads this before anything else: a finder that stands before all others and finds no such package.
_WITHOUT = """\
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.split(".")[0] in ABSENT else super().find_spec(name, path, target)


sys.meta_path[:] = [Without if one is PathFinder else one for one in sys.meta_path]
"""


def without(folder: Path, *packages: str) -> dict[str, str]:
    """Return the variables of a process in which packages are not installed."""
    text = f"ABSENT = {packages!r}\n{_WITHOUT}"
    (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}


def test_a_sandbox_without_its_packages_says_how_to_install_them(tmp_path: Path) -> None:
    """`pip install -e .` does not bring them, and the sandbox is the first thing that people try."""
    words = [sys.executable, "-m", "sandbox", "up", "--run-dir", str(tmp_path / "run")]
    done = subprocess.run(
        words, cwd=ROOT, env=without(tmp_path, "aiohttp", "moto"), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "has no aiohttp, moto. `uv sync --group sandbox`, or" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_brings_an_environment_up_can_say_why_it_cannot(tmp_path: Path) -> None:
    """`Run it by hand to see why` is for those that say nothing."""
    said = """print('{"error": "the sandbox needs this."}')"""
    with pytest.raises(BringUpError, match="the sandbox needs this"):
        bring_up(BringUp(command=("python", "-c", said)), tmp_path)
    variables = without(tmp_path, "aiohttp")
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "up", "--attach", "--run-dir", str(tmp_path / "run")],
        cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.startswith('{"error": "the sandbox needs packages')
