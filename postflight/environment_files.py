"""Finds the file of an environment by name, without its model: a slip of the pen is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class EnvironmentFileError(Exception):
    """What is wrong with an environment file, where, and what to do: one paragraph for each mistake."""

    def __init__(self, *mistakes: str) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes

    def __str__(self) -> str:
        """Return the first mistake, and how many others there are."""
        first, *others = self.mistakes
        if not others:
            return first
        return f"{first} ({len(others)} more after this one; `postflight check-environment` tells all.)"


def available(folder: Path) -> tuple[str, ...]:
    """Names of the environments in `folder`; shared bases and waivers are not environments."""
    names = (file.name.removesuffix(".yaml") for file in sorted(folder.glob("*.yaml")))
    return tuple(name for name in names if "." not in name)


def find(name_or_path: str, folder: Path, asked_by: str = "--env ") -> Path:
    """Return the file of an environment; `asked_by` is what stood before it. Raises EnvironmentFileError."""
    path = Path(name_or_path)
    names = available(folder)
    if not names and not path.is_file():
        raise EnvironmentFileError(
            f"{asked_by}{name_or_path}: there are no environments in {folder}. Run this in a checkout of "
            "Postflight, or write one (`postflight init`)."
        )
    is_path = path.suffix in {".yaml", ".yml"} or path.parent != Path()
    if is_path and path.is_file():
        return path
    if not is_path and name_or_path in names:
        return folder / f"{name_or_path}.yaml"
    file = path if is_path else folder / f"{name_or_path}.yaml"
    reason = f"{file} is a base of environments, not one" if file.is_file() else f"there is no file {file}"
    raise EnvironmentFileError(
        f"{asked_by}{name_or_path}: {reason}.{nearest(path.stem, names)} "
        f"Environments in {folder}: {', '.join(names) or 'none'}."
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean …?` for the known word that begins so, or else is most like it; or nothing."""
    names = list(known)
    begun = [one for one in names if word and one.startswith(word)]
    close = begun or difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f" Did you mean `{close[0]}`?" if close else ""
