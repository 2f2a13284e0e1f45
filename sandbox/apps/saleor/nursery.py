"""Imports Django once, then forks a process for each container or command of the stand-in.

Requests come on standard input, a Unix socket, each with the file descriptors that become the new
process's standard input, output and error, and (for a server) its bound socket. Each end is reported as a
JSON line on standard output.
"""

import ctypes
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.apps.saleor import manage, serve
from sandbox.apps.saleor.protocol import receive
from sandbox.launch import PR_SET_PDEATHSIG

PROGRAMS = {"serve": serve.main, "manage": manage.main}
# What does not look at the settings when it is imported, since they differ by container.
PRELOADED = (
    "django.apps",
    "django.core.handlers.wsgi",
    "django.core.management",
    "django.core.wsgi",
    "django.db.backends.postgresql.base",
    "django.db.models",
    "dns.query",
    "graphql",
    "psycopg",
    "wsgiref.simple_server",
)


def become(request: Mapping[str, Any], descriptors: Sequence[int], parent: int) -> int:
    """Turn the forked process into the program asked for; returns its exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return 1
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for place, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environment"])
    words = [*request["words"], *(("--fd", str(descriptors[3])) if descriptors[3:] else ())]
    try:
        return PROGRAMS[request["program"]](words)
    except SystemExit as ending:
        return _code_of(ending)
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001  what an interpreter does at its top
        traceback.print_exc()
        return 1


def _code_of(ending: SystemExit) -> int:
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    sys.stderr.write(f"{ending.code}\n")
    return 1


def fork(request: Mapping[str, Any], descriptors: Sequence[int]) -> int:
    """Start a process; returns its id."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        code = become(request, descriptors, parent)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    for descriptor in descriptors:
        os.close(descriptor)
    return child


def reap(running: dict[int, int]) -> None:
    """Report each process that has ended; one ended by a signal counts as a shell counts it."""
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if child == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        report({"id": running.pop(child), "code": code if code >= 0 else 128 - code})


def report(message: Mapping[str, Any]) -> None:
    """Tell the sandbox something."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def obey(request: dict[str, Any], descriptors: Sequence[int], running: dict[int, int]) -> None:
    """Start or signal a process."""
    if "signal" not in request:
        running[fork(request, descriptors)] = request["id"]
        return
    for child, identity in running.items():
        if identity == request["id"]:
            os.kill(child, request["signal"])


def main() -> None:
    """Serve requests until the sandbox closes its end."""
    channel = socket.socket(fileno=os.dup(0))
    for name in PRELOADED:
        importlib.import_module(name)
    wake, waker = socket.socketpair()
    for end in (wake, waker):
        end.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    running: dict[int, int] = {}
    selector = selectors.DefaultSelector()
    selector.register(channel, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    report({"ready": True})
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if wake in ready:
            wake.recv(1024)
            reap(running)
        if channel in ready:
            received = receive(channel)
            if received is None:
                break
            obey(*received, running)
    for child in running:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
