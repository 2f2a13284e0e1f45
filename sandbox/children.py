"""Processes of the sandbox that die with it, whatever happens to it."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Account:
    """A user of the operating system that a child turns into."""

    user: int
    group: int

    def may_read(self, folder: Path) -> bool:
        """Whether this user can walk down to `folder` (judged by owner, group and mode bits)."""
        real = folder.resolve()
        return all(self._may_enter(place) for place in (real, *real.parents))

    def _may_enter(self, place: Path) -> bool:
        state = place.stat()
        if state.st_uid == self.user:
            return bool(state.st_mode & 0o100)
        if state.st_gid == self.group:
            return bool(state.st_mode & 0o010)
        return bool(state.st_mode & 0o001)


def unprivileged_account() -> Account | None:
    """Return `nobody` when we are root, and None when there are no rights to drop."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


async def start_child(  # noqa: PLR0913  one keyword an aspect of a process
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
    folder: Path | None = None,
    stdin: int | None = asyncio.subprocess.DEVNULL,
    stdout: int | None = asyncio.subprocess.PIPE,
    stderr: int | None = asyncio.subprocess.STDOUT,
    pass_fds: Sequence[int] = (),
) -> asyncio.subprocess.Process:
    """Start `command`; it gets `death_signal` when this process dies.

    Call it in the main thread's event loop: Linux counts the death of the *thread* that forked.
    """
    program = shutil.which(command[0])
    if program is None:
        raise FileNotFoundError(command[0])
    identity = (-1, -1) if account is None else (account.user, account.group)
    words = [str(os.getpid()), str(int(death_signal)), *(str(number) for number in identity)]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(LAUNCHER), *words, program, *command[1:]),
        env=None if environment is None else dict(environment),
        cwd=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(pass_fds),
        # Ctrl-C in a terminal reaches the sandbox alone, which then stops its children in order.
        start_new_session=True,
    )


async def stop_child(
    process: asyncio.subprocess.Process,
    *,
    by: signal.Signals = signal.SIGTERM,
    patience: float = 2.0,
) -> None:
    """Ask the process to end, and end it after `patience` seconds."""
    if process.returncode is not None:
        return
    process.send_signal(by)
    try:
        async with asyncio.timeout(patience):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
