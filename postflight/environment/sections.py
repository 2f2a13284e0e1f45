"""Which parts of an environment map names to subjects."""

from __future__ import annotations

from typing import get_args

from pydantic.fields import FieldInfo

from postflight.environment.declaration import Subject
from postflight.environment.model import Environment


def section_names() -> frozenset[str]:
    """Return the names of the sections: the keys of an environment that hold named entries."""
    return frozenset(name for name, field in Environment.model_fields.items() if _holds_subjects(field))


def _holds_subjects(field: FieldInfo) -> bool:
    match get_args(field.annotation):
        case (_, type() as entry):
            return issubclass(entry, Subject)
        case _:
            return False
