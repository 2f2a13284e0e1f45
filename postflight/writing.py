"""Files that are written whole or not at all, and JSON as people read it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path


def write_whole(file: Path, pieces: Iterable[str]) -> None:
    """Write a text that is made piece by piece, whole or not at all.

    Other processes read it, or write it at the same moment; and the disk may be full.
    """
    temporary = file.with_name(f".{file.name}.{threading.get_native_id()}")
    try:
        with temporary.open("w", encoding="utf-8") as written:
            written.writelines(pieces)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(file: Path, value: object) -> None:
    """Write JSON for people and scripts, whole or not at all: indented, Korean left readable."""
    write_whole(file, (as_json(value), "\n"))


def as_line(value: object) -> str:
    """Return JSON on one line, which is made many times faster."""
    return json.dumps(value, ensure_ascii=False)


def as_json(value: object) -> str:
    """Return JSON as people read it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
