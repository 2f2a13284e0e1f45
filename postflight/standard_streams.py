"""Standard output and error of a process whose reader may be gone, or whose disk may be full.

What is printed is a view of a run, not its result: `| head -1` or a full disk changes no verdict.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Outlet(io.FileIO):
    """A file descriptor that takes everything: after the first error, what is written to it is dropped."""

    trouble: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or drop, and return the number of bytes. `trouble` keeps why they were dropped."""
        if self.trouble is None:
            try:
                # None: a pipe that does not block takes no more for now, which the caller handles.
                return super().write(data)
            except OSError as error:
                self.trouble = error
        return memoryview(data).nbytes


def protect() -> Outlet | None:
    """Make standard output and error take everything. Return that of standard output, if it is a file.

    A closed one becomes the null device, before a file that is opened later gets its number and what is
    printed.
    """
    sys.stderr, _ = _protected(sys.stderr, 2)
    sys.stdout, outlet = _protected(sys.stdout, 1)
    return outlet


def _protected(stream: TextIO | None, number: int) -> tuple[TextIO, Outlet | None]:
    _open(number)
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8"), None
    if type(stream) is not io.TextIOWrapper or stream not in (sys.__stdout__, sys.__stderr__):
        return stream, None
    outlet = Outlet(number, "w", closefd=False)
    protected = io.TextIOWrapper(
        # As Python makes them: with PYTHONUNBUFFERED there is nothing between text and file.
        outlet if stream.write_through else io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    return protected, outlet


def _open(number: int) -> None:
    """Open the null device as a file descriptor that is closed."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        if null != number:
            os.close(null)


def loss(outlet: Outlet | None) -> str:
    """Return why not all of standard output could be written, in a few words; nothing where it could."""
    if outlet is None:
        return ""
    sys.stdout.flush()
    if outlet.trouble is None:
        return ""
    return f"standard output could not be written to its end ({outlet.trouble.strerror})"


def is_loss(outlet: Outlet | None) -> bool:
    """Whether output was lost that is wanted. A reader that ends early, as `| head` does, has enough."""
    return bool(loss(outlet)) and outlet is not None and not isinstance(outlet.trouble, BrokenPipeError)
