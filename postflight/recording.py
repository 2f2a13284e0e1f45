"""A run's answers on disk: one JSON file a question, redacted on writing, shared by worker processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from postflight.evidence import Kept, Looking, Unverified
from postflight.redaction import redacted
from postflight.writing import write_json


class NotRecordedError(Exception):
    """The folder holds no answer to a question."""


@dataclass(frozen=True)
class _NotSeen:
    message: str
    permission: str | None


@dataclass(frozen=True)
class _Told:
    """What is read of a file of `evidence/`; `evidence` itself is checked by the probe's own type."""

    began: float
    evidence: Any = None
    unverified: _NotSeen | None = None


_TOLD = TypeAdapter(_Told)


class Recording:
    """The folder `evidence/` of a run."""

    def __init__(self, folder: Path, redact: Callable[[str], str] = str) -> None:
        self._folder = folder
        self._redact = redact

    def read(self, looking: Looking, since: float = 0.0) -> Kept:
        """Return what came of a look that began `since` then (seconds since the epoch).

        Raises NotRecordedError.
        """
        file = self._folder / looking.question.file_name
        try:
            if file.exists() and not file.is_file():
                raise NotRecordedError(f"{file} is not a regular file")
            told = _TOLD.validate_json(file.read_bytes())
        except FileNotFoundError:
            raise NotRecordedError(f"{file} is not there") from None
        except OSError as error:
            raise NotRecordedError(f"{file} cannot be read: {error.strerror}") from None
        except ValidationError:
            raise NotRecordedError(f"{file} is not what a run writes") from None
        if told.began < since:
            raise NotRecordedError(f"{file} is older")
        if told.unverified is not None:
            return Kept(Unverified(told.unverified.message, told.unverified.permission), told.began)
        try:
            return Kept(TypeAdapter(looking.answer_type).validate_python(told.evidence), told.began)
        except (ValidationError, RecursionError):
            raise NotRecordedError(f"{file} was written by another version of this probe") from None

    def write(self, looking: Looking, kept: Kept) -> None:
        """Write what came of one look.

        Raises Unverified where it cannot be written: a verdict whose evidence is lost proves nothing later.
        """
        told: dict[str, Any] = {
            "probe": looking.question.probe,
            "arguments": json.loads(looking.question.arguments),
            "began": kept.began,
            "duration_s": round(time.time() - kept.began, 4),
        }
        if isinstance(kept.outcome, Unverified):
            told["unverified"] = {"message": str(kept.outcome), "permission": kept.outcome.permission}
        else:
            told["evidence"] = TypeAdapter(looking.answer_type).dump_python(kept.outcome, mode="json")
        file = self._folder / looking.question.file_name
        with self._kept():
            try:
                write_json(file, told, self._redact, indent=1)
            except FileNotFoundError:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_json(file, told, self._redact, indent=1)

    def once(self, looking: Looking, since: float, look: Callable[[], Kept]) -> Kept:
        """Return what came of another process's look that began since then, or look while it waits.

        Raises Unverified where another's look does not end.
        """
        from filelock import FileLock, Timeout

        with self._kept():
            self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(
            self._folder / f".{looking.question.file_name}.lock",
            timeout=looking.deadline_s,
            thread_local=False,
        )
        try:
            with lock:
                try:
                    return self.read(looking, since)
                except NotRecordedError:
                    return look()
        except Timeout:
            waited = f"another process looked for {looking.deadline_s:g} s without an answer"
            raise Unverified(f"{looking.question.probe}: {waited}{looking.why_late()}") from None

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unverified(f"what is seen cannot be kept in {self._folder}: {error.strerror}") from None


def redact_again(folder: Path, redact: Callable[[str], str]) -> None:
    """Replace in recorded answers the secrets that were not known yet when they were written."""
    for file in folder.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        # Without an escape the text shows its values as they are, and a long listing need not be read twice.
        if "\\" not in text and redact(text) == text:
            continue
        kept = json.loads(text)
        if redacted(kept, redact) != kept:
            write_json(file, kept, redact, indent=1)


class RecordedAnswers:
    """Answers from a recorded run: no network, no credentials, and never a newer one."""

    renewals = 0

    def __init__(self, folder: Path) -> None:
        self._recording = Recording(folder)

    def ask(self, looking: Looking, since: float = 0.0) -> Any:
        """Return the recorded evidence, however old. Raises Unverified if the run did not record it."""
        del since
        try:
            return self._recording.read(looking).evidence()
        except NotRecordedError:
            asked = looking.question.probe
            raise Unverified(f"the recorded run did not ask {asked}, or not as this version does") from None
