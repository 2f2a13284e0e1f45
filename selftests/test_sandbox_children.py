"""Nothing of the sandbox outlives it, however it ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ORPHAN = """
import asyncio, sys
from pathlib import Path
from sandbox.databases.postgres import Plan, start_postgres
from sandbox.databases.redis import Redis
from sandbox.network.certificates import Authority

async def main(folder):
    cache = Redis("cache")
    await cache.start(folder)
    certificate = Authority("orphan").issue("orphan.test")
    server, = await start_postgres(folder, [Plan("one", "master", ("data",), certificate, force_ssl=False)])
    print(cache._process.pid, server._process.pid, server.folder.parent, flush=True)
    await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""


def _is_alive(process: int) -> bool:
    state = Path(f"/proc/{process}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def _makers_of_shared_memory() -> set[int]:
    rows = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {int(row.split()[4]) for row in rows}


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_servers_die_with_a_killed_sandbox(tmp_path: Path) -> None:
    """SIGKILL leaves no time to tidy up, and still nothing may go on running or hold shared memory."""
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    with parent:
        assert parent.stdout is not None
        words = parent.stdout.readline().split(maxsplit=2)
        children = [int(word) for word in words[:2]]
        assert all(_is_alive(child) for child in children)
        assert _makers_of_shared_memory() & set(children)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(_is_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(words[2].strip(), ignore_errors=True)
    assert not any(_is_alive(child) for child in children)
    assert not _makers_of_shared_memory() & set(children)
