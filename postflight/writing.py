"""The one way to write a file: redacted, and whole or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Final, NewType

from pydantic_core import to_json

from postflight.redaction import redacted

Redact = Callable[[str], str]

# Text that has been through the redaction: the type checker refuses to write any other.
Clean = NewType("Clean", str)

_TOGETHER: Final = 256
# What scripts, waivers and later runs find a thing by; they are the environment's own names.
_IDENTITIES: Final = (frozenset({"id", "check", "subject"}), frozenset({"bucket", "key"}))
LINE_END: Final = Clean("\n")


def write_whole(file: Path, pieces: Iterable[Clean]) -> None:
    """Write redacted text that is made piece by piece, whole or not at all.

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


def write_text(file: Path, pieces: Iterable[str], redact: Redact) -> None:
    """Write a text, redacted piece by piece."""
    write_whole(file, (Clean(redact(piece)) for piece in pieces))


def write_json(file: Path, value: object, redact: Redact, indent: int = 2) -> None:
    """Write JSON for people and scripts, redacted value by value: indented, Korean left readable."""
    # json's own encoder is slow as soon as it indents, and this is done for every answer.
    told = _without_secrets([value], redact)[0]
    write_whole(file, (Clean(to_json(told, indent=indent).decode()), LINE_END))


def append_text(file: Path, text: Clean) -> None:
    """Append redacted text to a file of another program."""
    with file.open("a", encoding="utf-8") as written:
        written.write(text)


def redact_file(file: Path, redact: Redact) -> None:
    """Redact a file that another program has written; one that is no text is left as it is."""
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError:
        return
    clean = redact(text)
    if clean != text:
        write_whole(file, [Clean(clean)])


def as_line(value: object, redact: Redact) -> Clean:
    """Return JSON on one line, redacted, which is made many times faster."""
    return Clean(json.dumps(redacted(value, redact), ensure_ascii=False))


def as_lines(values: Iterable[object], redact: Redact) -> Iterator[Clean]:
    """Yield each value as JSON on one line, redacted but for its identity; their texts are much alike."""
    rest = iter(values)
    while together := list(islice(rest, _TOGETHER)):
        yield from (Clean(json.dumps(one, ensure_ascii=False)) for one in _without_secrets(together, redact))


def _without_secrets(values: list[object], redact: Redact) -> list[object]:
    """Return values redacted, but for what identifies them."""
    identities = [_identity(one) for one in values]
    clean = redacted([_without(*both) for both in zip(values, identities, strict=True)], redact)
    return [
        {name: same.get(name, one.get(name)) for name in value} if isinstance(value, dict) else one
        for value, one, same in zip(values, clean, identities, strict=True)
    ]


def _identity(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        return {}
    return {name: value[name] for names in _IDENTITIES if names <= value.keys() for name in names}


def _without(value: object, identity: Mapping[str, object]) -> object:
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name not in identity}


def as_json(value: object, redact: Redact) -> Clean:
    """Return JSON as people read it, redacted."""
    return Clean(json.dumps(redacted(value, redact), indent=2, ensure_ascii=False))
