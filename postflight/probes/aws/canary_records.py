"""Which canaries a run has written and not removed yet: kept in its folder, where the next run finds them."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shlex
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from postflight.evidence import Unverified
from postflight.writing import Redact, write_json

if TYPE_CHECKING:
    from filelock import BaseFileLock

FOLDER: Final = "canaries"


@dataclass(frozen=True)
class WrittenCanary:
    """An object that may lie in a bucket.

    `version`: the one that has to be removed, where the bucket keeps versions; `why`: why it is not removed,
    empty as long as its run has not tried.
    """

    bucket: str
    key: str
    role: str | None = None
    version: str = ""
    why: str = ""

    @property
    def command(self) -> str:
        """The AWS CLI's command that removes it for good."""
        words = ["aws", "s3api", "delete-object", "--bucket", self.bucket, "--key", self.key]
        return shlex.join([*words, *(("--version-id", self.version) if self.version else ())])


@dataclass(frozen=True)
class Record:
    """A canary in the folder of a run, which may be over."""

    canary: WrittenCanary
    file: Path

    @property
    def is_of_a_live_process(self) -> bool:
        """Whether the process that wrote it goes on: it holds a lock, which ends with the process."""
        from filelock import Timeout

        lock = _lock(self.file)
        try:
            lock.acquire()
        except Timeout:
            return True
        lock.release()
        return False

    def drop(self) -> None:
        """Forget it: the canary is gone."""
        self.file.unlink(missing_ok=True)
        self.file.with_suffix(".lock").unlink(missing_ok=True)


class CanaryRecords:
    """The canaries of one run's process. Safe to use from any thread; without a folder nothing is kept."""

    def __init__(self, run: Path | None = None, redact: Redact = str) -> None:
        self._run = run
        self._redact = redact
        self._locks: dict[Path, BaseFileLock] = {}
        self._changing = threading.Lock()

    def new_key(self, prefix: str, time: str) -> str:
        """Return the key of a new canary: time, run, and a number, so that it tells whose it is."""
        run = re.sub(r"[^A-Za-z0-9.-]+", "-", self._run.name) + "-" if self._run is not None else ""
        return f"{prefix}{time}Z-{run}{secrets.token_hex(8)}"

    def keep(self, canary: WrittenCanary) -> None:
        """Write down a canary, or what is new of it, and mark it as this process's.

        Raises Unverified where that cannot be done: a canary that could not be found again is not written.
        """
        file = self.file(canary)
        if file is None:
            return
        try:
            file.parent.mkdir(exist_ok=True)
            with self._changing:
                if file not in self._locks:
                    self._locks[file] = _lock(file)
                    self._locks[file].acquire()
            write_json(file, asdict(canary), self._redact)
        except (OSError, NotImplementedError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise Unverified(
                f"No canary was written: it cannot be recorded in {file.parent} ({why})."
            ) from None

    def drop(self, canary: WrittenCanary) -> None:
        """Forget a canary that is gone."""
        file = self.file(canary)
        if file is not None:
            file.unlink(missing_ok=True)
            self.release(canary)
            file.with_suffix(".lock").unlink(missing_ok=True)

    def release(self, canary: WrittenCanary) -> None:
        """Leave a canary to the next run: this process does no more for it."""
        with self._changing:
            lock = self._locks.pop(self.file(canary) or Path(), None)
        if lock is not None:
            lock.release()

    def leave(self, canary: WrittenCanary) -> None:
        """Write down a canary that is left to the next run. Raises Unverified."""
        self.keep(canary)
        self.release(canary)

    @property
    def is_any_pending(self) -> bool:
        """Whether this process has written a canary that it still has to remove."""
        return bool(self._locks)

    def of_this_run(self) -> list[Record]:
        """Return what is recorded in this run's folder, by all its processes."""
        return list(_records(self._run.parent, self._run.name)) if self._run is not None else []

    def of_bucket(self, bucket: str) -> dict[str, Record]:
        """Return what runs with folders beside this one's have recorded of a bucket, by key, newest first."""
        if self._run is None:
            return {}
        every = _records(self._run.parent, "*")
        found = {one.canary.key: one for one in every if one.canary.bucket == bucket}
        return dict(sorted(found.items(), reverse=True))

    def tidy(self) -> None:
        """Remove the folder of the records, unless something is left."""
        if self._run is not None and not self.of_this_run():
            shutil.rmtree(self._run / FOLDER, ignore_errors=True)

    def file(self, canary: WrittenCanary) -> Path | None:
        """Return where a canary is recorded; None without a folder."""
        if self._run is None:
            return None
        name = hashlib.sha256(f"{canary.bucket}/{canary.key}".encode()).hexdigest()[:16]
        return self._run / FOLDER / f"{name}.json"


def _records(reports: Path, run: str) -> Iterator[Record]:
    for file in reports.glob(f"{run}/{FOLDER}/*.json"):
        if file.parent.parent.is_symlink():
            continue
        try:
            yield Record(WrittenCanary(**json.loads(file.read_text(encoding="utf-8"))), file)
        except (OSError, ValueError, TypeError):
            # Another run has just removed it, or it is none of ours: then its key's age tells enough.
            continue


def _lock(record: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(record.with_suffix(".lock"), timeout=0, thread_local=False)
