"""Text in columns: Korean and other wide characters take two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

ELLIPSIS = "…"

# What stands between backticks is copied as a whole, so it counts as one word.
_WORD = re.compile(r"(?P<spaces>\s*)(?P<word>(?:`[^`]+`|\S)+)")
_NO_COLUMN = {"Mn", "Me", "Cf"}


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def wrapped(text: str, width: int, indent: str = "") -> Iterator[str]:
    """Yield lines of at most `width` columns; those after the first are indented.

    Spaces within a line stay, so that columns do. A word that is too long for any line stays whole, so that
    an id or a path can be copied; so does what stands between backticks.
    """
    line = ""
    for found in _WORD.finditer(" ".join(text.splitlines())):
        joined = f"{line}{found['spaces']}{found['word']}"
        if line.strip() and columns(joined) > width:
            yield line
            joined = f"{indent}{found['word']}"
        line = joined
    yield line


def cut(text: str, width: int) -> str:
    """Return a text in at most `width` columns; what was cut off shows as an ellipsis."""
    if columns(text) <= width:
        return text
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > width - 1:
            return text[:position].rstrip() + ELLIPSIS
    return text


def padded(text: str, width: int) -> str:
    """Return a text filled up with spaces to `width` columns."""
    return text + " " * max(0, width - columns(text))


def listed(names: list[str], width: int) -> str:
    """Return names with commas between, as many as `width` columns hold, and how many more there are."""
    for shown in range(len(names), 1, -1):
        hidden = len(names) - shown
        text = ", ".join(names[:shown]) + (f" and {hidden} more" if hidden else "")
        if columns(text) <= width:
            return text
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (cut(names[0], max(width - len(more), 8)) + more) if names else ""


def counted(number: int, word: str) -> str:
    """Return `1 cause`, `2 causes`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
