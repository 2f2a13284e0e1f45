"""Which parts of an environment map names to subjects."""

from __future__ import annotations

from functools import cache
from typing import get_args

from postflight.environment.declaration import Subject
from postflight.environment.model import Environment


@cache
def sections() -> dict[str, type[Subject]]:
    """Return the sections, the keys of an environment that hold named entries, and what the entries are."""
    found: dict[str, type[Subject]] = {}
    for name, field in Environment.model_fields.items():
        match get_args(field.annotation):
            case (_, type() as entry) if issubclass(entry, Subject):
                found[name] = entry
            case _:
                continue
    return found
