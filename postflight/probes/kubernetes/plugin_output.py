"""Reads what a process prints until the process ends, not until each of its children has."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# Far more than any ExecCredential or complaint; the rest is read and dropped, so that the writer goes on.
_OUTPUT_BYTES: Final = 1 << 20
_COMPLAINT_BYTES: Final = 1 << 14
# How often the end of the process is looked for while nothing is printed.
_PAUSE_S: Final = 0.02
_AFTER_ITS_END_S: Final = 1.0


@dataclass(frozen=True)
class Printed:
    """What a process printed, up to some size; `status`: None where the time limit ended it."""

    status: int | None
    output: bytes
    complaints: bytes


def run(command: Sequence[str], environment: Mapping[str, str], limit_s: float) -> Printed:
    """Run a command for at most `limit_s`; then it and what it started are ended. Raises OSError."""
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as running:  # fmt: skip
        try:
            ended, output, complaints = _read(running, time.monotonic() + limit_s)
        except BaseException:
            _end(running)
            raise
        if not ended:
            _end(running)
        return Printed(running.wait() if ended else None, output, complaints)


def _read(running: subprocess.Popen[bytes], until: float) -> tuple[bool, bytes, bytes]:
    """Return whether the process ended in time, and what it printed."""
    output, complaints = bytearray(), bytearray()
    with selectors.DefaultSelector() as pipes:
        if running.stdout is not None and running.stderr is not None:
            pipes.register(running.stdout, selectors.EVENT_READ, (output, _OUTPUT_BYTES))
            pipes.register(running.stderr, selectors.EVENT_READ, (complaints, _COMPLAINT_BYTES))
        has_ended = False
        while True:
            if not has_ended and running.poll() is not None:
                # A child may hold a pipe, and print, for as long as it likes.
                has_ended, until = True, time.monotonic() + _AFTER_ITS_END_S
            is_any = _read_once(pipes)
            if (has_ended and not is_any) or time.monotonic() > until:
                return has_ended, bytes(output), bytes(complaints)


def _read_once(pipes: selectors.BaseSelector) -> bool:
    """Read what there is, or wait a moment for it; return whether there was anything."""
    if not pipes.get_map():
        time.sleep(_PAUSE_S)
        return False
    ready = pipes.select(_PAUSE_S)
    for key, _ in ready:
        chunk = os.read(key.fd, 65536)
        into, most = key.data
        into.extend(chunk[: most - len(into)])
        if not chunk:
            pipes.unregister(key.fileobj)
    return bool(ready)


def _end(running: subprocess.Popen[bytes]) -> None:
    """End a process and what it started itself: a browser's listener, say."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGKILL)
