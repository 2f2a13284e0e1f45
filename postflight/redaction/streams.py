"""Text streams that let out no secret, no control character and no foreign command of a CI system."""

from __future__ import annotations

import re
from typing import TextIO

from postflight.redaction.known import Secrets

# What pytest colours, erases and rewrites lines with; everything else of its kind is foreign.
_MARKUP = re.compile(r"(\x1b\[[0-9;]*[mK]|\r)")
# GitHub Actions (`::error::`, `##[error]`) and Azure Pipelines (`##vso[…]`) act on lines that begin so.
_COMMAND = re.compile(r"(?m)^([ \t]*)(?:::(?=[\w-]+(?:[ ,][^\n]*)?::)|##(?=\[|vso\[))")


class Guarded:
    """A text stream around another one: what is written to it is redacted first."""

    def __init__(self, stream: TextIO, secrets: Secrets, *, has_markup: bool = False) -> None:
        """Guard `stream`; `has_markup`: colours are written to it, and lines are rewritten."""
        self._stream = stream
        self._secrets = secrets
        self._has_markup = has_markup
        self._commands: set[str] = set()

    def allow_command(self, line: str) -> None:
        """Let this line be a command to the CI system; any other that looks so is made harmless."""
        self._commands.add(line)

    def write(self, text: str) -> int:
        """Write a text, redacted; return how much of the text was taken."""
        self._stream.write(self._shown(text))
        return len(text)

    def _shown(self, text: str) -> str:
        if text.strip("\n") in self._commands:
            return text
        kept = self._secrets.redact
        pieces = _MARKUP.split(text) if self._has_markup else [text]
        # Of a text split by one group, every second piece is the markup itself.
        shown = "".join(piece if number % 2 else kept(piece) for number, piece in enumerate(pieces))
        return harmless(shown)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of the stream. Raises OSError where it has none."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        """Encoding of the stream."""
        return self._stream.encoding


def harmless(text: str) -> str:
    """Return a text whose lines are no commands to a CI system."""
    if "::" not in text and "##" not in text:
        return text
    return _COMMAND.sub(lambda found: f"{found[1]}{': :' if '::' in found[0] else '# #'}", text)
