"""The code blocks of a page of Markdown, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ("README.md", "README.ko.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))))

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s{2,}#\s.*$")


@dataclass(frozen=True)
class Block:
    """A code block: the page, its first line there, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        """`docs/running.md:40`."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the lines that the page says it prints."""

    place: str
    text: str
    output: tuple[str, ...]


def text_of(page: str) -> str:
    """Return a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> Iterator[Block]:
    """Yield a page's blocks, of these languages or of all."""
    text = text_of(page)
    for found in _BLOCK.finditer(text):
        if not languages or found["language"] in languages:
            yield Block(page, text.count("\n", 0, found.start()) + 2, found["language"], found["text"])


def commands(page: str) -> Iterator[Command]:
    """Yield the commands of a page's console blocks, without their trailing comments."""
    for block in blocks(page, "console"):
        yield from _commands(block)


def _commands(block: Block) -> Iterator[Command]:
    lines = list(_joined(block))
    starts = [number for number, (_, text) in enumerate(lines) if text.startswith("$ ")]
    assert starts[:1] == [0], f"{block.place}: a console block begins with a command"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        number, text = lines[start]
        output = tuple(line for _, line in lines[start + 1 : end])
        yield Command(f"{block.page}:{number}", _COMMENT.sub("", text.removeprefix("$ ")), output)


def _joined(block: Block) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line; one that goes on behind a backslash is one."""
    begun, held = 0, ""
    for number, line in enumerate(block.text.splitlines(), block.line):
        begun = begun if held else number
        text = f"{held}{line.strip() if held else line}"
        held = text.removesuffix("\\").rstrip() + " " if text.endswith("\\") else ""
        if not held:
            yield begun, text
