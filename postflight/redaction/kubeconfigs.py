"""Finds and reads kubeconfig files, for what uses them and for what withholds their secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


class UnreadableError(Exception):
    """A kubeconfig file cannot be read; the text goes on after its name."""


def named_by(process: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the files that KUBECONFIG names, whether they are there or not."""
    names = (name for name in process.get("KUBECONFIG", "").split(os.pathsep) if name)
    return tuple(dict.fromkeys(map(expanded, names)))


def default_of(process: Mapping[str, str]) -> Path:
    """Return the file that is read where KUBECONFIG names none."""
    return expanded(process.get("HOME", "~")) / ".kube" / "config"


def expanded(name: str) -> Path:
    """Return a path with its user's home; where there is no such user, as it is written."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def read(file: Path) -> object:
    """Return what a file holds, in the encoding that YAML finds itself. Raises UnreadableError."""
    import yaml

    try:
        # libyaml is faster, and a deep nesting crashes the process in it.
        return yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror})") from None
    # PyYAML lets out what Python says of a day 45, of an empty number or of a nesting without end.
    except (
        yaml.YAMLError, ValueError, RuntimeError, LookupError, AttributeError, ArithmeticError,
    ) as error:  # fmt: skip
        raise UnreadableError(f"is not YAML ({type(error).__name__})") from None


def is_there(file: Path) -> bool:
    """Whether a file is there, or cannot be looked for: reading it says why."""
    try:
        return file.exists()
    except OSError:
        return True
