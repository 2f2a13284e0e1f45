"""Becomes another program that cannot outlive its parent and runs without root's rights.

Run by path in an isolated interpreter (`python -I -S launch.py …`), so that it needs nothing of the
checkout once it has started: the user it turns into may not be able to read that folder.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, death_signal: int, user: int, group: int, command: list[str]) -> None:
    """Replace this process by `command` (its full path first); a negative user keeps ours."""
    # Whatever needs Python's own files is loaded first: the other user may not be able to read them.
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if user >= 0:
        os.setgroups([])
        os.setgid(group)
        os.setuid(user)
    if library is not None:
        # After setuid: the kernel forgets the wish when a process changes its user.
        library.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("launch: the parent went away before the start")
    os.execv(command[0], command)  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    parent, death_signal, user, group = (int(word) for word in sys.argv[1:5])
    become(parent, death_signal, user, group, sys.argv[5:])
