"""A probe that breaks while it holds a secret."""

from __future__ import annotations


def look(value: str) -> int:
    """Read a number that is none."""
    read = {"password": value}
    if not read["password"].isdigit():
        raise ValueError("what was read is no number")
    return int(read["password"])
